package pdp

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
)

// mutating is a policy that lets everything pass and has these mutations, one
// a line, and further rules.
func mutating(name, mutations string, more ...string) string {
	if mutations != "" {
		mutations = "  mutations:\n" + mutations
	}
	return `
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: ` + name + `}
spec:
` + mutations + `
  rules:
    - {name: all, allow: {}}
` + strings.Join(more, "\n")
}

func TestMutationsOfArguments(t *testing.T) {
	for _, tt := range []struct {
		name, mutations, args, want string // want: arguments, or a reason code
		by                          int    // how many mutations changed something
	}{
		{"set where absent", `    - {name: m, match: {tools: ["list_*"]}, when: "!has(tool.args.per_page)", set: {argument: /per_page, value: 50}}`, `{"q":"x"}`, `{"q":"x","per_page":50}`, 1},
		{"left where given", `    - {name: m, match: {tools: ["list_*"]}, when: "!has(tool.args.per_page)", set: {argument: /per_page, value: 50}}`, `{"per_page":7}`, `{"per_page":7}`, 0},
		{"other tools are left alone", `    - {name: m, match: {tools: ["get_*"]}, set: {argument: /a, value: 1}}`, `{}`, `{}`, 0},
		{"set replaces", `    - {name: m, match: {tools: ["*"]}, set: {argument: /a/b, value: {c: [1, x, null]}}}`, `{"a":{"b":9},"z":12345678901234567890}`, `{"a":{"b":{"c":[1,"x",null]}},"z":12345678901234567890}`, 1},
		{"set by expression", `    - {name: m, match: {tools: ["*"]}, set: {argument: /who, expression: "agent.name + '!'"}}`, `{}`, `{"who":"copilot!"}`, 1},
		{"set by expression to an object", `    - {name: m, match: {tools: ["*"]}, set: {argument: /o, expression: "{'n': size(scopes), 'l': [1, 2.5, null]}"}}`, `{}`, `{"o":{"l":[1,2.5,null],"n":0}}`, 1},
		{"an expression that never settles", `    - {name: m, match: {tools: ["*"]}, set: {argument: /n, expression: "tool.args.n + 1"}}`, `{"n":1}`, "edit_conflict", 1},
		{"an expression that fails", `    - {name: m, match: {tools: ["*"]}, set: {argument: /n, expression: "tool.args.missing"}}`, `{}`, "rule_error", 0},
		{"an expression of no JSON", `    - {name: m, match: {tools: ["*"]}, set: {argument: /n, expression: "bytes('x')"}}`, `{}`, "rule_error", 0},
		{"a condition that fails", `    - {name: m, match: {tools: ["*"]}, when: "tool.args.n > 1", remove: {argument: /n}}`, `{}`, "rule_error", 0},
		{"clamped from above", `    - {name: m, match: {tools: ["*"]}, clamp: {argument: /limit, min: 1, max: 100}}`, `{"limit":5000}`, `{"limit":100}`, 1},
		{"clamped from below", `    - {name: m, match: {tools: ["*"]}, clamp: {argument: /limit, min: 1, max: 100}}`, `{"limit":-1e9}`, `{"limit":1}`, 1},
		{"within bounds", `    - {name: m, match: {tools: ["*"]}, clamp: {argument: /limit, min: 1, max: 100}}`, `{"limit":99.5}`, `{"limit":99.5}`, 0},
		{"a bound in other words", `    - {name: m, match: {tools: ["*"]}, clamp: {argument: /limit, max: 100}}`, `{"limit":100.000000000000000000001}`, `{"limit":100}`, 1},
		{"a fraction as bound", `    - {name: m, match: {tools: ["*"]}, clamp: {argument: /t, max: 0.5}}`, `{"t":1}`, `{"t":0.5}`, 1},
		{"a number of no 64 bits", `    - {name: m, match: {tools: ["*"]}, clamp: {argument: /limit, max: 100}}`, `{"limit":18446744073709551616}`, `{"limit":100}`, 1},
		{"a number of no double", `    - {name: m, match: {tools: ["*"]}, clamp: {argument: /limit, max: 100}}`, `{"limit":1e400}`, "rule_error", 0},
		{"less than zero by a sign", `    - {name: m, match: {tools: ["*"]}, clamp: {argument: /limit, min: 0}}`, `{"limit":-0.0}`, `{"limit":0}`, 1},
		{"a number of no 64 bits beside", `    - {name: m, match: {tools: ["*"]}, when: "tool.args.q == 'x'", clamp: {argument: /limit, max: 100}}`, `{"limit":101,"q":"x","id":18446744073709551616}`, `{"limit":100,"q":"x","id":18446744073709551616}`, 1},
		{"a condition on such a number", `    - {name: m, match: {tools: ["*"]}, when: "tool.args.limit > 100", clamp: {argument: /limit, max: 100}}`, `{"limit":18446744073709551616}`, "rule_error", 0},
		{"nothing to clamp", `    - {name: m, match: {tools: ["*"]}, clamp: {argument: /limit, max: 100}}`, `{}`, `{}`, 0},
		{"no number to clamp", `    - {name: m, match: {tools: ["*"]}, clamp: {argument: /limit, max: 100}}`, `{"limit":"500"}`, "rule_error", 0},
		{"null to clamp", `    - {name: m, match: {tools: ["*"]}, clamp: {argument: /limit, max: 100}}`, `{"limit":null}`, "rule_error", 0},
		{"two clamps unite", "    - {name: m, match: {tools: [\"*\"]}, clamp: {argument: /limit, max: 100}}\n    - {name: n, match: {tools: [\"*\"]}, clamp: {argument: /limit, max: 50}}", `{"limit":500}`, `{"limit":50}`, 2},
		{"two clamps exclude each other", "    - {name: m, match: {tools: [\"*\"]}, clamp: {argument: /limit, max: 10}}\n    - {name: n, match: {tools: [\"*\"]}, clamp: {argument: /limit, min: 50}}", `{"limit":500}`, "edit_conflict", 0},
		{"a clamp gives way to a set", "    - {name: m, match: {tools: [\"*\"]}, clamp: {argument: /limit, max: 100}}\n    - {name: n, match: {tools: [\"*\"]}, set: {argument: /limit, value: 20}}", `{"limit":500}`, `{"limit":20}`, 1},
		{"a set beyond a clamp", "    - {name: m, match: {tools: [\"*\"]}, clamp: {argument: /limit, max: 100}}\n    - {name: n, match: {tools: [\"*\"]}, set: {argument: /limit, value: 200}}", `{}`, "edit_conflict", 1},
		{"removed", `    - {name: m, match: {tools: ["*"]}, remove: {argument: /force}}`, `{"a":1, "force" : true}`, `{"a":1}`, 1},
		{"nothing to remove", `    - {name: m, match: {tools: ["*"]}, remove: {argument: /force}}`, `{"a":1}`, `{"a":1}`, 0},
		{"an element cannot be removed", `    - {name: m, match: {tools: ["*"]}, remove: {argument: /l/0}}`, `{"l":[1]}`, "edit_conflict", 1},
		{"two values", "    - {name: m, match: {tools: [\"*\"]}, set: {argument: /a, value: 1}}\n    - {name: n, match: {tools: [\"*\"]}, set: {argument: /a, value: 2}}", `{}`, "edit_conflict", 2},
		{"one value twice", "    - {name: m, match: {tools: [\"*\"]}, set: {argument: /a, value: 1}}\n    - {name: n, match: {tools: [\"*\"]}, set: {argument: /a, value: 1}}", `{}`, `{"a":1}`, 2},
		{"one undoes the other", "    - {name: m, match: {tools: [\"*\"]}, set: {argument: /a, value: 1}}\n    - {name: n, match: {tools: [\"*\"]}, when: has(tool.args.a), remove: {argument: /a}}", `{}`, "edit_conflict", 1},
		{"one below the other", "    - {name: m, match: {tools: [\"*\"]}, set: {argument: /a, value: {}}}\n    - {name: n, match: {tools: [\"*\"]}, set: {argument: /a/b, value: 1}}", `{}`, "edit_conflict", 2},
		{"a name in other case", `    - {name: m, match: {tools: ["*"]}, set: {argument: /Limit, value: 1}}`, `{"limit":5}`, "edit_conflict", 0},
		{"a clamp in other case", `    - {name: m, match: {tools: ["*"]}, clamp: {argument: /limit, max: 1}}`, `{"LIMIT":5}`, "edit_conflict", 0},
		{"a removal in other case", `    - {name: m, match: {tools: ["*"]}, remove: {argument: /opts/force}}`, `{"opts":{"\u0046orce":true}}`, "edit_conflict", 0},
		{"an object on the way in other case", `    - {name: m, match: {tools: ["*"]}, remove: {argument: /opts/force}}`, `{"Opts":{"force":true}}`, "edit_conflict", 0},
		{"other case elsewhere", `    - {name: m, match: {tools: ["*"]}, remove: {argument: /opts/force}}`, `{"Force":1,"opts":{"a":1}}`, `{"Force":1,"opts":{"a":1}}`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, seen := engine(t, false, mutating("one", tt.mutations))
			r := toolCall(t, "", "github__list_issues", tt.args)
			v, x := open(t, e, r)
			if got := seen.of(audit.PhaseRequest)[0].Edits; len(got) != tt.by {
				t.Errorf("the record says %v", got)
			}
			if !strings.HasPrefix(tt.want, "{") {
				if string(v.Reason.Code) != tt.want || v.Effect != decision.Deny || len(v.Splices) > 0 {
					t.Fatalf("got %+v", v)
				}
				return
			}
			if x == nil {
				t.Fatalf("refused: %+v", v.Reason)
			}
			want := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_issues","arguments":` + tt.want + `}}`
			if got := forwarded(r, v); got != want {
				t.Errorf("forwarded %s\nwant      %s", got, want)
			}
		})
	}
}

