package pdp

import (
	"testing"
	"time"

	"outrider.dev/outrider/decision"
)

// The time of a call is the engine's: what the asker says of it counts for
// nothing, and it stays the same until the call is over.
func TestTimeOfACall(t *testing.T) {
	e, _ := engine(t, false, `apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: office}
spec:
  rules:
    - {name: office, allow: {tools: [get_*]}, when: "request.time.getHours() == 12"}
    - {name: night, deny: {}, when: "request.time.getHours() == 23"}
    - {name: answered, deny: {tools: [get_*], phases: [Result]}, when: "request.time.getHours() != 12"}
`)
	now := time.Date(2026, time.January, 1, 12, 59, 0, 0, time.UTC)
	cfg := e.state.Load().Config
	cfg.Now = func() time.Time { return now }
	if err := e.Replace(cfg); err != nil {
		t.Fatal(err)
	}
	ask := func() *decision.Request {
		r := toolCall(t, "reader", "github__get_a", "{}")
		r.Time = time.Date(2030, time.January, 1, 23, 0, 0, 0, time.UTC)
		return r
	}
	v, x := open(t, e, ask())
	if !v.Allowed() {
		t.Fatalf("%+v", v.Reason)
	}
	now = now.Add(time.Hour)
	ruling, err := x.Judge(t.Context(), decision.Part{Whole: &decision.Body{Raw: []byte("{}")}})
	if err != nil || ruling.Effect == decision.Deny {
		t.Errorf("an hour later, the answer: %+v, %v", ruling, err)
	}
	later, err := e.Check(t.Context(), ask())
	if err != nil || later.Reason.Code != decision.CodeNotAllowed {
		t.Errorf("an hour later: %+v, %v", later.Reason, err)
	}
}
