package authz

import (
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

func TestJudge(t *testing.T) {
	const onlyDeny = `{rules: [{name: d, deny: {tools: ["x"]}}]}`
	resource := mcpCall("resources/read")
	resource.Resource = "file:///a"
	prompt := mcpCall("prompts/get")
	prompt.Prompt = "greet"
	everywhere := mcpCall("resources/list")
	everywhere.Server = ""
	for _, tc := range []struct {
		name, spec string
		r          *decision.Request
		want       string
	}{
		{"no allow list, MCP", `{}`, toolCall("x", ""), "not_allowed"},
		{"no allow list, MCP list", `{}`, mcpCall("tools/list"), "not_allowed"},
		{"no allow list, LLM", `{}`, llmCall("m"), "allow"},
		{"a deny is no allow list", onlyDeny, toolCall("y", ""), "not_allowed"},
		{"an allow list of MCP does not bind LLM", `{rules: [{name: a, allow: {tools: ["x"]}}]}`, llmCall("m"), "allow"},
		{"an allow list of LLM binds LLM", `{rules: [{name: a, allow: {models: ["x"]}}]}`, llmCall("m"), "not_allowed"},
		{"an allow list of LLM is none of MCP", `{rules: [{name: a, allow: {models: ["x"]}}]}`, toolCall("x", ""), "not_allowed"},
		{"an allow of everything", `{rules: [{name: a, allow: {}}]}`, resource, "allow"},
		{"expressions of MCP are about MCP", `{backend: {mcp: {authorization: {policy: {matchExpressions: ["true"]}}, denyPolicy: {matchExpressions: ["false"]}}}}`, llmCall("m"), "allow"},
		{"a deny of MCP that errs does not touch LLM", `{backend: {mcp: {denyPolicy: {matchExpressions: ["claims.x == 1"]}}}}`, llmCall("m"), "allow"},
		{"a deny on tools does not touch a resource", `{rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "tool.args.x == 1"}]}`, resource, "allow"},
		{"a deny on tools does not touch a list", `{rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "tool.args.x == 1"}]}`, mcpCall("tools/list"), "allow"},
		{"a deny without roots touches all", `{rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "claims.x == 1"}]}`, llmCall("m"), "rule_error"},
		{"a deny on the list itself", `{rules: [{name: a, allow: {}}, {name: d, deny: {methods: ["tools/list"]}}]}`, mcpCall("tools/list"), "denied_by_rule"},
		{"an allow of a method", `{rules: [{name: a, allow: {methods: ["resources/*"]}}]}`, mcpCall("resources/list"), "allow"},
		{"an allow of another method", `{rules: [{name: a, allow: {methods: ["resources/*"]}}]}`, mcpCall("prompts/list"), "not_allowed"},
		{"an allow of a server", `{rules: [{name: a, allow: {servers: ["git*"]}}]}`, mcpCall("completion/complete"), "allow"},
		{"an allow of a server, all servers meant", `{rules: [{name: a, allow: {servers: ["*"]}}]}`, everywhere, "not_allowed"},
		{"an allow of a prompt", `{rules: [{name: a, allow: {}, when: "prompt.name == 'greet'"}]}`, prompt, "allow"},
		{"a broken allow", `{rules: [{name: a, allow: {}, when: "claims.x == 1"}]}`, toolCall("x", ""), "not_allowed"},
		{"a broken allow and a good one", `{rules: [{name: a, allow: {}, when: "claims.x == 1"}, {name: b, allow: {}}]}`, toolCall("x", ""), "allow"},
		{"a deny and an error", `{rules: [{name: e, deny: {}, when: "claims.x == 1"}, {name: d, deny: {}}]}`, toolCall("x", ""), "denied_by_rule"},
		{"unreadable arguments", `{rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "has(tool.args.x)"}]}`, toolCall("x", `{"x":`), "rule_error"},
		{"unreadable arguments that nobody reads", `{rules: [{name: a, allow: {}}]}`, toolCall("x", `{"x":`), "allow"},
		{"a deny on annotations that nobody knows", `{rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "has(tool.annotations.x)"}]}`, toolCall("x", ""), "rule_error"},
		{"a module that fails in a deny", `{rules: [{name: a, allow: {}}], rego: "package outrider\ndeny contains \"x\" if to_number(input.tool.name) > 1"}`, toolCall("x", ""), "rule_error"},
		{"a module that fails in an allow", `{rego: "package outrider\nallow if to_number(input.tool.name) > 1"}`, toolCall("x", ""), "not_allowed"},
		{"a module that allows tools does not bind LLM", `{rego: "package outrider\nallow if input.tool.name == \"x\""}`, llmCall("m"), "allow"},
		{"a module that allows models binds LLM", `{rego: "package outrider\nallow if input.llm.model == \"x\""}`, llmCall("m"), "not_allowed"},
		{"a module that allows by scope binds both", `{rego: "package outrider\nallow if \"x\" in input.scopes"}`, llmCall("m"), "not_allowed"},
		{"a model that is not allowed", `{backend: {llm: {models: {allow: ["gpt-*", "x"]}}}}`, llmCall("gpt"), "model_not_allowed"},
		{"a model that is", `{backend: {llm: {models: {allow: ["gpt-*", "x"]}}}}`, llmCall("gpt-5"), "allow"},
		{"models say nothing of their list", `{backend: {llm: {models: {allow: ["gpt-*"]}}}}`, &decision.Request{Surface: decision.LLM, Method: "models.list", Caller: copilot()}, "allow"},
		{"a chat without a model is no list", `{backend: {llm: {models: {allow: ["gpt-*"]}}}}`, llmCall(""), "model_not_allowed"},
		{"models say nothing of MCP", `{rules: [{name: a, allow: {}}], backend: {llm: {models: {allow: ["gpt-*"]}}}}`, toolCall("x", ""), "allow"},
		{"a surface that nobody named", `{}`, &decision.Request{Method: "tools/call"}, "not_allowed"},
		{"a tool call without a name", `{rules: [{name: a, allow: {}}, {name: d, deny: {tools: ["*"]}}]}`, mcpCall("tools/call"), "denied_by_rule"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if out := judge(load(t, policy(t, "p", tc.spec)), tc.r, nil); effect(out) != tc.want {
				t.Errorf("got %s: %+v", effect(out), out)
			}
		})
	}
}

