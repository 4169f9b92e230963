package config

import (
	"fmt"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/suggest"
)

// checkLLM checks providers, and that routes lead to them.
func (d *document) checkLLM(c *configv1.LLM) {
	seen := map[string]string{}
	var names []string
	for i, p := range c.GetProviders() {
		path := fmt.Sprintf("llm.providers[%d]", i)
		d.checkName(path+".name", p.GetName())
		d.unique(seen, path+".name", p.GetName())
		names = append(names, p.GetName())
		if p.GetUrl() != "" {
			d.checkBaseURL(path+".url", p.GetUrl())
		}
		d.checkVariable(path+".key.env", p.GetKey().GetEnv())
	}
	if !d.sound("llm.providers") {
		return // a misspelt name there would be reported here a second time
	}
	for i, r := range c.GetRoutes() {
		for j, to := range r.GetTo() {
			if name := to.GetProvider(); name != "" && seen[name] == "" {
				d.unknownProvider(fmt.Sprintf("llm.routes[%d].to[%d].provider", i, j), name, names)
			}
		}
	}
}

func (d *document) unknownProvider(path, name string, names []string) {
	fix := "add it to llm.providers"
	if meant := suggest.Nearest(name, names); meant != "" {
		fix = fmt.Sprintf("did you mean %q?", meant)
	}
	d.fail(path, fmt.Sprintf("%s: there is no provider %s", path, quoted(name)), fix)
}

func (d *document) checkMCP(c *configv1.MCP) {
	seen := map[string]string{}
	for i, s := range c.GetServers() {
		path := fmt.Sprintf("mcp.servers[%d]", i)
		d.checkServerName(path+".name", s.GetName())
		d.unique(seen, path+".name", s.GetName())
		if s.GetUrl() != "" {
			d.checkURL(path+".url", s.GetUrl())
		}
		d.checkVariable(path+".auth.bearer.env", s.GetAuth().GetBearer().GetEnv())
	}
	if c.GetNames() == "Plain" && len(c.GetServers()) > 1 {
		d.fail("mcp.names", "mcp.names: Plain with several servers is refused: nothing tells yet which server a plain name belongs to", "give names: Prefixed")
	}
}
