package pdp

import (
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/pdp/route"
)

// resolve finds the targets that the call means, and for a tool its server
// and the server's own name.
func (c *call) resolve() *decision.Reason {
	if c.req.Surface == decision.LLM {
		return nil // a model is routed once it is allowed
	}
	method, ok := mcp.Lookup(c.req.Method)
	if !ok || method.FromServer {
		return because(decision.CodeMethodUnknown, "the method "+decision.Quoted(c.req.Method)+" is not known here")
	}
	c.method = method
	if c.req.Tool.Named() {
		return c.resolveTool()
	}
	c.targets = c.reached(c.state.Routes.Servers(c.req.Server))
	switch {
	case len(c.targets) == 0 && c.granting:
		return because(decision.CodeServerUnknown, "no MCP server is configured under this path: see mcp.servers")
	case len(c.targets) == 1:
		c.req.Tool.Server = c.targets[0].Name // rules on servers apply, whatever the path says
	case !forAll(method) && c.granting:
		return because(decision.CodeMethodUnknown, method.Name+" means one server: use the path /mcp/{server}")
	}
	return nil
}

// forAll reports whether a method makes sense for several servers at once.
func forAll(m mcp.Method) bool { return m.Class == mcp.Handshake || m.Name == mcp.MethodToolsList }

// routeModel finds the providers of a model. It comes after the rules: a model
// that is refused is no business of the routes.
func (c *call) routeModel() *decision.Reason {
	if c.req.Surface != decision.LLM {
		return nil
	}
	switch {
	case c.req.Method == openai.OperationModels:
		c.targets = c.reached(c.state.Routes.Providers())
	case !c.byTarget(): // else the rules have left those that they admit
		c.targets = c.served(c.req.LLM.Model)
	}
	if len(c.targets) == 0 && len(c.state.Routes.Model(c.req.LLM.Model)) > 0 { // not where the asker sends it
		return cannot("the asker sends this call to " + decision.Quoted(c.req.Target) + ", where llm.routes and llm.providers send no call of the model " +
			decision.Quoted(c.req.LLM.Model) + ": route the model to that provider, in the asker's configuration and in ours")
	}
	if len(c.targets) == 0 {
		return because(decision.CodeNoRoute, "no provider serves the model "+decision.Quoted(c.req.LLM.Model)+": see llm.providers and llm.routes")
	}
	return nil
}

// resolveTool resolves an exposed name. A program may name server and tool
// itself; nothing is forwarded for it, so its word is enough.
func (c *call) resolveTool() *decision.Reason {
	if !c.granting && c.req.Tool.Name != "" {
		return nil
	}
	target, name, ok := c.state.Routes.Resolve(c.req.Server, c.req.Tool.Exposed)
	if !ok || len(c.reached([]route.Target{target})) == 0 {
		return &decision.Reason{Code: decision.CodeToolUnknown, Hidden: true}
	}
	c.req.Tool.Server, c.req.Tool.Name = target.Name, name
	c.targets = []route.Target{target}
	return nil
}

// operationPath is the path of the call below its target's own.
func operationPath(r *decision.Request) string {
	if r.Surface == decision.MCP {
		return ""
	}
	operation, _ := openai.Lookup(r.Method)
	return operation.Path
}