func TestEveryPolicyMustAllow(t *testing.T) {
	reads := policy(t, "reads", `{rules: [{name: r, allow: {tools: ["get_*", "list_*"]}}]}`)
	gets := policy(t, "gets", `{rules: [{name: g, allow: {tools: ["get_*"]}}]}`)
	quiet := policy(t, "quiet", `{rules: [{name: q, deny: {tools: ["get_secret"]}}]}`)
	set := load(t, reads, gets, quiet)
	for tool, want := range map[string]string{"get_a": "allow reads", "list_a": "not_allowed gets", "post_a": "not_allowed reads", "get_secret": "denied_by_rule quiet"} {
		out := judge(set, toolCall(tool, ""), nil)
		if got := effect(out) + " " + out.Policy; got != want {
			t.Errorf("%s: %s", tool, got)
		}
	}
	if out := judge(set, toolCall("get_a", ""), nil); out.Rule != "rules[0] r (reads.yaml:spec.rules[0])" || out.Version != "v-reads" {
		t.Errorf("the allowed call names %q %q", out.Rule, out.Version)
	}
}

func TestHiddenOrExplained(t *testing.T) {
	set := load(t, policy(t, "p", `rules:
  - {name: a, allow: {tools: ["get_*"]}}
  - {name: d, deny: {}, when: "has(tool.args.repo) && tool.args.repo == 'infra'"}
`))
	for _, tc := range []struct {
		tool   string
		hidden bool
	}{{"get_a", false}, {"post_a", true}} {
		out := judge(set, toolCall(tc.tool, `{"repo":"infra"}`), nil)
		if out.Allow || out.Reason.Hidden != tc.hidden {
			t.Errorf("%s: %+v", tc.tool, out)
		}
	}
	if out := judge(set, mcpCall("resources/list"), nil); out.Allow || out.Reason.Hidden {
		t.Errorf("what is no tool cannot be hidden: %+v", out)
	}
}

// A module's visible stands for its allow and its deny while a list is filtered.
func TestVisibleOfAModule(t *testing.T) {
	const module = `rego: "package outrider\nallow if input.tool.args.n == 1\ndeny contains \"no\" if input.tool.args.n == 2\nvisible if input.tool.name == \"x\""`
	set := load(t, policy(t, "p", `{`+module+`}`))
	for _, tc := range []struct {
		tool, args, want string
		hidden           bool
	}{
		{"x", `{"n":1}`, "allow", false},
		{"x", `{"n":2}`, "denied_by_rule", false},
		{"x", `{"n":3}`, "not_allowed", false},
		{"y", `{"n":3}`, "not_allowed", true},
		{"y", `{"n":2}`, "denied_by_rule", true},
	} {
		out := judge(set, toolCall(tc.tool, tc.args), nil)
		if effect(out) != tc.want || out.Reason.Hidden != tc.hidden {
			t.Errorf("%s %s: %+v", tc.tool, tc.args, out)
		}
	}
}

