package authz

import (
	"slices"
	"strings"

	"outrider.dev/outrider/authz/cel"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// Outcome is what the rules say about a call.
type Outcome struct {
	Allow   bool
	Reason  decision.Reason // of a refusal; of an allowed call only Rule is set
	Policy  string          // the policy that decided
	Version string          // its version
	Rule    string          // the rule that decided, with its place; may be empty
	// Observed is what policies in Observe would have refused.
	Observed []Observation
}

// Observation is a refusal that did not happen, because its policy observes.
type Observation struct {
	Policy, Version string
	Reason          decision.Reason
}

// Judge judges a call by the rules of the selected policies. It is for calls
// that rules must judge: what every agent may do once it is selected, such as
// the MCP handshake, is not asked. A tools/list passes if the surface has an
// allow list at all and no deny applies; its tools are for [Selection.Visible].
func (s *Selection) Judge(c *input.Call) Outcome {
	if s.Empty() {
		return Outcome{Reason: decision.Reason{Code: decision.CodeNoPolicy, Message: "no policy selects agent " + shown(c.Request.Caller.Agent)}}
	}
	j := newJudging(c)
	out := j.enforce(s)
	out.Observed = j.observe(s)
	if !out.Allow && isToolCall(c) {
		out.Reason.Hidden = !s.shows(c.Listed(c.Tool))
	}
	return out
}

// isToolCall reports whether the call can be hidden at all.
func isToolCall(c *input.Call) bool {
	return c.Request.Surface == decision.MCP && c.Roots().Has(input.Tool)
}

// Visible tells which of the tools a list shows: those whose call is not
// refused already without its arguments.
func (s *Selection) Visible(c *input.Call, tools []decision.Tool) []bool {
	out := make([]bool, len(tools))
	for i, t := range tools {
		out[i] = s.shows(c.Listed(t))
	}
	return out
}

// shows judges one list entry. Without any policy nothing is shown.
func (s *Selection) shows(c *input.Call) bool {
	return !s.Empty() && newJudging(c).enforce(s).Allow
}

// judging is the work on one call: the call as policies see it that believe
// its token and, once one asks, as the others see it.
type judging struct {
	call      *input.Call
	surface   decision.Surface
	anonymous *input.Call
}

// newJudging takes what is no LLM call for one of the stricter surface.
func newJudging(c *input.Call) *judging {
	j := &judging{call: c, surface: decision.MCP}
	if c.Request.Surface == decision.LLM {
		j.surface = decision.LLM
	}
	return j
}

// view is the call as the policy sees it.
func (j *judging) view(p *Policy) *input.Call {
	if p.sees(j.call.Principal, j.surface) {
		return j.call
	}
	if j.anonymous == nil {
		j.anonymous = j.call.Anonymous()
	}
	return j.anonymous
}

// enforce judges by the enforcing policies: every deny first, then the models,
// then each policy's allow list.
func (j *judging) enforce(s *Selection) Outcome {
	if len(s.enforce) == 0 {
		return Outcome{Allow: true}
	}
	if out, refused := j.denied(s.enforce); refused {
		return out
	}
	for _, p := range s.enforce {
		if !j.modelAllowed(p) {
			return j.refuseModel(p)
		}
	}
	out, listed := Outcome{Allow: true}, false
	for _, p := range s.enforce {
		if !p.hasAllowList(j.surface) {
			continue
		}
		name, ok := j.allowed(p)
		if !ok {
			return j.refuseUnlisted(p)
		}
		if !listed {
			listed = true
			out.Policy, out.Version, out.Rule, out.Reason.Rule = p.Name, p.Version, name, name
		}
	}
	if !listed && j.surface == decision.MCP {
		return refuseSurface(s.enforce[0])
	}
	if !listed {
		out.Policy, out.Version = s.enforce[0].Name, s.enforce[0].Version
	}
	return out
}

// observe finds what the observing policies would refuse if all of them
// enforced.
func (j *judging) observe(s *Selection) []Observation {
	var seen []Observation
	listless := len(s.enforce) == 0 && j.surface == decision.MCP && !slices.ContainsFunc(s.observe, func(p *Policy) bool { return p.hasAllowList(j.surface) })
	for i, p := range s.observe {
		out, refused := j.denied([]*Policy{p})
		if !refused && !j.modelAllowed(p) {
			out, refused = j.refuseModel(p), true
		}
		if !refused && p.hasAllowList(j.surface) {
			if _, ok := j.allowed(p); !ok {
				out, refused = j.refuseUnlisted(p), true
			}
		}
		if !refused && listless && i == 0 {
			out, refused = refuseSurface(p), true
		}
		if refused {
			seen = append(seen, Observation{Policy: p.Name, Version: p.Version, Reason: out.Reason})
		}
	}
	return seen
}

// moduleDeny is what verdicts call the deny of a module.
const moduleDeny = "rego deny"

// denied looks for a deny. One that holds is reported before one that cannot
// be evaluated, so that the order of policies and rules decides neither.
func (j *judging) denied(policies []*Policy) (Outcome, bool) {
	var broken Outcome
	failed := false
	for _, p := range policies {
		view := j.view(p)
		for _, r := range p.denies {
			switch result := r.eval(view); {
			case result.Truth == cel.True:
				return j.refuseDenied(p, r.label, r.at, r.message), true
			case !failed && j.fails(result):
				failed, broken = true, refuseBroken(p, r.label, r.at, result.Missing)
			}
		}
		switch messages, err := j.moduleDenies(p, view); {
		case len(messages) > 0:
			return j.refuseDenied(p, moduleDeny, p.moduleAt, strings.Join(messages, "; ")), true
		case err != nil && !failed:
			failed, broken = true, refuseBroken(p, moduleDeny, p.moduleAt, err.Error())
		}
	}
	return broken, failed
}

// fails reports whether the result of a deny rule denies as an error does. An
// unknown one is an error, too, unless a list is filtered.
func (j *judging) fails(r cel.Result) bool {
	return r.Truth == cel.Failed || r.Truth == cel.Unknown && !j.call.ArgsUnknown
}

// moduleDenies asks the module's deny or, while a list is filtered and the
// module has it, visible.
func (j *judging) moduleDenies(p *Policy, view *input.Call) ([]string, error) {
	asksVisible := j.asksVisible(p)
	if p.module == nil || !asksVisible && !p.module.HasDeny() {
		return nil, nil
	}
	if !asksVisible {
		return p.module.Deny(view)
	}
	if visible, err := p.module.Visible(view); visible || err != nil {
		return nil, err
	}
	return []string{"the module does not show the tool"}, nil
}

// asksVisible reports whether the module's visible stands for its other rules.
func (j *judging) asksVisible(p *Policy) bool {
	return j.call.ArgsUnknown && p.module != nil && p.module.HasVisible()
}

// modelAllowed judges the name that the agent asked for; a list of the models
// asks for none.
// modelAllowed judges the name that the agent asked for, whatever the route
// sends to the provider later.
func (j *judging) modelAllowed(p *Policy) bool {
	return j.surface != decision.LLM || j.call.Method == "models.list" || matchAny(p.models, j.call.Request.LLM.Model)
}

// allowed returns the first rule of the policy's list that allows the call.
func (j *judging) allowed(p *Policy) (string, bool) {
	if j.call.Method == "tools/list" && !j.call.Roots().Has(input.Tool) {
		return "", true // the tools themselves are judged one by one
	}
	view := j.view(p)
	for _, r := range p.allows {
		switch r.eval(view).Truth {
		case cel.True:
			return r.name(), true
		case cel.Unknown:
			if j.call.ArgsUnknown {
				return r.name(), true
			}
		}
	}
	if p.module == nil || !p.module.HasAllow() {
		return "", false
	}
	if j.asksVisible(p) {
		return withPlace("rego visible", p.moduleAt), true // moduleDenies has asked it
	}
	ok, err := p.module.Allow(view)
	return withPlace("rego allow", p.moduleAt), ok && err == nil
}
