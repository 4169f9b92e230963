package envoy

import (
	"google.golang.org/protobuf/types/known/structpb"

	"outrider.dev/outrider/config"
)

// checker reads one configuration of Envoy's.
type checker struct {
	root     node
	maxBody  int64 // that the decision service takes, in bytes; 0: not known
	clusters map[string]node
	managers int
}

// Check reads an Envoy's configuration and reports what would let a call past
// the question, or an answer past the guards. The decision service takes bodies
// of maxBody bytes; 0 where that is not known. The error is of type [config.Errors].
//
// It looks at what is written in the file. What comes later, by xDS, it refuses
// to vouch for.
func Check(file string, maxBody int64) error {
	f, err := config.LoadForeign(file)
	if err != nil {
		return err
	}
	c := checker{root: node{in: f, v: structpb.NewStructValue(f.Root)}, maxBody: maxBody, clusters: map[string]node{}}
	c.check()
	return f.Err()
}

func (c *checker) check() {
	for _, name := range []string{"lds_config", "cds_config", "ads_config"} {
		c.root.at("dynamic_resources", name).failIfWritten("what comes by "+name+" is not checked here", "check the resources as they stand in a file")
	}
	resources := c.root.get("static_resources")
	resources.get("clusters").each(func(n node) { c.clusters[n.get("name").text()] = n })
	resources.get("listeners").each(func(l node) {
		l.get("filter_chains").each(c.chain)
		c.chain(l.get("default_filter_chain"))
	})
	if c.managers == 0 {
		resources.fail("no listener of the file serves HTTP", "give the Envoy's bootstrap: static_resources with listeners")
	}
}

// chain looks at the network filters of a connection.
func (c *checker) chain(n node) {
	n.get("filters").each(func(f node) {
		typed := f.get("typed_config")
		switch {
		case typed.is("HttpConnectionManager"):
			c.managers++
			c.manager(typed)
		case typed.is("TcpProxy"):
			typed.fail("this listener forwards bytes that nobody judged", "serve agents by an HttpConnectionManager alone")
		}
	})
}

// manager looks at what one HttpConnectionManager does with a request.
func (c *checker) manager(n node) {
	n.get("upgrade_configs").each(func(u node) {
		u.fail("what travels after an upgrade passes unjudged", "remove it")
	})
	faces := c.filters(n.get("http_filters"))
	if !faces.authz.written() && !faces.proc.written() {
		n.get("http_filters").fail("neither ext_authz nor ext_proc stands in this chain: every call passes", "add them in front of the router")
		return
	}
	c.authz(faces.authz.get("typed_config"))
	c.proc(faces.proc.get("typed_config"))
	if !n.get("route_config").written() {
		n.fail("the routes are not in the file, so they are not checked", "write them as route_config")
	}
	c.routes(n.get("route_config"), faces)
}

// faces are the two filters of a chain that ask, as entries of http_filters.
type faces struct{ authz, proc node }

// filters finds the faces among the filters of a chain, and judges their order.
func (c *checker) filters(list node) faces {
	var out faces
	routed := false
	list.each(func(f node) {
		typed := f.get("typed_config")
		authz, proc := typed.is("ext_authz.v3.ExtAuthz"), typed.is("ext_proc.v3.ExternalProcessor")
		switch {
		case !authz && !proc:
			routed = routed || typed.is("router.v3.Router")
			return
		case routed:
			f.fail("this filter stands behind the router, which ends the chain", "put it in front")
		case authz && out.proc.written():
			f.fail("ext_authz stands behind ext_proc: it would judge what ext_proc changed, and ext_proc what nobody judged yet", "put ext_authz first")
		case authz && out.authz.written(), proc && out.proc.written():
			f.fail("the filter stands here twice", "keep one")
		}
		f.get("disabled").failIfOn("a filter that is disabled asks nobody", "remove the line")
		f.get("is_optional").failIfOn("Envoy leaves an optional filter out where it does not know it", "remove the line")
		if authz {
			out.authz = f
		} else {
			out.proc = f
		}
	})
	return out
}
