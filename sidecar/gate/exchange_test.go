package gate

import (
	"context"
	"testing"

	"outrider.dev/outrider/decision"
)

func TestAttempt(t *testing.T) {
	next := &decision.Grant{Target: decision.Target{Provider: "groq"}}
	for name, c := range map[string]struct {
		grant  *decision.Grant
		err    error
		want   *decision.Grant
		failed int
	}{
		"the next":                 {next, nil, next, 0},
		"none":                     {nil, nil, nil, 0},
		"nobody answers":           {nil, errAway, nil, 1},
		"an error beside a grant":  {next, errAway, nil, 1},
		"a grant without a target": {&decision.Grant{}, nil, &decision.Grant{}, 0}, // refused by upstream
	} {
		t.Run(name, func(t *testing.T) {
			inner := &exchange{attempt: func(context.Context) (*decision.Grant, error) { return c.grant, c.err }}
			w := newGate(t, answering(granted(), inner, nil))
			got := w.open(t).Attempt(t.Context(), decision.Attempt{FailedProvider: "xai"})
			if (got == nil) != (c.want == nil) || got != nil && got.Target != c.want.Target || w.failed != c.failed {
				t.Fatalf("got %+v and %d failures, want %+v and %d", got, w.failed, c.want, c.failed)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	tools := decision.Part{Tools: make([]decision.Tool, 1)}
	whole := decision.Part{Whole: &decision.Body{}}
	visible := &decision.Visibility{Bitmap: []byte{1}}
	for name, c := range map[string]struct {
		part   decision.Part
		ruling *decision.Ruling
		err    error
		want   decision.Effect
		code   decision.Code
	}{
		"allowed":                         {whole, &decision.Ruling{Effect: decision.Allow}, nil, decision.Allow, ""},
		"mutated":                         {whole, &decision.Ruling{Effect: decision.Mutate}, nil, decision.Mutate, ""},
		"denied":                          {whole, &decision.Ruling{Reason: decision.Reason{Code: decision.CodeSecret}}, nil, decision.Deny, decision.CodeSecret},
		"nobody answers":                  {whole, nil, errAway, decision.Deny, decision.CodePDPUnavailable},
		"an error beside an allow":        {whole, &decision.Ruling{Effect: decision.Allow}, errAway, decision.Deny, decision.CodePDPUnavailable},
		"nothing":                         {whole, nil, nil, decision.Deny, decision.CodePDPUnavailable},
		"tools":                           {tools, &decision.Ruling{Effect: decision.Allow, Visibility: visible}, nil, decision.Allow, ""},
		"tools without visibility":        {tools, &decision.Ruling{Effect: decision.Allow}, nil, decision.Deny, decision.CodePDPUnavailable},
		"tools denied without visibility": {tools, &decision.Ruling{Reason: decision.Reason{Code: decision.CodeRuleError}}, nil, decision.Deny, decision.CodeRuleError},
	} {
		t.Run(name, func(t *testing.T) {
			inner := &exchange{judge: func(context.Context) (*decision.Ruling, error) { return c.ruling, c.err }}
			w := newGate(t, answering(granted(), inner, nil))
			got := w.open(t).Judge(t.Context(), c.part)
			if got == nil || got.Effect != c.want || got.Reason.Code != c.code {
				t.Fatalf("got %+v, want %s %s", got, c.want, c.code)
			}
			if unanswered := c.code == decision.CodePDPUnavailable; unanswered != (w.failed == 1) {
				t.Fatalf("counted %d failures", w.failed)
			}
		})
	}
}

// TestSettle: exactly once, under the exchange's own name and handle, and
// also where the agent has gone.
func TestSettle(t *testing.T) {
	inner := &exchange{}
	w := newGate(t, answering(granted(), inner, nil))
	ex := w.open(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	forged := decision.Outcome{
		ExchangeID: "another", Settlement: []byte("another"),
		Provider: "xai", End: decision.EndDisconnected, Usage: decision.Usage{Output: 7}, Attempts: 2,
	}
	ex.Settle(ctx, forged)
	ex.Settle(t.Context(), decision.Outcome{End: decision.EndCompleted})
	wantSettled(t, inner, true, decision.EndDisconnected)
	got := inner.settled[0]
	if string(got.Settlement) != "handle" || got.Provider != "xai" || got.Usage.Output != 7 || got.Attempts != 2 {
		t.Fatalf("settled %+v", got)
	}
	if w.failed != 0 {
		t.Fatalf("the outcome was reported with a context that had ended: %s", &w.log)
	}
}

// TestSettleUnheard: an outcome that nobody heard is counted, also where the
// agent has gone.
func TestSettleUnheard(t *testing.T) {
	inner := &exchange{settle: func(context.Context) error { return errAway }}
	w := newGate(t, answering(granted(), inner, nil))
	ctx, leave := context.WithCancel(t.Context())
	ex := w.open(t)
	leave()
	ex.Settle(ctx, decision.Outcome{End: decision.EndCompleted})
	ex.Settle(ctx, decision.Outcome{End: decision.EndCompleted})
	if w.failed != 1 || len(inner.settled) != 1 {
		t.Fatalf("%d failures, settled %+v", w.failed, inner.settled)
	}
}
