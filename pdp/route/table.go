package route

import (
	"fmt"
	"strings"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// separator stands between server and tool in a prefixed name. Server names
// hold no underscore, so that the first separator is the right one.
const separator = "__"

// Table is the routes of one configuration. It never changes; keys in files
// are read again as they change.
type Table struct {
	providers map[string]Target
	order     []string
	routes    []llmRoute
	servers   []Target
	prefixed  bool
}

type llmRoute struct {
	models []string // empty: every model
	to     []Target
}

// presets are the base URLs of known vendors, all of the OpenAI dialect.
func preset(name string) string {
	switch name {
	case "openai":
		return "https://api.openai.com/v1"
	case "xai":
		return "https://api.x.ai/v1"
	case "groq":
		return "https://api.groq.com/openai/v1"
	case "mistral":
		return "https://api.mistral.ai/v1"
	case "deepseek":
		return "https://api.deepseek.com/v1"
	case "openrouter":
		return "https://openrouter.ai/api/v1"
	default:
		return ""
	}
}

// New builds the table. An error says which provider or server it is about
// and what to do.
func New(llm *configv1.LLM, mcp *configv1.MCP) (*Table, error) {
	t := &Table{providers: map[string]Target{}}
	for _, p := range llm.GetProviders() {
		if err := t.addProvider(p); err != nil {
			return nil, err
		}
	}
	for i, r := range llm.GetRoutes() {
		if err := t.addRoute(i, r); err != nil {
			return nil, err
		}
	}
	for _, s := range mcp.GetServers() {
		if err := t.addServer(s); err != nil {
			return nil, err
		}
	}
	t.prefixed = mcp.GetNames() == "Prefixed" || mcp.GetNames() == "" && len(t.servers) > 1
	if !t.prefixed && len(t.servers) > 1 {
		return nil, fmt.Errorf("mcp.names: Plain goes with one server; with %d give Prefixed", len(t.servers))
	}
	return t, nil
}

func (t *Table) addProvider(p *configv1.LLMProvider) error {
	owner := "llm.providers " + p.GetName()
	if _, twice := t.providers[p.GetName()]; twice {
		return fmt.Errorf("%s: the name is taken", owner)
	}
	key, err := newCredential(owner, p.GetKey())
	if err != nil {
		return err
	}
	base := p.GetUrl()
	if base == "" {
		base = preset(p.GetPreset())
	}
	target, err := newTarget(owner, p.GetName(), base, key)
	if err != nil {
		return err
	}
	t.providers[p.GetName()] = target
	t.order = append(t.order, p.GetName())
	return nil
}

func (t *Table) addRoute(i int, r *configv1.LLMRoute) error {
	out := llmRoute{models: r.GetMatch().GetModels()}
	for _, to := range r.GetTo() {
		target, ok := t.providers[to.GetProvider()]
		if !ok {
			return fmt.Errorf("llm.routes[%d]: no provider is named %q", i, to.GetProvider())
		}
		target.Model = to.GetModel()
		out.to = append(out.to, target)
	}
	t.routes = append(t.routes, out)
	return nil
}

func (t *Table) addServer(s *configv1.MCPServer) error {
	owner := "mcp.servers " + s.GetName()
	if strings.Contains(s.GetName(), "_") {
		return fmt.Errorf("%s: a server's name holds no underscore", owner)
	}
	for i := range t.servers {
		if t.servers[i].Name == s.GetName() {
			return fmt.Errorf("%s: the name is taken", owner)
		}
	}
	key, err := newCredential(owner, s.GetAuth().GetBearer())
	if err != nil {
		return err
	}
	target, err := newTarget(owner, s.GetName(), s.GetUrl(), key)
	if err != nil {
		return err
	}
	t.servers = append(t.servers, target)
	return nil
}

// Model returns the targets for a model, in the order in which they are
// tried. The first route that matches decides; without routes every provider
// serves every model. The list may be empty.
func (t *Table) Model(model string) []Target {
	for i := range t.routes {
		if t.routes[i].serves(model) {
			return t.routes[i].to
		}
	}
	if len(t.routes) > 0 {
		return nil
	}
	return t.Providers()
}

func (r *llmRoute) serves(model string) bool {
	if len(r.models) == 0 {
		return true
	}
	for _, pattern := range r.models {
		if decision.Glob(pattern, model) {
			return true
		}
	}
	return false
}

// Providers returns every provider in the order of the configuration.
func (t *Table) Providers() []Target {
	out := make([]Target, 0, len(t.order))
	for _, name := range t.order {
		out = append(out, t.providers[name])
	}
	return out
}

// Servers returns the MCP servers that a path means: the named one, or all.
// A name that no server has yields none.
func (t *Table) Servers(name string) []Target {
	if name == "" {
		return t.servers
	}
	for i := range t.servers {
		if t.servers[i].Name == name {
			return t.servers[i : i+1]
		}
	}
	return nil
}

// Resolve says which server and tool an exposed name means on a path. On a
// path that names one server, tools stand under their own names.
func (t *Table) Resolve(server, exposed string) (target Target, tool string, ok bool) {
	if server != "" || !t.prefixed {
		list := t.Servers(server)
		if len(list) != 1 {
			return Target{}, "", false
		}
		return list[0], exposed, true
	}
	prefix, tool, found := strings.Cut(exposed, separator)
	if !found || tool == "" || prefix == "" {
		return Target{}, "", false
	}
	list := t.Servers(prefix)
	if len(list) != 1 {
		return Target{}, "", false
	}
	return list[0], tool, true
}

// Expose returns the name under which a server's tool is shown on a path.
func (t *Table) Expose(pathServer, server, tool string) string {
	if pathServer != "" || !t.prefixed {
		return tool
	}
	return server + separator + tool
}