func TestMutationWithoutArguments(t *testing.T) {
	e, _ := engine(t, false, mutating("one", `    - {name: m, match: {tools: ["*"]}, set: {argument: /filter/state, value: open}}`))
	for _, params := range []string{`{"name":"github__list_issues"}`, `{"name":"github__list_issues","arguments":null}`} {
		r := toolCall(t, "", "github__list_issues", `{}`)
		r.Body.Raw = []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + params + `}`)
		r.Tool.ArgsStart, r.Tool.ArgsEnd = 0, 0
		v, x := open(t, e, r)
		if x == nil || !strings.HasSuffix(forwarded(r, v), `"params":{"name":"list_issues","arguments":{"filter":{"state":"open"}}}}`) {
			t.Errorf("%s: %s, %+v", params, forwarded(r, v), v.Reason)
		}
	}
}

func TestMutationsOfChats(t *testing.T) {
	const messages = `,"messages":[{"role":"user","content":"hi"}]}`
	for _, tt := range []struct{ name, mutations, body, want string }{
		{"no bound", `    - {name: m, match: {models: ["gpt-4*"]}, clampMaxTokens: 1024}`, `{"model":"gpt-4o"`, `{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"max_tokens":1024}`},
		{"no bound of a model that thinks", `    - {name: m, match: {}, clampMaxTokens: 1024}`, `{"model":"o3"`, `{"model":"o3","messages":[{"role":"user","content":"hi"}],"max_completion_tokens":1024}`},
		{"null for a bound", `    - {name: m, match: {}, clampMaxTokens: 9}`, `{"max_tokens":null,"model":"gpt-4o"`, `{"max_tokens":9,"model":"gpt-4o"` + messages},
		{"zero for a bound", `    - {name: m, match: {}, clampMaxTokens: 9}`, `{"max_tokens":0,"model":"gpt-4o"`, `{"max_tokens":9,"model":"gpt-4o"` + messages},
		{"both bounds", `    - {name: m, match: {}, clampMaxTokens: 9}`, `{"max_tokens":99,"max_completion_tokens":10,"model":"gpt-4o"`, `{"max_tokens":9,"max_completion_tokens":9,"model":"gpt-4o"` + messages},
		{"one of two bounds", `    - {name: m, match: {}, clampMaxTokens: 9}`, `{"max_tokens":8,"max_completion_tokens":10,"model":"gpt-4o"`, `{"max_tokens":8,"max_completion_tokens":9,"model":"gpt-4o"` + messages},
		{"below the bound", `    - {name: m, match: {}, clampMaxTokens: 9}`, `{"max_tokens":8,"model":"gpt-4o"`, `{"max_tokens":8,"model":"gpt-4o"` + messages},
		{"the least of two", "    - {name: m, match: {}, clampMaxTokens: 9}\n    - {name: n, match: {}, clampMaxTokens: 7}", `{"max_tokens":10,"model":"gpt-4o"`, `{"max_tokens":7,"model":"gpt-4o"` + messages},
		{"another model", `    - {name: m, match: {models: ["gpt-5*"]}, model: gpt-4o-mini}`, `{"model":"gpt-5"`, `{"model":"gpt-4o-mini"` + messages},
		{"another model, which thinks", "    - {name: m, match: {models: [\"gpt-4*\"]}, model: gpt-5}\n    - {name: n, match: {}, clampMaxTokens: 9}", `{"model":"gpt-4o"`, `{"model":"gpt-5","messages":[{"role":"user","content":"hi"}],"max_completion_tokens":9}`},
		{"two models", "    - {name: m, match: {}, model: a}\n    - {name: n, match: {}, model: b}", `{"model":"gpt-4o"`, "edit_conflict"},
		{"models in turns", "    - {name: m, match: {models: [a]}, model: b}\n    - {name: n, match: {models: [b]}, model: a}", `{"model":"a"`, "edit_conflict"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, _ := engine(t, false, mutating("one", tt.mutations))
			r := chatOf(t, tt.body+messages)
			v, x := open(t, e, r)
			if !strings.HasPrefix(tt.want, "{") {
				if string(v.Reason.Code) != tt.want {
					t.Fatalf("got %+v", v)
				}
				return
			}
			if got := forwarded(r, v); x == nil || got != tt.want {
				t.Errorf("forwarded %s, %+v\nwant      %s", got, v.Reason, tt.want)
			}
		})
	}
}

