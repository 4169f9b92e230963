package decisionservice

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/telemetry"
)

// TestObservedIsTold: what an observing policy would have refused or changed
// stands in the log and in the metrics, with the policy's name and without the
// call's content.
func TestObservedIsTold(t *testing.T) {
	var log bytes.Buffer
	tel, err := telemetry.New(telemetry.Options{Service: "test", Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Close(t.Context())
	records, err := audit.New(audit.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	r := recorder{log: records, events: tel.Log, metrics: tel.Metrics}
	call := audit.Record{
		ID: "0123456789", Time: time.Unix(0, 0), Phase: audit.PhaseRequest, Surface: decision.MCP, Method: "tools/call",
		Tool: "delete_repo", Effect: decision.Allow.String(), Message: "not for the log",
	}
	r.Add(call)
	if log.Len() > 0 {
		t.Fatalf("a call that nobody observed is told: %s", log.String())
	}
	call.Observed = []audit.Observed{
		{Policy: "tried", Code: decision.CodeDeniedByRule, Rule: "no-deletes (policy.yaml:9)"},
		{Policy: "tried", Code: decision.CodeRateLimited, Rule: "tried rateLimiting[0]"},
		{Policy: "tried", Rule: "mutations[0] page", Change: "argument /per_page"},
	}
	r.Add(call)
	r.Add(call)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 6 {
		t.Fatalf("%d lines: %s", len(lines), log.String())
	}
	if changed := lines[2]; !strings.Contains(changed, "would have changed") || !strings.Contains(changed, `"change":"argument /per_page"`) {
		t.Errorf("of a change the log says %s", changed)
	}
	var first map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"decision": "0123456789", "policy": "tried", "reason": "denied_by_rule", "rule": "no-deletes (policy.yaml:9)", "effect": "allow", "tool": "delete_repo",
	} {
		if first[key] != want {
			t.Errorf("%s is %v, want %s", key, first[key], want)
		}
	}
	w := httptest.NewRecorder()
	tel.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	for _, line := range []string{
		`outrider_observed_refusals_total{policy="tried",reason="denied_by_rule"} 2`,
		`outrider_observed_refusals_total{policy="tried",reason="rate_limited"} 2`,
		`outrider_observed_changes_total{policy="tried"} 2`,
	} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	if strings.Contains(w.Body.String(), `outrider_observed_refusals_total{policy="tried",reason=""}`) {
		t.Error("a change counts as a refusal")
	}
}
