package envoy

import (
	"maps"
	"strings"
)

// scope is what holds for a route: what Envoy says of it to the decision
// service, and which filters it leaves out.
type scope struct {
	context           map[string]string
	noAuthz, noProc   node // the line that turns the filter off, if any
	authz, proc       string
	hasAuthz, hasProc bool
	anyHost           bool // calls may name any host
}

// routes looks at every route that leads somewhere.
func (c *checker) routes(config node, f faces) {
	top := scope{
		authz: f.authz.get("name").text(), hasAuthz: f.authz.written(),
		proc: f.proc.get("name").text(), hasProc: f.proc.written(),
	}.within(config)
	config.get("vhds").failIfWritten("routes that come later are not checked here", "write them as virtual_hosts")
	config.get("virtual_hosts").each(func(host node) {
		mirrors(host)
		host.get("matcher").failIfWritten("routes of a matcher are not checked here", "write them as routes")
		hostScope := top.within(host)
		host.get("domains").each(func(d node) { hostScope.anyHost = hostScope.anyHost || strings.Contains(d.text(), "*") })
		host.get("routes").each(func(r node) { c.route(r, hostScope.within(r)) })
	})
	mirrors(config)
}

// route looks at one entry of a route table.
func (c *checker) route(r node, s scope) {
	action := r.get("route")
	if !action.written() {
		return // answered here: nothing is forwarded
	}
	mirrors(action)
	action.get("upgrade_configs").each(func(u node) { u.fail("what travels after an upgrade passes unjudged", "remove it") })
	for _, name := range []string{"internal_redirect_policy", "internal_redirect_action"} {
		action.get(name).failIfWritten("answers could send the call, with its key, to another route", "remove it: redirects are refused")
	}
	weighted := action.at("weighted_clusters", "clusters")
	if !weighted.written() {
		s.judge(r)
		c.upstream(action, action.get("cluster"), s.anyHost && !namesHost(action))
		return
	}
	weighted.each(func(one node) {
		s.within(one).judge(one)
		c.upstream(one, one.get("name"), s.anyHost && !namesHost(action) && !namesHost(one))
	})
}

// namesHost reports whether the configuration says by which name the target is
// asked. Other ways to rewrite it take the name from the call.
func namesHost(n node) bool {
	return n.get("host_rewrite_literal").written() || n.get("auto_host_rewrite").plainlyOn()
}

// mirrors refuses copies of calls: they carry the provider's key elsewhere.
func mirrors(n node) {
	n.get("request_mirror_policies").failIfWritten("a mirror sends the call and its key to a place that nobody was asked about", "remove it")
}

// within is the scope of something that stands inside.
func (s scope) within(n node) scope {
	s.context = maps.Clone(s.context)
	if s.context == nil {
		s.context = map[string]string{}
	}
	filters := n.get("typed_per_filter_config")
	if s.hasAuthz {
		s.perAuthz(unwrapped(filters.entry(s.authz)))
	}
	if s.hasProc {
		s.perProc(unwrapped(filters.entry(s.proc)))
	}
	return s
}

// unwrapped looks through the frame that may stand around a setting.
func unwrapped(n node) node {
	if !n.is("route.v3.FilterConfig") {
		return n
	}
	n.get("is_optional").failIfOn("Envoy leaves an optional filter out where it does not know it", "remove the line")
	if n.get("disabled").on() {
		return n
	}
	return n.get("config")
}

func (s *scope) perAuthz(n node) {
	if off := n.get("disabled"); off.on() {
		s.noAuthz = off
	}
	settings := n.get("check_settings")
	settings.get("disable_request_body_buffering").failIfOn("ext_authz sends no body here, so no call with a body can be judged", "remove the line")
	settings.get("with_request_body").failIfWritten("this route has its own way with bodies", "set it for the whole filter")
	settings.get("grpc_service").failIfWritten("this route asks another service", "set it for the whole filter")
	settings.get("http_service").failIfWritten("this route asks another service", "set it for the whole filter")
	context := settings.get("context_extensions")
	for name := range context.v.GetStructValue().GetFields() {
		s.context[name] = context.entry(name).text()
	}
}

func (s *scope) perProc(n node) {
	if off := n.get("disabled"); off.on() {
		s.noProc = off
	}
	overrides := n.get("overrides")
	overrides.get("failure_mode_allow").failIfOn(failOpen, "remove the line")
	if mode := overrides.get("processing_mode"); mode.written() {
		modes(mode)
	}
	overrides.get("processing_request_modifier").failIfWritten("what is judged is not what travels", "remove it")
	overrides.get("grpc_service").failIfWritten("this route asks another service", "set it for the whole filter")
}

// judge holds a route to being asked about, and to what it says of the filters.
func (s scope) judge(r node) {
	asksAuthz, asksProc := s.hasAuthz && !s.noAuthz.written(), s.hasProc && !s.noProc.written()
	paired := s.context[pairedKey] == pairedValue
	switch {
	case !asksAuthz && s.noAuthz.written():
		s.noAuthz.fail("ext_authz is turned off for a route that leads somewhere", "remove the line, or answer there with direct_response")
	case !asksAuthz && !asksProc:
		s.noProc.fail("nobody is asked about a route that leads somewhere", "remove the line, or answer there with direct_response")
	case paired && !asksProc:
		r.fail("the route is said to be paired, but ext_proc does not take part: edits would not be made and answers not be judged",
			"remove paired from its context_extensions, or let ext_proc take part")
	case asksAuthz && asksProc && !paired:
		r.fail("ext_authz and ext_proc both ask about this route, each for itself: calls would count twice",
			`add paired: "true" to the context_extensions of ext_authz`)
	}
}

// How a route says that ext_proc carries on what ext_authz was asked.
const (
	pairedKey   = "paired"
	pairedValue = "true"
)