func chatOf(t *testing.T, body string) *decision.Request {
	t.Helper()
	r := chat(t, "")
	r.Body.Raw = []byte(body)
	edited, err := (&state{}).reread(r, r.Body.Raw)
	if err != nil {
		t.Fatal(err)
	}
	return edited
}

// TestForcedModelIsJudgedAndRouted: the agent's model must be allowed, and so
// must the one that takes its place; it is that one's route that the call takes.
func TestForcedModelIsJudgedAndRouted(t *testing.T) {
	const routed = `
apiVersion: outrider.dev/v1
kind: Config
agent: {name: copilot}
llm:
  providers: [{name: first, url: "http://127.0.0.1:1/v1"}, {name: second, url: "http://127.0.0.1:2/v1"}]
  routes: [{match: {models: ["gpt-*"]}, to: [{provider: first}]}, {match: {models: ["small"]}, to: [{provider: second}]}]
`
	force := mutating("team", `    - {name: cheaper, match: {models: ["gpt-5"]}, model: small}`)
	for models, code := range map[string]decision.Code{
		`["gpt-*", small]`: decision.CodeNone,
		`["gpt-*"]`:        decision.CodeModelNotAllowed,
		`[small]`:          decision.CodeModelNotAllowed,
	} {
		cluster := "apiVersion: outrider.dev/v1\nkind: ClusterAgentPolicy\nmetadata: {name: security}\nspec: {backend: {llm: {models: {allow: " + models + "}}}}"
		e, seen := engineOf(t, false, routed, force, cluster)
		v, x := open(t, e, chat(t, "hi"))
		if v.Reason.Code != code {
			t.Errorf("%s: %+v", models, v.Reason)
		}
		if x != nil && v.Grants[0].Target.Provider != "second" {
			t.Errorf("went to %+v", v.Grants[0].Target)
		}
		if got := seen.of(audit.PhaseRequest)[0]; got.Model != "gpt-5" {
			t.Errorf("recorded as %q", got.Model)
		}
	}
}

