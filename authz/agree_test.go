package authz

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"outrider.dev/outrider/authz/cel"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/authz/rego"
	"outrider.dev/outrider/decision"
)

// literal is a value of a field as both languages write it.
func literal(value any) string {
	switch v := value.(type) {
	case string:
		return strconv.Quote(v)
	case bool:
		return strconv.FormatBool(v)
	default:
		return ""
	}
}

// rich is a call with a value in every field that its surface has.
func rich(surface decision.Surface) *input.Call {
	r := &decision.Request{
		Surface: surface, Method: "tools/call", Caller: copilot(), Session: "s", Source: "127.0.0.1:1", Time: noon,
		HTTP: decision.HTTP{Method: "POST", Path: "/mcp", Headers: map[string]string{"x-team": "ops"}},
		Body: decision.Body{Dialect: "openai"}, LLM: decision.LLMCall{Model: "gpt", Stream: true},
		Resource: "file:///a", Prompt: "greet",
		Tool: decision.Tool{
			Server: "github", Name: "get_a", Exposed: "github__get_a",
			Args:       []byte(`{"n":3,"f":0.5,"s":"x","b":true,"l":[1,"a"],"o":{"k":null}}`),
			Definition: []byte(`{"annotations":{"readOnlyHint":true}}`),
		},
	}
	c := input.New(r, withScopes("a", "b"))
	c.Provider, c.Guarded, c.Found = "xai", true, []input.Finding{{Type: "pii.email", Origin: "user", Kind: "prompt", Confidence: 0.5, Phase: input.PhaseCall}}
	return c
}

// Every plain word has the same value in both languages, and exists for the
// same calls.
func TestLanguagesShareTheVocabulary(t *testing.T) {
	compiler, err := cel.New(cel.NewAtoms(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, surface := range []decision.Surface{decision.MCP, decision.LLM} {
		c := rich(surface)
		for _, f := range input.Fields() {
			value, err := f.Read(c)
			if err != nil {
				t.Fatal(f.Path, err)
			}
			text := literal(value)
			if text == "" {
				continue // maps and lists are read by the expressions below
			}
			program, err := compiler.Compile(f.Path + " == " + text)
			if err != nil {
				t.Fatal(err)
			}
			module, err := rego.Compile(rego.Sources{Inline: "package outrider\nallow if input." + f.Path + " == " + text}, nil)
			if err != nil {
				t.Fatal(err)
			}
			exists := c.Roots().Has(f.Root)
			if got := program.Eval(c); got.Truth != cel.True || program.Roots() != f.Root {
				t.Errorf("CEL, %s: %+v, roots %s", f.Path, got, program.Roots())
			}
			if got, err := module.Allow(c); err != nil || got != exists {
				t.Errorf("Rego on %s, %s: %v, %v", surface, f.Path, got, err)
			}
		}
	}
}

// One condition, written in both languages, allows the same calls.
func TestLanguagesAgree(t *testing.T) {
	for _, tc := range []struct{ cel, rego string }{
		{`tool.args.n == 3`, `input.tool.args.n == 3`},
		{`tool.args.n == 4`, `input.tool.args.n == 4`},
		{`tool.args.f < 1`, `input.tool.args.f < 1`},
		{`tool.args.s == 'x' && tool.args.b == true`, `input.tool.args.s == "x"; input.tool.args.b == true`},
		{`tool.args.l[1] == 'a'`, `input.tool.args.l[1] == "a"`},
		{`size(tool.args.l) == 2`, `count(input.tool.args.l) == 2`},
		{`tool.args.o.k == null`, `input.tool.args.o.k == null`},
		{`has(tool.args.o.k)`, `object.get(input.tool.args.o, "k", 0) != 0`},
		{`tool.args.missing == 1`, `input.tool.args.missing == 1`},
		{`'missing' in tool.args`, `"missing" in object.keys(input.tool.args)`},
		{`mcp.tool.arguments.n == 3`, `input.mcp.tool.arguments.n == 3`},
		{`tool.annotations.readOnlyHint == true`, `input.tool.annotations.readOnlyHint`},
		{`'a' in scopes && !('c' in scopes)`, `"a" in input.scopes; not "c" in input.scopes`},
		{`claims.scp.exists(s, s == 'b')`, `some s in input.claims.scp; s == "b"`},
		{`jwt.aud == 'api://default'`, `input.jwt.aud == "api://default"`},
		{`claims.nobody == 'x'`, `input.claims.nobody == "x"`},
		{`agent.labels.app == 'devops-copilot'`, `input.agent.labels.app == "devops-copilot"`},
		{`request.headers['x-team'] == 'ops'`, `input.request.headers["x-team"] == "ops"`},
		{`request.time == timestamp('2026-01-01T12:00:00Z')`, `input.request.time == "2026-01-01T12:00:00Z"`},
		{`request.time.getFullYear() > 2026`, `input.request.time > "2027"`},
		{`tool.name.matches('^get_[a-z]$')`, "regex.match(`^get_[a-z]$`, input.tool.name)"},
		{`resource.uri.startsWith('file:')`, `startswith(input.resource.uri, "file:")`},
		{`llm.model == 'gpt' && llm.stream`, `input.llm.model == "gpt"; input.llm.stream`},
	} {
		auth := `traffic: {jwtAuthentication: {surfaces: [MCP, LLM], providers: [{issuer: "` + issuer + `", audiences: ["api://default"]}]}}`
		inCEL := load(t, policy(t, "c", fmt.Sprintf("{%s, rules: [{name: r, allow: {}, when: %q}]}", auth, tc.cel)))
		inRego := load(t, policy(t, "r", fmt.Sprintf("{%s, rego: %q}", auth, "package outrider\nallow if { "+tc.rego+" }\nvisible := true")))
		for _, surface := range []decision.Surface{decision.MCP, decision.LLM} {
			r := rich(surface).Request
			a, b := judge(inCEL, r, withScopes("a", "b")), judge(inRego, r, withScopes("a", "b"))
			if a.Allow != b.Allow || a.Reason.Code != b.Reason.Code {
				t.Errorf("on %s, CEL %s says %s, Rego %s says %s", surface, tc.cel, effect(a), tc.rego, effect(b))
			}
		}
	}
}

// A set serves many calls at once; the race detector watches.
func TestSetIsShared(t *testing.T) {
	set := fragment(t)
	var calls sync.WaitGroup
	for i := range 8 {
		calls.Go(func() {
			for range 20 {
				tool, want := "list_issues", "allow"
				if i%2 == 0 {
					tool, want = "merge_x", "denied_by_rule"
				}
				if got := effect(judge(set, toolCall(tool, `{"repo":"x"}`), withScopes("mcp:read"))); got != want {
					t.Errorf("%s: %s", tool, got)
				}
			}
		})
	}
	calls.Wait()
}
