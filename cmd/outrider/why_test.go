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
