package input

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
)

func mcpRequest(method string) *decision.Request {
	return &decision.Request{Surface: decision.MCP, Method: method}
}

func TestRootsOfCalls(t *testing.T) {
	for _, tc := range []struct {
		name  string
		r     *decision.Request
		roots string // beside those that always exist
	}{
		{"handshake", mcpRequest("initialize"), "mcp"},
		{"tool call", &decision.Request{Surface: decision.MCP, Method: "tools/call", Tool: decision.Tool{Name: "x"}}, "tool, mcp"},
		{"tool call without a name", mcpRequest("tools/call"), "tool, mcp"},
		{"tool list", mcpRequest("tools/list"), "mcp"},
		{"resource", &decision.Request{Surface: decision.MCP, Method: "resources/read", Resource: "file:///a"}, "mcp, resource"},
		{"resource without a URI", mcpRequest("resources/subscribe"), "mcp, resource"},
		{"resource list", mcpRequest("resources/list"), "mcp"},
		{"completion of a resource", &decision.Request{Surface: decision.MCP, Method: "completion/complete", Resource: "x"}, "mcp, resource"},
		{"prompt", mcpRequest("prompts/get"), "mcp, prompt"},
		{"prompt list", mcpRequest("prompts/list"), "mcp"},
		{"LLM", &decision.Request{Surface: decision.LLM, Method: "chat.completions"}, "llm"},
		{"LLM naming a tool", &decision.Request{Surface: decision.LLM, Tool: decision.Tool{Name: "x"}}, "llm"},
		{"no surface", &decision.Request{Method: "tools/call"}, "tool, mcp"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			roots := New(tc.r, nil).Roots()
			if got := (roots &^ always).String(); got != tc.roots || !roots.Has(always) {
				t.Errorf("got %s", roots)
			}
		})
	}
}

func TestClash(t *testing.T) {
	for _, tc := range []struct {
		roots Roots
		want  string
	}{
		{0, ""},
		{Claims | Scopes | Agent | Tool | MCP, ""},
		{LLM | Claims, ""},
		{LLM | Tool | MCP, "tool llm"},
		{LLM | MCP, "mcp llm"},
		{Tool | MCP | Resource, "tool resource"},
		{Prompt | Resource, "resource prompt"},
	} {
		a, b := tc.roots.Clash()
		if got := strings.TrimSpace(a + " " + b); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.roots, got, tc.want)
		}
	}
}

var noon = time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)

// full is a request with a value everywhere.
func full() *Call {
	r := &decision.Request{
		Surface: decision.MCP, Method: "tools/call", Session: "s1", Source: "127.0.0.1:5",
		Caller: decision.Caller{Agent: "bot", Namespace: "prod", ServiceAccount: "sa", Labels: map[string]string{"app": "x"}},
		HTTP:   decision.HTTP{Method: "POST", Path: "/mcp", Headers: map[string]string{"x-a": "b"}},
		Body:   decision.Body{Dialect: "openai"},
		Tool: decision.Tool{
			Server: "github", Name: "get_a", Exposed: "github__get_a", Args: []byte(`{"n":1}`),
			Definition: []byte(`{"name":"get_a","annotations":{"readOnlyHint":true}}`),
		},
		LLM:      decision.LLMCall{Model: "m", Stream: true},
		Resource: "file:///a", Prompt: "hello", Time: noon,
	}
	return New(r, &decision.Principal{
		Agent: "proven", Subject: "ann", Client: "app", Issuer: "https://i", Claims: map[string]any{"team": "x"}, Scopes: []string{"a"},
	})
}

func TestFieldsReadTheirValues(t *testing.T) {
	want := map[string]any{
		"claims": map[string]any{"team": "x"}, "jwt": map[string]any{"team": "x"}, "scopes": []string{"a"},
		"principal.subject": "ann", "principal.client": "app", "principal.issuer": "https://i", "principal.agent": "proven",
		"agent.name": "bot", "agent.namespace": "prod", "agent.serviceAccount": "sa", "agent.labels": map[string]string{"app": "x"},
		"session": "s1", "source": "127.0.0.1:5",
		"request.method": "POST", "request.path": "/mcp", "request.time": noon, "request.headers": map[string]string{"x-a": "b"},
		"tool.name": "get_a", "tool.exposed": "github__get_a", "tool.server": "github",
		"tool.args": map[string]any{"n": int64(1)}, "tool.annotations": map[string]any{"readOnlyHint": true},
		"mcp.method": "tools/call", "mcp.tool.name": "get_a", "mcp.tool.target": "github", "mcp.tool.arguments": map[string]any{"n": int64(1)},
		"resource.uri": "file:///a", "prompt.name": "hello",
		"findings":  []Finding{{Type: "pii.email", Phase: PhaseCall}},
		"llm.model": "m", "llm.provider": "xai", "llm.stream": true, "llm.dialect": "openai",
	}
	c := full()
	c.Provider, c.Guarded, c.Found = "xai", true, []Finding{{Type: "pii.email", Phase: PhaseCall}}
	for _, f := range Fields() {
		got, err := f.Read(c)
		if err != nil || !reflect.DeepEqual(got, want[f.Path]) {
			t.Errorf("%s: got %#v, %v", f.Path, got, err)
		}
		delete(want, f.Path)
	}
	if len(want) > 0 {
		t.Errorf("no field for %v", want)
	}
}

