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

// TestHidesOfTheSame: tools that an observing policy judges alike are judged
// once, and what it costs to tell does not grow with their number; where it
// reads what differs, each is judged.
func TestHidesOfTheSame(t *testing.T) {
	everything := policy(t, "everything", `{rules: [{name: all, allow: {tools: ["*"]}}]}`)
	for spec, alike := range map[string]bool{
		`{enforcement: Observe, ` + trusting + `, rules: [{name: reads, allow: {tools: ["*"]}, when: "'read' in scopes"}]}`: true,
		`{enforcement: Observe, rules: [{name: few, deny: {}, when: "tool.annotations.n < 700"}]}`:                          false,
	} {
		var tools []decision.Tool
		var shown []bool
		for i := range 1000 {
			tools = append(tools, decision.Tool{Server: "github", Name: fmt.Sprintf("run_%03d", i), Definition: fmt.Appendf(nil, `{"annotations":{"n":%d}}`, i)})
			shown = append(shown, true)
		}
		list := mcpCall("tools/list")
		s := load(t, everything, policy(t, "tried", spec)).Select(&list.Caller)
		want := 1000
		if !alike {
			want = 700
		}
		if got := s.Hides(input.New(list, nil), tools, shown); len(got) != 1 || got[0].Tools != want || got[0].First != 0 {
			t.Errorf("%s: %+v, want %d", spec, got, want)
		}
		cost := func(n int) float64 {
			return testing.AllocsPerRun(5, func() { s.Hides(input.New(list, nil), tools[:n], shown) })
		}
		if few, many := cost(10), cost(1000); (many <= few+1) != alike {
			t.Errorf("%s: %v allocations for 10 tools, %v for 1000", spec, few, many)
		}
	}
}
