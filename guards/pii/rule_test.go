package pii

import (
	"strings"
	"testing"
)

// TestRulesFindTheirExamples runs the examples of every row: each holds one
// thing of the row's type, and the look-alikes hold nothing.
func TestRulesFindTheirExamples(t *testing.T) {
	for _, r := range append(readers(), identities()...) {
		if r.about == "" || len(r.examples) == 0 || len(r.none) == 0 || r.sure == 0 && r.alone == 0 {
			t.Errorf("%s: a row tells what it is about, how sure it is, and has examples of both kinds", r.kind)
		}
		for _, text := range r.examples {
			for _, around := range []string{"%", "so, % is it", "%.", "\"%\"", "x: %\n", "漢字 % 漢字"} {
				got := found(strings.Replace(around, "%", text, 1))
				if len(got) != 1 || !strings.HasPrefix(got[0], r.kind+" ") {
					t.Errorf("%s: in %q of %q found %q", r.kind, text, around, got)
				}
			}
		}
		for _, text := range r.none {
			if got := found(text); len(got) != 0 {
				t.Errorf("%s: in %q found %q", r.kind, text, got)
			}
		}
	}
}

func TestRulesAreACatalogue(t *testing.T) {
	ids, types := map[string]bool{}, map[string]bool{}
	for _, r := range Rules() {
		if ids[r.ID] || r.ID == "" || !strings.HasPrefix(r.Type, "pii.") || r.Confidence <= 0 || r.Confidence > 1 {
			t.Errorf("%+v", r)
		}
		ids[r.ID], types[r.Type] = true, true
	}
	if len(types) < 24 {
		t.Errorf("%d types", len(types))
	}
}
