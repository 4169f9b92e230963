package envoy

import (
	"errors"
	"net/http"
	"testing"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
)

// TestOneCallCountsOnce: though two filters ask, a call is reserved once and
// settled once, with what it used.
func TestOneCallCountsOnce(t *testing.T) {
	const admitted = 3
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			s := newSite(t, v, func(s *site, _, outrider tree) {
				s.write(t, "limits.yaml", `apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: limits}
spec:
  traffic: {rateLimiting: [{match: {provider: openai}, per: Agent, limits: [{requestsPerMinute: 3}]}]}
`)
				outrider["policies"] = append(outrider["policies"].([]any), "limits.yaml")
			})
			for i := range admitted {
				got := s.chat(t, model, "Say hello.", i == 0)
				if got.status != http.StatusOK {
					t.Fatalf("call %d: %d %s", i, got.status, got.body)
				}
				s.wantSettledOnce(t, got.header.Get(decision.IDHeader))
			}
			got := s.chat(t, model, "Say hello.", false)
			if e := got.refusal(t); got.status != http.StatusTooManyRequests || e.Code != "rate_limited" || got.header.Get("Retry-After") == "" {
				t.Errorf("after %d calls: %d %+v", admitted, got.status, e)
			}
		})
	}
}

// wantSettledOnce waits for the end of a call in the record of decisions.
func (s *site) wantSettledOnce(t *testing.T, id string) {
	t.Helper()
	var records []audit.Record
	counts := func(phase audit.Phase) (n int, last audit.Record) {
		for _, r := range records {
			if r.Phase == phase {
				n, last = n+1, r
			}
		}
		return n, last
	}
	eventually(t, "the call to be settled", func() bool {
		var err error
		if records, err = audit.Find(s.state(), id); err != nil && !errors.Is(err, audit.ErrNotFound) {
			t.Fatal(err)
		}
		n, _ := counts(audit.PhaseOutcome)
		return n > 0
	})
	asked, _ := counts(audit.PhaseRequest)
	settled, last := counts(audit.PhaseOutcome)
	if asked != 1 || settled != 1 {
		t.Errorf("asked %d times and settled %d times: %+v", asked, settled, records)
	}
	if last.End != decision.EndCompleted || last.Usage.Output == 0 {
		t.Errorf("settled as %s with %+v", last.End, last.Usage)
	}
}
