package wire

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// TestQuestionsTellHowLongTheyWait: each of an exchange by itself, for its stream
// outlives them all; an outcome waits for nothing.
func TestQuestionsTellHowLongTheyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := make(chan *decisionv1.ExchangeRequest, 1)
		ruled := answerRuling(&decision.Ruling{Effect: decision.Allow})
		c, _ := serve(t, &scripted{exchange: after(seen, answerVerdict(granted()), answerGrant(nil), ruled, ruled, answerSettled())})
		within := func(d time.Duration) context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			t.Cleanup(cancel)
			return ctx
		}
		_, ex, err := c.Open(within(5*time.Second), question())
		if err != nil {
			t.Fatal(err)
		}
		if m := <-seen; m.GetAsk().GetTimeout().AsDuration() != 5*time.Second || m.GetTimeout() != nil {
			t.Errorf("the ask tells %v", m)
		}
		time.Sleep(time.Minute)
		if _, err := ex.Attempt(within(3*time.Second), decision.Attempt{}); err != nil {
			t.Fatal(err)
		}
		if m := <-seen; m.GetTimeout().AsDuration() != 3*time.Second {
			t.Errorf("an attempt tells %v", m)
		}
		if _, err := ex.Judge(within(2*time.Second), decision.Part{Whole: &decision.Body{}}); err != nil {
			t.Fatal(err)
		}
		if m := <-seen; m.GetTimeout().AsDuration() != 2*time.Second {
			t.Errorf("a part tells %v", m)
		}
		if _, err := ex.Judge(t.Context(), decision.Part{Whole: &decision.Body{}}); err != nil {
			t.Fatal(err)
		}
		if m := <-seen; m.GetTimeout() != nil {
			t.Errorf("a part without a deadline tells %v", m)
		}
		if err := ex.Settle(within(time.Second), decision.Outcome{}); err != nil {
			t.Fatal(err)
		}
		if m := <-seen; m.GetOutcome() == nil || m.GetTimeout() != nil {
			t.Errorf("the outcome tells %v", m)
		}
	})
}
