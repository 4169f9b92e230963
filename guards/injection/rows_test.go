package injection

import (
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/injection/model"
)

// everything is what both readers find in a text.
func everything(t *testing.T, text string) []decision.Finding {
	out := New(true).FindAll([]byte(text), nil)
	return mustJudge(t).Judge([]byte(text), model.Result, out)
}

// TestRulesAreTrue holds the page of all rules to what is found.
func TestRulesAreTrue(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.ID] || r.Type != "injection."+r.ID || len(r.Examples) == 0 || len(r.Clean) == 0 {
			t.Errorf("%s: is told twice, or without examples", r.ID)
		}
		seen[r.ID] = true
		for _, text := range r.Examples {
			found := false
			for _, f := range everything(t, text) {
				found = found || f.Type == r.Type
			}
			if !found {
				t.Errorf("%s: %q is not found", r.ID, text)
			}
		}
		for _, text := range r.Clean {
			if got := everything(t, text); len(got) != 0 {
				t.Errorf("%s: in %q: %v", r.ID, text, got)
			}
		}
	}
}
