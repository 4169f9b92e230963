package main

import (
	"strings"
	"testing"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
)

// TestWhyOfUnjudgedCalls: what nobody decided about is told as that, to its end.
func TestWhyOfUnjudgedCalls(t *testing.T) {
	r := request("allow", func(r *audit.Record) {
		r.Phase, r.End, r.Usage, r.Policy = audit.PhaseUnjudged, decision.EndCompleted, decision.Usage{Input: 3, Output: 4}, "main"
		r.Message = `no decision service answered: the data plane let the call pass by its fail mode "Lifeboat", after a verdict of 12s before`
	})
	var out strings.Builder
	explain(&out, false, []audit.Record{r})
	got := out.String()
	for _, want := range []string{
		"passed without a decision  0123456789abcdef\n", `fail mode "Lifeboat", after a verdict of 12s before`,
		"  policy     main\n", "  went to    one\n", "  ended      completed\n", "  used       3 in, 4 out tokens\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "request: allow") {
		t.Errorf("it reads as a verdict:\n%s", got)
	}
}

// TestWhyOfCallsReportedAgain: a data plane reports a call once more where it did not hear
// that it was recorded, which is told once. Anything else that differs is told.
func TestWhyOfCallsReportedAgain(t *testing.T) {
	unjudged := func(end decision.End) audit.Record {
		return request("allow", func(r *audit.Record) { r.Phase, r.End = audit.PhaseUnjudged, end })
	}
	verdict := request("allow")
	for name, tt := range map[string]struct {
		records []audit.Record
		want    int
	}{
		"twice":              {[]audit.Record{unjudged(decision.EndCompleted), unjudged(decision.EndCompleted)}, 1},
		"with one between":   {[]audit.Record{unjudged(decision.EndCompleted), verdict, unjudged(decision.EndCompleted)}, 2},
		"with another end":   {[]audit.Record{unjudged(decision.EndCompleted), unjudged(decision.EndFailed)}, 2},
		"what was decided":   {[]audit.Record{verdict, verdict}, 2},
		"a verdict and none": {[]audit.Record{verdict, unjudged(decision.EndCompleted)}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			explain(&out, false, tt.records)
			if got := strings.Count(out.String(), verdict.ID); got != tt.want {
				t.Errorf("%d records are told, want %d:\n%s", got, tt.want, out.String())
			}
		})
	}
}
