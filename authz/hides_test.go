package authz

import (
	"fmt"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// TestHides: of a list an observing policy tells to hide what it hides once it
// enforces, as long as that is shown, whoever asks.
func TestHides(t *testing.T) {
	everything := policy(t, "everything", `{rules: [{name: all, allow: {tools: ["*"]}}]}`)
	var tools []decision.Tool
	for _, name := range []string{"get_a", "get_b", "put_a", "put_b", "delete_a", "run"} {
		tools = append(tools, decision.Tool{Server: "github", Name: name})
	}
	for _, spec := range []string{
		`{enforcement: %s, rules: [{name: reads, allow: {tools: ["get_*"]}}]}`,
		`{enforcement: %s, rules: [{name: no-puts, deny: {tools: ["put_*"]}}]}`,
		`{enforcement: %s, ` + trusting + `, rules: [{name: reads, allow: {tools: ["get_*"]}, when: "'read' in scopes"}]}`,
		`{enforcement: %s, ` + trusting + `, rules: [{name: team, deny: {tools: ["get_*"]}, when: "claims.team == 'x'"}]}`,
		`{enforcement: %s, rules: [{name: args, deny: {}, when: "tool.args.repo == 'x'"}]}`,
		`{enforcement: %s, rego: "package outrider\n\ndefault allow := false\n\nallow if startswith(input.tool.name, \"get_\")\n"}`,
		`{enforcement: %s}`,
	} {
		for _, who := range []*decision.Principal{nil, withScopes("read")} {
			list := mcpCall("tools/list")
			trying := load(t, everything, policy(t, "tried", fmt.Sprintf(spec, "Observe")))
			enforcing := load(t, everything, policy(t, "tried", fmt.Sprintf(spec, "Enforce")))
			shown := enforcing.Select(&list.Caller).Visible(input.New(list, who), tools)
			hidden, first := 0, 0
			for i := len(tools) - 1; i >= 0; i-- {
				if !shown[i] {
					hidden, first = hidden+1, i
				}
			}
			all := trying.Select(&list.Caller).Visible(input.New(list, who), tools)
			got := trying.Select(&list.Caller).Hides(input.New(list, who), tools, all)
			if hidden == 0 && len(got) != 0 || hidden > 0 && (len(got) != 1 || got[0].Tools != hidden || got[0].First != first || got[0].Rule == "" || got[0].Policy != "tried") {
				t.Errorf("%s: %+v, want %d from %d", spec, got, hidden, first)
			}
			if again := trying.Select(&list.Caller).Hides(input.New(list, who), tools, make([]bool, len(tools))); len(again) != 0 {
				t.Errorf("%s: hides %+v of what is hidden", spec, again)
			}
		}
	}
}