// TestChangedValuesAreJudged is the property behind all mutations: whatever a
// mutation sets, a deny on that value refuses the call.
func TestChangedValuesAreJudged(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 40 {
		set, denied, sent := rnd.IntN(4), rnd.IntN(4), rnd.IntN(4)
		deny := fmt.Sprintf(`    - {name: no, deny: {tools: ["*"]}, when: "has(tool.args.n) && tool.args.n == %d"}`, denied)
		e, _ := engine(t, false,
			mutating("one", fmt.Sprintf(`    - {name: m, match: {tools: ["*"]}, set: {argument: /n, value: %d}}`, set)), mutating("two", "", deny))
		r := toolCall(t, "", "github__list_issues", fmt.Sprintf(`{"n":%d}`, sent))
		v, x := open(t, e, r)
		if refused := denied == set || denied == sent; refused != (x == nil) {
			t.Fatalf("sent %d, set %d, denied %d: %+v", sent, set, denied, v.Reason)
		}
		if x != nil && !strings.Contains(forwarded(r, v), fmt.Sprintf(`{"n":%d}`, set)) {
			t.Fatalf("forwarded %s", forwarded(r, v))
		}
	}
}

// TestGuardsReadChangedValues: what a mutation brought in is guarded, and what
// a guard changed is judged by rules and mutations.
func TestGuardsReadChangedValues(t *testing.T) {
	guard := func(mutations string, more ...string) string {
		return mutating("one", mutations, append(more, `  backend: {mcp: {guards: {request: [{type: PII, action: Redact}]}}}`)...)
	}
	const bringsIn = `    - {name: m, match: {tools: ["*"]}, set: {argument: /cc, value: "ann@example.com and more"}}`
	e, _ := engine(t, false, guard(bringsIn))
	r := toolCall(t, "", "github__list_issues", `{"to":"bob@example.com","force":true,"n":1}`)
	v, _ := open(t, e, r)
	// The redacted value differs from what the mutation demands: a contradiction.
	if v.Reason.Code != decision.CodeEditConflict {
		t.Errorf("got %+v", v)
	}

	e, _ = engine(t, false, guard(`    - {name: m, match: {tools: ["*"]}, remove: {argument: /force}}`+"\n"+`    - {name: n, match: {tools: ["*"]}, clamp: {argument: /n, min: 10}}`))
	v, _ = open(t, e, r)
	if got, want := forwarded(r, v), `"arguments":{"to":"[EMAIL]","n":10}}}`; !strings.HasSuffix(got, want) {
		t.Errorf("forwarded %s: %+v", got, v.Reason)
	}
	if strings.Contains(forwarded(r, v), "github__") {
		t.Error("the name is the agent's still")
	}

	e, _ = engine(t, false, guard("", `    - {name: no-marks, deny: {tools: ["*"]}, when: "tool.args.to == '[EMAIL]'"}`))
	if v, _ = open(t, e, r); v.Reason.Code != decision.CodeDeniedByRule {
		t.Errorf("rules did not see what the guard left: %+v", v)
	}

	// A resource's address is read by rules, too.
	read := toolCall(t, "", "x", "{}")
	read.Method, read.Tool, read.Server = "resources/read", decision.Tool{}, "github"
	read.Body.Raw = []byte(`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"ann@example.com"}}`)
	read.Body.Segments, read.Resource = nil, "ann@example.com"
	edited, err := (&state{}).reread(read, read.Body.Raw)
	if err != nil {
		t.Fatal(err)
	}
	e, _ = engine(t, false, guard("", `    - {name: no-marks, deny: {}, when: "resource.uri == '[EMAIL]'"}`))
	if v, _ = open(t, e, edited); v.Reason.Code != decision.CodeDeniedByRule {
		t.Errorf("rules did not see the address that the guard left: %+v", v)
	}
}

