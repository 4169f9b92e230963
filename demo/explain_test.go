package demo

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
)

func TestExplain(t *testing.T) {
	const late = 40 * time.Millisecond
	for _, c := range []struct {
		name    string
		seen    seen
		records []audit.Record
		why     string
		fault   string
	}{
		{
			"the rule",
			seen{code: decision.CodeDeniedByRule},
			[]audit.Record{{Phase: audit.PhaseRequest, Code: decision.CodeDeniedByRule, Rule: "no-infra (policy.yaml:7:1)", Message: "m"}},
			"no-infra", "",
		},
		{
			"the message where no rule decided",
			seen{code: decision.CodeTokenExpired},
			[]audit.Record{{Phase: audit.PhaseRequest, Code: decision.CodeTokenExpired, Message: "ended: get another"}},
			"ended", "",
		},
		{
			"a ruling on the answer",
			seen{effect: blocked, code: decision.CodeSecret},
			[]audit.Record{
				{Phase: audit.PhaseOutcome},
				{
					Phase: audit.PhaseRuling, Code: decision.CodeSecret,
					Findings: []audit.Finding{{Type: "secret.github"}, {Type: "secret.github"}, {Type: "secret.aws"}},
				},
				{Phase: audit.PhaseRequest, Rule: "rule"},
			},
			"secret.github secret.aws", "",
		},
		{
			"an outcome explains nothing",
			seen{code: decision.CodeSecret},
			[]audit.Record{{Phase: audit.PhaseOutcome, Code: decision.CodeSecret, Message: "outcome"}},
			"", "knows nothing",
		},
		{
			"a hidden tool",
			seen{code: decision.CodeToolUnknown},
			[]audit.Record{{Phase: audit.PhaseRequest, Code: decision.CodeNotAllowed}},
			"(not_allowed)", "",
		},
		{
			"what the step says itself stays",
			seen{why: "7 of 15 tools"},
			[]audit.Record{{Phase: audit.PhaseRequest, Rule: "rule"}},
			"7 of 15 tools", "",
		},
		{
			"another reason",
			seen{code: decision.CodeDeniedByRule},
			[]audit.Record{{Phase: audit.PhaseRequest, Code: decision.CodeNoPolicy}},
			"", "knows nothing",
		},
		{"no record", seen{}, nil, "", "knows nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				p := &player{find: func(string) ([]audit.Record, error) {
					if time.Since(begun) < late || c.records == nil {
						return nil, errors.New("nothing yet")
					}
					return c.records, nil
				}}
				s := c.seen
				p.explain(t.Context(), &s)
				if s.why != c.why {
					t.Errorf("why is %q, want %q", s.why, c.why)
				}
				if got := strings.Join(s.faults, ";"); (c.fault == "") != (got == "") || !strings.Contains(got, c.fault) {
					t.Errorf("faults are %q, want %q", got, c.fault)
				}
				if took := time.Since(begun); took < late || took > recordTimeout+recordPoll {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}
