package audit

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/decision"
)

func rules(n int, result decision.RuleResult) []decision.RuleOutcome {
	out := make([]decision.RuleOutcome, n)
	for i := range out {
		out[i] = decision.RuleOutcome{Policy: "p", Rule: fmt.Sprintf("rules[%d]", i), Result: result}
	}
	return out
}

func TestExplainedIsBounded(t *testing.T) {
	e := &Explained{Change: strings.Repeat("c", 2000), Rules: append(rules(5, decision.ResultSkipped), rules(200, decision.ResultFalse)...)}
	last := &e.Rules[len(e.Rules)-1]
	last.Decides, last.Note = true, strings.Repeat("n", 2000)
	deep := &decision.Condition{Operator: decision.OperatorAll}
	last.When = deep
	for range 100 { // a ladder, with a step on each side
		deep.Parts = []decision.Condition{{Text: strings.Repeat("t", 2000)}, {Operator: decision.OperatorAny}}
		deep = &deep.Parts[1]
	}
	for i := range 40 {
		last.Values = append(last.Values, decision.ReadValue{Path: fmt.Sprint(i), Value: strings.Repeat("v", 2000)})
	}
	got := e.bounded()
	if len(got.Rules) != maxRules || got.More != 200-maxRules || !got.Rules[maxRules-1].Decides || got.Rules[0].Rule != "rules[0]" {
		t.Fatalf("kept %d rules, %d more: %+v", len(got.Rules), got.More, got.Rules[maxRules-1])
	}
	if o := got.Rules[maxRules-1]; len(o.Values) != maxValues || len(o.Note) != maxText || pieces(o.When)-1 != maxPieces {
		t.Errorf("kept %d values, %d pieces, %d bytes of the note", len(o.Values), pieces(o.When), len(o.Note))
	}
	line, err := Record{ID: "exchange-1", Explained: e}.line()
	if err != nil || len(line) > maxLine/4 {
		t.Errorf("a line of %d bytes, %v", len(line), err)
	}
	if len(last.Values) != 40 || len(e.Rules) != 205 {
		t.Error("the original was changed")
	}
}

func pieces(c *decision.Condition) int {
	n := 1
	for i := range c.Parts {
		n += pieces(&c.Parts[i])
	}
	return n
}

// Explanations are written with their records and read back.
func TestExplainedIsFound(t *testing.T) {
	dir := t.TempDir()
	when := &decision.Condition{Operator: decision.OperatorNot, Result: decision.ResultTrue, Parts: []decision.Condition{{Text: "a < b", Result: decision.ResultFalse}}}
	want := decision.RuleOutcome{Policy: "p", Rule: "r", Effect: decision.RuleDenies, Result: decision.ResultTrue, Decides: true, When: when, Values: []decision.ReadValue{{Path: "tool.name", Value: `"x"`}}}
	write(t, dir, Record{ID: "exchange-1", Explain: func() *Explained {
		return &Explained{Rules: []decision.RuleOutcome{want}, Change: "add the scope a"}
	}})
	found := find(t, dir, "exchange-1")
	if len(found) != 1 || found[0].Explained == nil {
		t.Fatalf("found %+v", found)
	}
	got := found[0].Explained
	if fmt.Sprintf("%+v %+v", got.Rules[0].When, got.Rules[0].Values) != fmt.Sprintf("%+v %+v", want.When, want.Values) || got.Change != "add the scope a" || !got.Rules[0].Decides {
		t.Errorf("found %+v", got)
	}
}

// Many refused calls do not take more than a share of the time; a few are all
// explained.
func TestExplainingHasAnAllowance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a allowance
		done := func(took time.Duration) bool {
			r := Record{Explain: func() *Explained { time.Sleep(took); return &Explained{} }}
			a.explain(&r)
			if r.Explain != nil {
				t.Fatal("it would be explained twice")
			}
			return r.Explained != nil
		}
		for range 10 {
			if !done(100 * time.Millisecond) {
				t.Fatal("a few refusals at once are not explained")
			}
		}
		began, explained := time.Now(), 0
		for time.Since(began) < 100*time.Second {
			if done(100 * time.Millisecond) {
				explained++
			}
			time.Sleep(10 * time.Millisecond)
		}
		if explained < 80 || explained > 120 {
			t.Errorf("%d of 100 ms each were explained in 100 s, want about a tenth of the time", explained)
		}
	})
}