func TestObserved(t *testing.T) {
	set := load(t,
		policy(t, "on", `{rules: [{name: a, allow: {tools: ["get_*"]}}]}`),
		policy(t, "watch", `{enforcement: Observe, rules: [{name: a, allow: {tools: ["get_a"]}}, {name: d, deny: {tools: ["get_c"]}, message: "not c"}], backend: {llm: {models: {allow: [m]}}}}`),
	)
	for _, tc := range []struct {
		r              *decision.Request
		want, observed string
	}{
		{toolCall("get_a", ""), "allow", ""},
		{toolCall("get_b", ""), "allow", "watch not_allowed no rule allows tool get_b for a caller without scopes"},
		{toolCall("get_c", ""), "allow", "watch denied_by_rule not c"},
		{toolCall("post_a", ""), "not_allowed", "watch not_allowed no rule allows tool post_a for a caller without scopes"},
		{llmCall("n"), "allow", "watch model_not_allowed model n is not allowed"},
	} {
		out := judge(set, tc.r, nil)
		var seen []string
		for _, o := range observed(set, tc.r, nil) {
			seen = append(seen, o.Policy+" "+string(o.Reason.Code)+" "+o.Reason.Message)
		}
		if effect(out) != tc.want || strings.Join(seen, "; ") != tc.observed {
			t.Errorf("%s: %s, observed %q", tc.r.Tool.Name, effect(out), seen)
		}
	}
	alone := load(t, policy(t, "a", `{enforcement: Observe}`), policy(t, "b", `{enforcement: Observe}`))
	out := judge(alone, toolCall("x", ""), nil)
	seen := observed(alone, toolCall("x", ""), nil)
	if !out.Allow || len(seen) != 1 || seen[0].Policy != "a" || seen[0].Reason.Code != decision.CodeNotAllowed {
		t.Errorf("a surface without any list: %+v, %+v", out, seen)
	}
}

func TestNoPolicy(t *testing.T) {
	set := load(t, policy(t, "p", `{agents: {names: [other]}}`))
	for _, r := range []*decision.Request{toolCall("x", ""), llmCall("m"), mcpCall("tools/list")} {
		out := judge(set, r, nil)
		if effect(out) != "no_policy" || out.Reason.Message != "no policy selects agent copilot" || out.Policy != "" {
			t.Errorf("%s: %+v", r.Method, out)
		}
	}
}

// The place of a rule is for the record, not for the message.
func TestMessagesNameNoPlace(t *testing.T) {
	set := load(t, policy(t, "p", `{rules: [{name: a, allow: {}}, {name: d, deny: {tools: ["x"]}}, {name: e, deny: {tools: ["y"]}, when: "claims.z == 1"}], rego: "package outrider\ndeny contains \"\" if to_number(input.tool.name) > 1"}`))
	for tool, want := range map[string]string{
		"x": "rules[1] d denies tool x",
		"y": "deny rule rules[2] e cannot be evaluated: no such key: z",
		"z": "deny rule rego deny cannot be evaluated: a built-in function cannot use a value (line 2)",
		"2": "rego deny denies tool 2",
	} {
		out := judge(set, toolCall(tool, ""), nil)
		if out.Reason.Message != want || !strings.Contains(out.Rule, "(p.yaml:spec.r") {
			t.Errorf("%s: %q by %q", tool, out.Reason.Message, out.Rule)
		}
	}
}

func TestMessagesShowNamesSafely(t *testing.T) {
	set := load(t, policy(t, "p", `{rules: [{name: a, allow: {tools: ["x"]}}]}`))
	for tool, want := range map[string]string{
		"":                        `no rule allows tool "" for a caller without scopes`,
		"a\nb":                    `no rule allows tool "a\nb" for a caller without scopes`,
		strings.Repeat("é", 1000): "no rule allows tool " + strings.Repeat("é", 40) + "… for a caller without scopes",
	} {
		r := toolCall(tool, "")
		r.Tool.Exposed = ""
		if got := judge(set, r, nil).Reason.Message; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestJudgeAnsweredTwiceIsTheSame(t *testing.T) {
	set := fragment(t)
	r := toolCall("create_issue", `{"repo":"infra/x"}`)
	c := input.New(r, withScopes("mcp:write"))
	first, second := set.Select(&r.Caller).Judge(c), set.Select(&r.Caller).Judge(c)
	if first.Rule != second.Rule || effect(first) != effect(second) {
		t.Errorf("%+v, then %+v", first, second)
	}
}