func TestHeadersOfMutations(t *testing.T) {
	const constant = `    - {name: team, match: {}, header: {name: x-team, value: platform}}`
	e, seen := engine(t, false, mutating("one", constant))
	for name, r := range map[string]*decision.Request{"LLM": chat(t, "hi"), "MCP": toolCall(t, "", "github__list_issues", "{}")} {
		v, x := open(t, e, r)
		if x == nil || v.Effect != decision.Mutate || len(v.Headers) != 1 || v.Headers[0].Name != "X-Team" || string(v.Headers[0].Value) != "platform" || v.Headers[0].Remove {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if got := seen.of(audit.PhaseRequest)[0].Edits; len(got) != 1 || got[0].What != "header x-team" || !strings.HasPrefix(got[0].Rule, "mutations[0] team") {
		t.Errorf("recorded %+v", got)
	}
	for name, tt := range map[string]struct {
		policies []string
		code     decision.Code
		value    string
	}{
		"by expression":         {[]string{mutating("one", `    - {name: m, match: {}, header: {name: X-Agent, expression: "agent.name"}}`)}, "", "copilot"},
		"the same twice":        {[]string{mutating("one", constant), mutating("two", constant)}, "", "platform"},
		"two values":            {[]string{mutating("one", constant), mutating("two", strings.Replace(constant, "platform", "other", 1))}, decision.CodeEditConflict, ""},
		"no text":               {[]string{mutating("one", `    - {name: m, match: {}, header: {name: X-Agent, expression: "claims.missing"}}`)}, decision.CodeRuleError, ""},
		"two lines":             {[]string{mutating("one", `    - {name: m, match: {}, header: {name: X-Agent, expression: "agent.name + '\\nx: y'"}}`)}, decision.CodeRuleError, ""},
		"empty":                 {[]string{mutating("one", `    - {name: m, match: {}, header: {name: X-Agent, expression: "agent.namespace"}}`)}, decision.CodeRuleError, ""},
		"by what it changes":    {[]string{mutating("one", `    - {name: m, match: {models: ["gpt-5"]}, model: gpt-4o}`+"\n"+`    - {name: n, match: {models: ["*"]}, header: {name: X-Model, expression: "llm.model"}}`)}, decision.CodeEditConflict, ""},
		"of the call as it was": {[]string{mutating("one", `    - {name: m, match: {models: ["gpt-5"]}, model: gpt-4o}`+"\n"+`    - {name: n, match: {models: ["gpt-5"]}, header: {name: X-Model, expression: "llm.model"}}`)}, "", "gpt-5"},
		"judged":                {[]string{mutating("one", constant, `    - {name: no, deny: {}, when: "'x-team' in request.headers && request.headers['x-team'] == 'platform'"}`)}, decision.CodeDeniedByRule, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := engine(t, false, tt.policies...)
			v, _ := open(t, e, chat(t, "hi"))
			if v.Reason.Code != tt.code {
				t.Fatalf("got %+v", v)
			}
			if tt.value != "" && (len(v.Headers) != 1 || string(v.Headers[0].Value) != tt.value) {
				t.Errorf("headers %v", v.Headers)
			}
			if tt.code != "" && len(v.Headers) > 0 {
				t.Error("a denial adds headers")
			}
		})
	}
}

func TestMutationsNeedAFaceThatEdits(t *testing.T) {
	header := `    - {name: m, match: {}, header: {name: X-Team, value: a}}`
	for name, mutation := range map[string]string{
		"argument": `    - {name: m, match: {tools: ["*"]}, clamp: {argument: /n, max: 5}}`, "header": header,
	} {
		e, _ := engine(t, false, mutating("one", mutation))
		r := toolCall(t, "", "github__list_issues", `{"n":9}`)
		r.Face.Edits = false
		if v, _ := open(t, e, r); v.Reason.Code != decision.CodeFaceCannotEnforce {
			t.Errorf("%s: %+v", name, v)
		}
	}
	// Programs may ask without a body. Nothing can be changed then.
	e, _ := engine(t, false, mutating("one", `    - {name: m, match: {tools: ["*"]}, clamp: {argument: /n, max: 5}}`+"\n"+`    - {name: n, match: {models: ["*"]}, clampMaxTokens: 5}`))
	for args, code := range map[string]decision.Code{`{"n":4}`: "", `{"n":6}`: decision.CodeFaceCannotEnforce, ``: "", `{"n":"6"}`: decision.CodeRuleError} {
		r := toolCall(t, "", "x", "{}")
		r.Body, r.Tool = decision.Body{}, decision.Tool{Server: "github", Name: "list_issues", Args: []byte(args)}
		if v, err := e.Check(t.Context(), r); err != nil || v.Reason.Code != code {
			t.Errorf("%q: %+v, %v", args, v, err)
		}
	}
	for tokens, code := range map[uint64]decision.Code{4: "", 6: decision.CodeFaceCannotEnforce, 0: decision.CodeFaceCannotEnforce} {
		r := chat(t, "")
		r.Body, r.LLM.MaxTokens = decision.Body{}, tokens
		if v, err := e.Check(t.Context(), r); err != nil || v.Reason.Code != code {
			t.Errorf("%d tokens: %+v, %v", tokens, v, err)
		}
	}
}

func TestObservedMutationsChangeNothing(t *testing.T) {
	observing := strings.Replace(mutating("trial", `    - {name: cap, match: {tools: ["*"]}, clamp: {argument: /n, max: 5}}
    - {name: fails, match: {tools: ["*"]}, set: {argument: /x, expression: "tool.args.missing"}}`), "spec:", "spec:\n  enforcement: Observe", 1)
	e, seen := engine(t, false, mutating("one", `    - {name: team, match: {}, header: {name: X-Team, value: a}}`), observing)
	r := toolCall(t, "", "github__list_issues", `{"n":9}`)
	v, _ := open(t, e, r)
	if got := forwarded(r, v); !strings.Contains(got, `{"n":9}`) {
		t.Errorf("forwarded %s", got)
	}
	rec := seen.of(audit.PhaseRequest)[0]
	var text []string
	for _, o := range rec.Observed {
		text = append(text, o.Policy+" "+string(o.Code)+" "+o.Rule+" "+o.Change)
	}
	if len(text) != 2 || text[0] != "trial rule_error mutations[1] fails " || text[1] != "trial  mutations[0] cap argument /n" || len(rec.Edits) != 1 {
		t.Errorf("observed %q, edits %v", text, rec.Edits)
	}
}

func TestRegoMutates(t *testing.T) {
	module := func(rules string) string {
		return "apiVersion: outrider.dev/v1\nkind: AgentPolicy\nmetadata: {name: m}\nspec:\n  rules: [{name: all, allow: {}}]\n  rego: |\n    package outrider\n    " + strings.ReplaceAll(rules, "\n", "\n    ")
	}
	for _, tt := range []struct{ name, rules, args, want string }{
		{"set", `mutate contains {"argument": "/per_page", "value": 50} if not input.tool.args.per_page`, `{}`, `{"per_page":50}`},
		{"set to an object", `mutate contains {"argument": "/o", "value": {"a": [1.5, null, true]}}`, `{}`, `{"o":{"a":[1.5,null,true]}}`},
		{"clamp", `mutate contains {"argument": "/n", "min": 1, "max": 5}`, `{"n":9}`, `{"n":5}`},
		{"remove", `mutate contains {"argument": "/force", "remove": true}`, `{"force":1}`, `{}`},
		{"about LLM calls", `mutate contains {"model": "x"}` + "\n" + `mutate contains {"maxTokens": 5}`, `{}`, `{}`},
		{"misspelt", `mutate contains {"argument": "/n", "vale": 1}`, `{}`, "rule_error"},
		{"two at once", `mutate contains {"argument": "/n", "value": 1, "remove": true}`, `{}`, "rule_error"},
		{"not removed", `mutate contains {"argument": "/n", "remove": false}`, `{}`, "rule_error"},
		{"no pointer", `mutate contains {"argument": "n", "value": 1}`, `{}`, "rule_error"},
		{"a text", `mutate contains "n"`, `{}`, "rule_error"},
		{"no bound", `mutate contains {"argument": "/n"}`, `{}`, "rule_error"},
		{"a bound in words", `mutate contains {"argument": "/n", "max": "5"}`, `{}`, "rule_error"},
		{"a header of credentials", `mutate contains {"header": "Authorization", "value": "x"}`, `{}`, "rule_error"},
		{"a negative bound", `mutate contains {"maxTokens": -1}`, `{}`, "rule_error"},
		{"what cannot be evaluated", `mutate contains {"argument": "/n", "value": x} if x := to_number(input.tool.args.t)`, `{"t":"y"}`, "rule_error"},
		{"never settled", `mutate contains {"argument": "/n", "value": x} if x := input.tool.args.n + 1`, `{"n":1}`, "edit_conflict"},
		{"two values", `mutate contains {"argument": "/n", "value": 1}` + "\n" + `mutate contains {"argument": "/n", "value": 2}`, `{}`, "edit_conflict"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, seen := engine(t, false, module(tt.rules))
			r := toolCall(t, "", "github__list_issues", tt.args)
			v, x := open(t, e, r)
			if !strings.HasPrefix(tt.want, "{") {
				if string(v.Reason.Code) != tt.want || v.Reason.Rule != "rego mutate" && v.Reason.Code == decision.CodeRuleError {
					t.Fatalf("got %+v", v)
				}
				return
			}
			if x == nil || !strings.HasSuffix(forwarded(r, v), `"arguments":`+tt.want+`}}`) {
				t.Errorf("forwarded %s, %+v", forwarded(r, v), v.Reason)
			}
			for _, e := range seen.of(audit.PhaseRequest)[0].Edits {
				if e.What != "argument" || e.Rule != "rego mutate" {
					t.Errorf("recorded %+v", e)
				}
			}
		})
	}
	e, _ := engine(t, false, module(`mutate contains {"model": "gpt-4o"} if input.llm.model == "gpt-5"`+"\n"+`mutate contains {"maxTokens": 5}`+"\n"+`mutate contains {"header": "X-Team", "value": "ops"}`))
	r := chat(t, "hi")
	v, _ := open(t, e, r)
	if got := forwarded(r, v); !strings.HasPrefix(got, `{"model":"gpt-4o"`) || !strings.HasSuffix(got, `"max_tokens":5}`) || len(v.Headers) != 1 {
		t.Errorf("forwarded %s, %+v", got, v)
	}
}