// The zero values are of the declared type, so that an absent value is an
// empty one and never a null.
func TestFieldsOfAnEmptyCall(t *testing.T) {
	kinds := map[Kind]any{Text: "", Flag: false, TextList: []string{}, TextMap: map[string]string{}, Tree: map[string]any{}, FindingList: []Finding{}}
	c := New(&decision.Request{}, nil)
	if found, err := c.findings(); !errors.Is(err, ErrUnknown) {
		t.Errorf("before the guards: %v, %v", found, err)
	}
	c.Guarded = true
	for _, f := range Fields() {
		got, err := f.Read(c)
		if f.Path == "tool.annotations" || f.Path == "request.time" {
			if !errors.As(err, new(Error)) {
				t.Errorf("%s that nobody knows: %v, %v", f.Path, got, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, kinds[f.Kind]) {
			t.Errorf("%s: got %#v, %v", f.Path, got, err)
		}
	}
}

func TestNamesStandInForEachOther(t *testing.T) {
	only := func(tool decision.Tool) (name, exposed any) {
		c := New(&decision.Request{Tool: tool}, nil)
		return c.ToolName(), c.exposed()
	}
	if n, e := only(decision.Tool{Name: "a"}); n != "a" || e != "a" {
		t.Errorf("plain: %s, %s", n, e)
	}
	if n, e := only(decision.Tool{Exposed: "s__a"}); n != "s__a" || e != "s__a" {
		t.Errorf("not resolved yet: %s, %s", n, e)
	}
}

func TestListedIsTheCallOfTheTool(t *testing.T) {
	r := mcpRequest("tools/list")
	r.Server = "slack"
	c := New(r, nil)
	l := c.Listed(decision.Tool{Name: "post", Definition: []byte(`{"annotations":{"x":1}}`)})
	if l.Method != "tools/call" || !l.Roots().Has(Tool) || l.Server() != "slack" || l.ToolName() != "post" {
		t.Errorf("got %+v", l)
	}
	if _, err := l.arguments(); !errors.Is(err, ErrUnknown) {
		t.Errorf("arguments: %v", err)
	}
	if got, err := l.annotations(); err != nil || !reflect.DeepEqual(got, map[string]any{"x": int64(1)}) {
		t.Errorf("annotations: %v, %v", got, err)
	}
	bare := c.Listed(decision.Tool{Name: "post"})
	if _, err := bare.annotations(); !errors.Is(err, ErrUnknown) {
		t.Errorf("annotations without a definition: %v", err)
	}
	if c.Method != "tools/list" || c.Roots().Has(Tool) || c.ArgsUnknown {
		t.Error("the list itself changed")
	}
}

func TestAnonymousHidesTheToken(t *testing.T) {
	c := full()
	a := c.Anonymous()
	if got := *a.Principal; got.Subject != "" || got.Issuer != "" || got.Claims != nil || got.Scopes != nil || got.Agent != "proven" {
		t.Errorf("got %+v", got)
	}
	if c.Principal.Subject != "ann" {
		t.Error("the call itself changed")
	}
}

func TestWithScope(t *testing.T) {
	p := &decision.Principal{Scopes: []string{"a"}, Claims: map[string]any{"scp": []any{"a"}, "team": "x"}}
	got := New(&decision.Request{}, p).WithScope("b").Principal
	if !reflect.DeepEqual(got.Scopes, []string{"a", "b"}) || !reflect.DeepEqual(got.Claims["scp"], []any{"a", "b"}) ||
		!reflect.DeepEqual(got.Claims["scope"], []any{"b"}) || got.Claims["team"] != "x" {
		t.Errorf("got %+v", got)
	}
	if len(p.Scopes) != 1 || len(p.Claims["scp"].([]any)) != 1 || p.Claims["scope"] != nil {
		t.Errorf("the principal itself changed: %+v", p)
	}
}

// TestChangedCalls keep what is known beside the request, or they would be
// judged as calls that nobody has guarded.
func TestChangedCalls(t *testing.T) {
	c := New(&decision.Request{Surface: decision.LLM, LLM: decision.LLMCall{Model: "a"}, Tool: decision.Tool{Args: []byte(`{}`)}}, nil)
	c.Provider, c.Guarded, c.Answer, c.Found = "first", true, true, []Finding{{Type: "pii.email"}}
	for name, d := range map[string]*Call{"model": c.WithModel("b"), "arguments": c.WithArguments([]byte(`{"x":1}`))} {
		if d.Provider != c.Provider || !d.Guarded || !d.Answer || !reflect.DeepEqual(d.Found, c.Found) || d.Principal != c.Principal {
			t.Errorf("another %s: %+v", name, d)
		}
	}
	if got := c.WithModel("b").Request.LLM.Model; got != "b" || c.Request.LLM.Model != "a" {
		t.Errorf("got %s, before %s", got, c.Request.LLM.Model)
	}
}
