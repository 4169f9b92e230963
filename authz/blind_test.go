package authz

import (
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
