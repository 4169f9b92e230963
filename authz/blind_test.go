package authz

import (
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// The guards of one policy serve the rules of another.
func TestGuardsOfOthersAreEnough(t *testing.T) {
	rule := policy(t, "r", `{rules: [{name: d, deny: {tools: [x]}, when: "findings.size() > 0"}]}`)
	guards := policy(t, "g", `{backend: {mcp: {guards: {request: [{type: PII, action: Observe}]}}}}`)
	if w := load(t, rule, guards).Warnings(); len(w) != 0 {
		t.Errorf("%v", w)
	}
	if w := load(t, rule).Warnings(); len(w) != 1 {
		t.Errorf("%v", w)
	}
}

// What the warning on annotations says is so: lists know them, calls do not.
func TestAnnotationsAreKnownInLists(t *testing.T) {
	for _, tc := range []struct{ rules, call, readOnly, other string }{
		{`[{name: a, allow: {}}, {name: d, deny: {}, when: "!has(tool.annotations.readOnlyHint)"}]`, "rule_error", "shown", "hidden"},
		{`[{name: a, allow: {}, when: "tool.annotations.readOnlyHint == true"}]`, "not_allowed", "shown", "hidden"},
		{`[{name: a, allow: {}}, {name: d, deny: {phases: [List]}, when: "!has(tool.annotations.readOnlyHint)"}]`, "allow", "shown", "hidden"},
	} {
		set := load(t, policy(t, "p", "{rules: "+tc.rules+"}"))
		if out := judge(set, toolCall("x", "{}"), nil); effect(out) != tc.call {
			t.Errorf("%s: %+v", tc.rules, out)
		}
		list := mcpCall("tools/list")
		entries := []decision.Tool{
			{Server: "github", Name: "x", Definition: []byte(`{"annotations":{"readOnlyHint":true}}`)},
			{Server: "github", Name: "y", Definition: []byte(`{}`)},
		}
		for i, shown := range set.Select(&list.Caller).Visible(input.New(list, nil), entries) {
			if want := []string{tc.readOnly, tc.other}[i]; (want == "shown") != shown {
				t.Errorf("%s: entry %d is shown: %v", tc.rules, i, shown)
			}
		}
	}
}

// What no call shows is told before a rule waits for it.
func TestHeadersThatNoCallShows(t *testing.T) {
	const never, lower = "MCP calls never show the header ", "headers are read by their names in lower case"
	for _, tc := range []struct{ spec, at, want string }{
		{`{rules: [{name: a, allow: {tools: [x]}, when: "request.headers['x-team'] == 'ops'"}]}`, "rules[0] a", never + "x-team"},
		{`{rules: [{name: a, allow: {}}, {name: d, deny: {methods: ["tools/*"]}, when: "has(request.headers.x) && request.headers.x != ''"}]}`, "rules[1] d", never + "x"},
		{`{backend: {mcp: {authorization: {action: Allow, policy: {matchExpressions: ["request.headers['mcp-session-id'] == ''"]}}}}}`, "authorization", never + "mcp-session-id"},
		{`{rules: [{name: a, allow: {tools: [x]}}], mutations: [{name: m, match: {tools: [x]}, set: {argument: /t, expression: "request.headers['x-team']"}}]}`, "mutations[0] m", never},
		{`{rules: [{name: a, allow: {models: [x]}, when: "request.headers['X-Team'] == 'ops'"}]}`, "rules[0] a", lower + ", so X-Team is never there: write x-team"},
		{`{rules: [{name: a, allow: {}, when: "request.headers['X-Team'] == 'ops'"}]}`, "rules[0] a", lower},
		{`{rego: "package outrider\nallow if { input.tool.name == \"x\"; input.request.headers[\"x-team\"] == \"ops\" }"}`, "rego", never + "x-team"},
		{`{rego: "package outrider\nallow if { input.tool.name == \"x\"; ours }\nours if input.request.headers[\"x-team\"] == \"ops\""}`, "rego", never + "x-team"},
		{`{rego: "package outrider\nallow if input.tool.name == \"x\"\ndeny contains \"no\" if input.request.headers[\"X-Team\"] == \"ops\""}`, "rego", lower},
		{`{rules: [{name: a, allow: {tools: [x]}, when: "request.headers['user-agent'] == 'a' && request.headers['mcp-name'] == 'b' && request.headers.traceparent != ''"}]}`, "", ""},
		{`{rules: [{name: a, allow: {tools: [x]}, when: "request.headers.exists(k, k == 'x-team')"}]}`, "", ""},
		{`{rules: [{name: a, allow: {models: [x]}, when: "request.headers['x-team'] == 'ops'"}]}`, "", ""},
		{`{rules: [{name: a, allow: {}, when: "request.headers['x-team'] == 'ops'"}]}`, "", ""},
		{`{rego: "package outrider\nallow if { input.llm.model == \"x\"; input.request.headers[\"x-team\"] == \"ops\" }\nallow if input.tool.name == \"x\""}`, "", ""},
		{`{rego: "package outrider\nallow if input.tool.name == \"x\"\ndeny contains \"no\" if { some k; input.request.headers[k] == \"ops\" }"}`, "", ""},
	} {
		warnings := load(t, policy(t, "p", tc.spec)).Warnings()
		switch {
		case tc.want == "" && len(warnings) == 0:
		case tc.want == "" || len(warnings) != 1 || !strings.Contains(warnings[0].Rule, tc.at) || !strings.HasPrefix(warnings[0].Problem, tc.want):
			t.Errorf("%s: %v", tc.spec, warnings)
		}
	}
}