// TestRecordsOfMutationsHoldNoValues: neither what came nor what was set.
func TestRecordsOfMutationsHoldNoValues(t *testing.T) {
	e, seen := engine(t, false, mutating("one", `    - {name: m, match: {tools: ["*"]}, set: {argument: /note, value: hush-set}}
    - {name: n, match: {}, header: {name: X-Note, value: hush-header}}
    - {name: o, match: {tools: ["*"]}, when: "tool.args.note == 'hush-set'", set: {argument: /other, value: hush-other}}`))
	v, _ := open(t, e, toolCall(t, "", "github__list_issues", `{"note":"hush-came"}`))
	if v.Reason.Code != decision.CodeEditConflict {
		t.Fatalf("got %+v", v)
	}
	text, _ := json.Marshal(struct {
		Records any
		Reason  decision.Reason
	}{seen.list, v.Reason})
	if strings.Contains(string(text), "hush") {
		t.Errorf("the record holds a value: %s", text)
	}
	if !strings.Contains(string(text), "/other") {
		t.Errorf("the record does not say what: %s", text)
	}
}

// FuzzMutate: whatever the arguments are, what is forwarded has the demanded
// values, and is refused otherwise.
func FuzzMutate(f *testing.F) {
	f.Add(`{"n":9,"force":true}`)
	f.Add(`{"a":{"b":null},"n":1e2}`)
	f.Add(`{"\u0066orce":1,"n":"9"}`)
	var e *Engine
	f.Fuzz(func(t *testing.T, args string) {
		if e == nil {
			e, _ = engine(t, false, mutating("one", `    - {name: m, match: {tools: ["*"]}, set: {argument: /a/b, value: [1]}}
    - {name: n, match: {tools: ["*"]}, clamp: {argument: /n, min: -5, max: 5}}
    - {name: o, match: {tools: ["*"]}, remove: {argument: /force}}`))
		}
		r := toolCall(t, "", "list_issues", "{}")
		r.Body.Raw = []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_issues","arguments":` + args + `}}`)
		r.Body.Segments, r.Tool = nil, decision.Tool{Server: "github"}
		v, err := e.Check(t.Context(), r)
		if err != nil || !v.Allowed() {
			return
		}
		var got struct {
			Params struct{ Arguments map[string]any }
		}
		sent := forwarded(r, v)
		if err := json.Unmarshal([]byte(sent), &got); err != nil {
			t.Fatalf("%s: %v", sent, err)
		}
		a := got.Params.Arguments
		inner, _ := a["a"].(map[string]any)
		n, given := a["n"]
		number, ok := n.(float64)
		if _, there := a["force"]; there || !reflect.DeepEqual(inner["b"], []any{1.0}) || given && (!ok || number < -5 || number > 5) {
			t.Fatalf("%s became %s", args, sent)
		}
	})
}
