package answer

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"outrider.dev/outrider/decision"
)

// TestDeltasAreJoined: what follows in one lane is judged together, and nothing
// of it is lost, moved or ended early.
func TestDeltasAreJoined(t *testing.T) {
	d := func(lane, text string, last bool) decision.Delta {
		return decision.Delta{Lane: lane, Text: text, Last: last}
	}
	for name, c := range map[string]struct{ deltas, want []decision.Delta }{
		"none":           {nil, nil},
		"one":            {[]decision.Delta{d("c0", "a", false)}, []decision.Delta{d("c0", "a", false)}},
		"one lane":       {[]decision.Delta{d("c0", "a", false), d("c0", "b", false), d("c0", "c", true)}, []decision.Delta{d("c0", "abc", true)}},
		"lanes by turns": {[]decision.Delta{d("c0", "a", false), d("c1", "b", false), d("c0", "c", false)}, []decision.Delta{d("c0", "a", false), d("c1", "b", false), d("c0", "c", false)}},
		"runs":           {[]decision.Delta{d("c0", "a", false), d("c0", "b", false), d("c1", "c", false), d("c1", "d", true)}, []decision.Delta{d("c0", "ab", false), d("c1", "cd", true)}},
		"an end alone":   {[]decision.Delta{d("c0", "a", false), d("c0", "", true)}, []decision.Delta{d("c0", "a", true)}},
		"after an end":   {[]decision.Delta{d("c0", "a", true), d("c0", "b", false)}, []decision.Delta{d("c0", "a", true), d("c0", "b", false)}},
	} {
		if diff := cmp.Diff(c.want, joined(slices.Clone(c.deltas)), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}
