package pdp

import (
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
)

// TestUnjudgedCallsAreRecorded: as what they are, with the time that the data plane
// tells, unless that is yet to come. Nothing is charged.
func TestUnjudgedCallsAreRecorded(t *testing.T) {
	e, seen := engine(t, false)
	before := time.Now().Add(-time.Minute).UTC()
	used := decision.Usage{Input: 3, Output: 4}
	for _, o := range []decision.Outcome{
		{
			ExchangeID: "exchange-1", Provider: "github", End: decision.EndCompleted,
			Unjudged: &decision.Unjudged{
				FailMode: "Lifeboat", Time: before, Agent: "copilot", Surface: decision.MCP, Method: "tools/call", Server: "github", Tool: "list",
				Policy: "main", Version: "v1", Rule: "readers", Age: 12345678 * time.Microsecond,
			},
		},
		{
			ExchangeID: "exchange-2", Provider: "local", Usage: used, End: decision.EndFailed,
			Unjudged: &decision.Unjudged{FailMode: "Open\n", Time: time.Now().Add(time.Hour), Surface: decision.LLM, Model: "qwen3"},
		},
		{ExchangeID: "exchange-3", Unjudged: &decision.Unjudged{}},
	} {
		if e.Settle(t.Context(), o) {
			t.Errorf("%s: known before", o.ExchangeID)
		}
	}
	got := seen.of(audit.PhaseUnjudged)
	if len(got) != 3 || len(seen.list) != 3 {
		t.Fatalf("recorded %+v", seen.list)
	}
	first, second := got[0], got[1]
	if !first.Time.Equal(before) || first.ID != "exchange-1" || first.Agent != "copilot" || first.Tool != "list" || first.Server != "github" ||
		first.Policy != "main" || first.Rule != "readers" || first.Effect != "allow" || first.End != decision.EndCompleted || first.Providers[0] != "github" ||
		!strings.Contains(first.Message, `fail mode "Lifeboat", after a verdict of 12.346s before`) {
		t.Errorf("got %+v", first)
	}
	if second.Time.After(time.Now()) || second.Usage != used || second.Model != "qwen3" || !strings.HasSuffix(second.Message, `fail mode "Open\n"`) {
		t.Errorf("got %+v", second)
	}
}
