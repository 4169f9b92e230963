package route

import (
	"slices"
	"strings"
	"testing"
	"time"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

func provider(name, url string) *configv1.LLMProvider {
	return &configv1.LLMProvider{Name: name, Url: url}
}

func models(patterns ...string) *configv1.RouteMatch { return &configv1.RouteMatch{Models: patterns} }

// to is a list of targets, each "provider" or "provider=model".
func to(targets ...string) []*configv1.RouteTarget {
	var out []*configv1.RouteTarget
	for _, t := range targets {
		name, model, _ := strings.Cut(t, "=")
		out = append(out, &configv1.RouteTarget{Provider: name, Model: model})
	}
	return out
}

func server(name string) *configv1.MCPServer {
	return &configv1.MCPServer{Name: name, Url: "https://" + name + ".example/mcp"}
}

func newTable(t *testing.T, llm *configv1.LLM, mcp *configv1.MCP) *Table {
	t.Helper()
	table, err := New(llm, mcp)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// tried writes targets as to reads them.
func tried(list []Target) string {
	var out []string
	for _, t := range list {
		name := t.Name
		if t.Model != "" {
			name += "=" + t.Model
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

func TestModel(t *testing.T) {
	table := newTable(t, &configv1.LLM{
		Providers: []*configv1.LLMProvider{
			provider("xai", "https://api.x.ai/v1"), provider("openai", "https://api.openai.com/v1"), provider("local", "http://127.0.0.1:11434/v1"),
		},
		Routes: []*configv1.LLMRoute{
			{Match: models("gpt-4o", "gpt-4o-*"), To: to("openai", "local=qwen3", "xai")},
			{Match: models("*-mini"), To: to("local=small")},
			{Match: models("gpt-*"), To: to("openai")},
			{Match: models("grok-*-fast*"), To: to("xai")},
		},
	}, nil)
	for model, want := range map[string]string{
		"gpt-4o":             "openai local=qwen3 xai",
		"gpt-4o-mini":        "openai local=qwen3 xai", // the first route that matches
		"phi-mini":           "local=small",
		"gpt-5":              "openai",
		"gpt-":               "openai",
		"grok-4-fast":        "xai",
		"grok-4-fast-reason": "xai",
		"grok-4":             "",
		"GPT-5":              "",
		"\tgpt-5":            "",
		"agpt-5":             "",
		"":                   "",
		"*":                  "",
	} {
		if got := tried(table.Model(model)); got != want {
			t.Errorf("%q goes to %q, want %q", model, got, want)
		}
	}
	if got := tried(table.Providers()); got != "xai openai local" {
		t.Errorf("the providers are %q", got)
	}
}

func TestModelWithoutRoutes(t *testing.T) {
	table := newTable(t, &configv1.LLM{Providers: []*configv1.LLMProvider{
		provider("b", "https://b.example"), provider("a", "https://a.example"),
	}}, nil)
	if got := tried(table.Model("anything")); got != "b a" {
		t.Errorf("got %q, want every provider in the order of the configuration", got)
	}
	catchAll := newTable(t, &configv1.LLM{
		Providers: []*configv1.LLMProvider{provider("a", "https://a.example"), provider("b", "https://b.example")},
		Routes:    []*configv1.LLMRoute{{Match: models("x"), To: to("a")}, {To: to("b")}},
	}, nil)
	if got := tried(catchAll.Model("anything")); got != "b" {
		t.Errorf("a route without match goes to %q", got)
	}
	if got := newTable(t, nil, nil).Model("anything"); len(got) != 0 {
		t.Errorf("nothing is configured, and it goes to %q", tried(got))
	}
}

// TestModelOfARouteIsItsOwn: the model that one route asks a provider for is
// none of another route's.
func TestModelOfARouteIsItsOwn(t *testing.T) {
	table := newTable(t, &configv1.LLM{
		Providers: []*configv1.LLMProvider{provider("a", "https://a.example")},
		Routes:    []*configv1.LLMRoute{{Match: models("one"), To: to("a=first")}, {Match: models("two"), To: to("a")}},
	}, nil)
	if one, two, all := tried(table.Model("one")), tried(table.Model("two")), tried(table.Providers()); one != "a=first" || two != "a" || all != "a" {
		t.Errorf("got %q, %q and %q", one, two, all)
	}
}

func TestNamesOfTools(t *testing.T) {
	one := &configv1.MCP{Servers: []*configv1.MCPServer{server("github")}}
	two := &configv1.MCP{Servers: []*configv1.MCPServer{server("github"), server("slack")}}
	prefixedOne := &configv1.MCP{Servers: one.GetServers(), Names: "Prefixed"}
	for _, c := range []struct {
		name               string
		mcp                *configv1.MCP
		path, exposed      string
		wantServer, toolTo string // empty: unknown
	}{
		{name: "one server, plain", mcp: one, exposed: "list_issues", wantServer: "github", toolTo: "list_issues"},
		{name: "one server, separator in the tool", mcp: one, exposed: "a__b", wantServer: "github", toolTo: "a__b"},
		{name: "one server, prefixed all the same", mcp: prefixedOne, exposed: "github__list_issues", wantServer: "github", toolTo: "list_issues"},
		{name: "one server, prefix missing", mcp: prefixedOne, exposed: "list_issues"},
		{name: "two servers, the first", mcp: two, exposed: "github__list_issues", wantServer: "github", toolTo: "list_issues"},
		{name: "two servers, the second", mcp: two, exposed: "slack__post", wantServer: "slack", toolTo: "post"},
		{name: "a tool that begins with underscores", mcp: two, exposed: "slack____post", wantServer: "slack", toolTo: "__post"},
		{name: "a tool with the separator", mcp: two, exposed: "slack__a__b", wantServer: "slack", toolTo: "a__b"},
		{name: "no prefix", mcp: two, exposed: "post"},
		{name: "an unknown prefix", mcp: two, exposed: "jira__post"},
		{name: "a prefix of a prefix", mcp: two, exposed: "git__post"},
		{name: "another case", mcp: two, exposed: "Slack__post"},
		{name: "no tool", mcp: two, exposed: "slack__"},
		{name: "no server", mcp: two, exposed: "__post"},
		{name: "nothing", mcp: two, exposed: ""},
		{name: "a path of a server", mcp: two, path: "slack", exposed: "post", wantServer: "slack", toolTo: "post"},
		{name: "a path of a server, another's tool", mcp: two, path: "slack", exposed: "github__post", wantServer: "slack", toolTo: "github__post"},
		{name: "a path of no server", mcp: two, path: "jira", exposed: "post"},
		{name: "no servers", mcp: nil, exposed: "post"},
		{name: "no servers, prefixed", mcp: &configv1.MCP{Names: "Prefixed"}, exposed: "a__post"},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := newTable(t, nil, c.mcp)
			target, tool, ok := table.Resolve(c.path, c.exposed)
			if !ok && target.Name != "" {
				t.Errorf("unknown, and yet of %q", target.Name)
			}
			if ok != (c.wantServer != "") || ok && (target.Name != c.wantServer || tool != c.toolTo) {
				t.Fatalf("means %q of %q (%v), want %q of %q", tool, target.Name, ok, c.toolTo, c.wantServer)
			}
			if ok && table.Expose(c.path, target.Name, tool) != c.exposed {
				t.Fatalf("is shown as %q", table.Expose(c.path, target.Name, tool))
			}
		})
	}
}

func TestServers(t *testing.T) {
	table := newTable(t, nil, &configv1.MCP{Servers: []*configv1.MCPServer{server("b"), server("a"), server("c")}})
	for name, want := range map[string]string{"": "b a c", "a": "a", "c": "c", "d": "", "A": "", "*": ""} {
		if got := tried(table.Servers(name)); got != want {
			t.Errorf("%q means %q, want %q", name, got, want)
		}
	}
}

func TestConfigurationRefused(t *testing.T) {
	for name, c := range map[string]struct {
		llm  *configv1.LLM
		mcp  *configv1.MCP
		want []string // in the error
	}{
		"a provider twice": {
			llm:  &configv1.LLM{Providers: []*configv1.LLMProvider{provider("a", "https://a.example"), provider("a", "https://b.example")}},
			want: []string{"llm.providers a", "taken"},
		},
		"a route to nobody": {
			llm: &configv1.LLM{
				Providers: []*configv1.LLMProvider{provider("a", "https://a.example")},
				Routes:    []*configv1.LLMRoute{{To: to("a")}, {To: to("a", "b")}},
			},
			want: []string{"llm.routes[1]", `"b"`},
		},
		"an unknown preset": {
			llm:  &configv1.LLM{Providers: []*configv1.LLMProvider{{Name: "a", Preset: "acme"}}},
			want: []string{"llm.providers a", "url"},
		},
		"a server twice": {
			mcp:  &configv1.MCP{Servers: []*configv1.MCPServer{server("a"), server("a")}},
			want: []string{"mcp.servers a", "taken"},
		},
		"an underscore in a server": {
			mcp:  &configv1.MCP{Servers: []*configv1.MCPServer{server("a_b")}},
			want: []string{"mcp.servers a_b", "underscore"},
		},
		"plain names of two servers": {
			mcp:  &configv1.MCP{Servers: []*configv1.MCPServer{server("a"), server("b")}, Names: "Plain"},
			want: []string{"mcp.names", "Prefixed"},
		},
		"a server without URL": {
			mcp:  &configv1.MCP{Servers: []*configv1.MCPServer{{Name: "a"}}},
			want: []string{"mcp.servers a", "url"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			table, err := New(c.llm, c.mcp)
			if err == nil || table != nil {
				t.Fatal("it loads")
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

func TestPresets(t *testing.T) {
	for _, name := range []string{"openai", "xai", "groq", "mistral", "deepseek", "openrouter"} {
		table := newTable(t, &configv1.LLM{Providers: []*configv1.LLMProvider{{Name: "p", Preset: name}}}, nil)
		g, err := table.Providers()[0].Grant("openai.chat", "/chat/completions", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(g.Target.Origin, "https://") || !strings.HasSuffix(g.Target.Path, "/v1/chat/completions") {
			t.Errorf("%s is called at %s%s", name, g.Target.Origin, g.Target.Path)
		}
	}
}

// FuzzResolve: an exposed name means at most one tool, and that tool is shown
// under this name.
func FuzzResolve(f *testing.F) {
	for _, seed := range []string{"github__list_issues", "slack____x", "__", "a__b__c", "list_issues", ""} {
		f.Add("", seed)
		f.Add("slack", seed)
	}
	table, err := New(nil, &configv1.MCP{Servers: []*configv1.MCPServer{server("github"), server("slack"), server("s")}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path, exposed string) {
		target, tool, ok := table.Resolve(path, exposed)
		if !ok {
			return
		}
		if !slices.ContainsFunc(table.servers, func(s Target) bool { return s.Name == target.Name }) || path != "" && path != target.Name {
			t.Fatalf("%q on %q means a tool of %q", exposed, path, target.Name)
		}
		if got := table.Expose(path, target.Name, tool); got != exposed {
			t.Fatalf("%q on %q is shown as %q", exposed, path, got)
		}
	})
}
