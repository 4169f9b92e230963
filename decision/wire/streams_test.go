package wire

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// carrier is a service whose streams carry up to so many exchanges each; it counts
// both. Calls whose id begins with no are denied.
type carrier struct {
	most            int // 0: any number
	streams, asked  atomic.Int32
	settled, broken atomic.Int32
	end             error // of a stream that has carried enough
}

func (c *carrier) exchange(st conversation) error {
	c.streams.Add(1)
	for n := 0; c.most == 0 || n < c.most; n++ {
		m, err := st.Recv()
		if err != nil {
			return err
		}
		c.asked.Add(1)
		v := granted()
		v.ID = m.GetAsk().GetExchangeId()
		if strings.HasPrefix(v.ID, "no") {
			v.Effect, v.Grants = decision.Deny, nil
		}
		if err := st.Send(answerVerdict(v)); err != nil {
			return err
		}
		if !v.Allowed() {
			continue
		}
		if m, err = st.Recv(); err != nil {
			c.broken.Add(1)
			return err
		}
		if m.GetOutcome().GetExchangeId() != v.ID {
			return status.Error(codes.InvalidArgument, "another exchange's outcome")
		}
		c.settled.Add(1)
		if err := st.Send(answerSettled()); err != nil {
			return err
		}
	}
	return c.end
}

func open(t *testing.T, c *Client, id string) decision.Exchange {
	t.Helper()
	q := question()
	q.ExchangeID = id
	v, ex, err := c.Open(t.Context(), q)
	if err != nil || v.ID != id || v.Allowed() != (ex != nil) {
		t.Fatalf("%s: got %+v, %v, %v", id, v, ex, err)
	}
	return ex
}

func call(t *testing.T, c *Client, id string) {
	t.Helper()
	if ex := open(t, c, id); ex != nil {
		if err := ex.Settle(t.Context(), decision.Outcome{ExchangeID: id}); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
	}
}

// TestStreamsCarryManyExchanges: one after the other goes on the stream that the
// last one left, denied ones too; those that are open at once have one each.
func TestStreamsCarryManyExchanges(t *testing.T) {
	var far carrier
	c, _ := serve(t, &scripted{exchange: far.exchange})
	for i := range 20 {
		call(t, c, fmt.Sprintf("exchange-%d", i))
		call(t, c, fmt.Sprintf("not-this-one-%d", i))
	}
	if n := far.streams.Load(); n != 1 {
		t.Errorf("%d streams for one call after the other", n)
	}
	var together []decision.Exchange
	for i := range 5 {
		together = append(together, open(t, c, fmt.Sprintf("together-%d", i)))
	}
	for i, ex := range together {
		if err := ex.Settle(t.Context(), decision.Outcome{ExchangeID: fmt.Sprintf("together-%d", i)}); err != nil {
			t.Error(err)
		}
		if err := ex.Settle(t.Context(), decision.Outcome{ExchangeID: "again"}); err != nil { // the stream is another's by now
			t.Error(err)
		}
		if _, err := ex.Judge(t.Context(), decision.Part{}); !errors.Is(err, errClosed) {
			t.Errorf("after the outcome: %v", err)
		}
		call(t, c, fmt.Sprintf("after-%d", i))
	}
	if n := far.streams.Load(); n != 5 {
		t.Errorf("%d streams for five calls at once", n)
	}
	if far.asked.Load() != 50 || far.settled.Load() != 30 {
		t.Errorf("%d asked, %d settled", far.asked.Load(), far.settled.Load())
	}
}

// TestStreamsThatEnded: a question that its stream did not carry any more is asked
// once on another one, whatever the old one ended with. A service that knows
// nothing of further exchanges is one that ends after the first.
func TestStreamsThatEnded(t *testing.T) {
	for _, most := range []int{1, 3} {
		for name, end := range map[string]error{"in peace": nil, "stopping": status.Error(codes.Unavailable, "stopping")} {
			t.Run(fmt.Sprint(most, " ", name), func(t *testing.T) {
				far := carrier{most: most, end: end}
				c, _ := serve(t, &scripted{exchange: far.exchange})
				const calls = 30
				for i := range calls {
					call(t, c, fmt.Sprintf("exchange-%d", i))
					if n := int(far.streams.Load()); n != i/most+1 {
						t.Fatalf("%d streams after %d calls", n, i+1)
					}
					if end != nil && (i+1)%most == 0 { // an error must have come before the next question
						wantDead(t, c)
					}
				}
				if far.asked.Load() != calls || far.settled.Load() != calls {
					t.Errorf("%d asked, %d settled", far.asked.Load(), far.settled.Load())
				}
			})
		}
	}
}

// wantDead waits until the stream that was used last has ended.
func wantDead(t *testing.T, c *Client) {
	t.Helper()
	s := c.idle.take()
	if _, err := s.Recv(); err == nil {
		t.Fatal("a stream that has ended answers")
	}
	c.idle.put(s)
}

// TestAskedOnceOnly: an error in the place of an answer may come from a service
// that has heard the question, so that it is not asked again behind the caller's back.
func TestAskedOnceOnly(t *testing.T) {
	var streams, asked atomic.Int32
	c, _ := serve(t, &scripted{exchange: func(st conversation) error {
		streams.Add(1)
		for {
			m, err := st.Recv()
			if err != nil {
				return err
			}
			if asked.Add(1) == 2 {
				return status.Error(codes.Unavailable, "gone in mid-question")
			}
			if err := st.Send(answerVerdict(&decision.Verdict{ID: m.GetAsk().GetExchangeId()})); err != nil {
				return err
			}
		}
	}})
	call(t, c, "not-this-one")
	_, ex, err := c.Open(t.Context(), question())
	wantStatus(t, err, codes.Unavailable)
	if ex != nil || asked.Load() != 2 || streams.Load() != 1 {
		t.Errorf("%v, asked %d times on %d streams", ex, asked.Load(), streams.Load())
	}
	call(t, c, "not-this-one")
}

// TestCutStreamsAreNotUsedAgain: an exchange that ends otherwise than by its
// outcome takes its stream with it.
func TestCutStreamsAreNotUsedAgain(t *testing.T) {
	var far carrier
	c, _ := serve(t, &scripted{exchange: far.exchange})
	ex := open(t, c, "exchange-1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ex.Settle(ctx, decision.Outcome{ExchangeID: "exchange-1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("settle: %v", err)
	}
	call(t, c, "exchange-2")
	call(t, c, "exchange-3")
	if n := far.streams.Load(); n != 2 {
		t.Errorf("%d streams, want one for the cut exchange and one for the others", n)
	}
}

// TestAnswersToOtherCalls: what is said of another call is no verdict on this one,
// and the stream that mixes them up ends.
func TestAnswersToOtherCalls(t *testing.T) {
	var streams atomic.Int32
	ended := make(chan struct{}, 2)
	c, _ := serve(t, &scripted{exchange: func(st conversation) error {
		streams.Add(1)
		defer func() { ended <- struct{}{} }()
		for {
			if _, err := st.Recv(); err != nil {
				return err
			}
			if err := st.Send(answerVerdict(granted())); err != nil { // always exchange-1
				return err
			}
		}
	}})
	for range 2 {
		q := question()
		q.ExchangeID = "exchange-2"
		v, ex, err := c.Open(t.Context(), q)
		wantCode(t, err, decision.CodeInternal)
		if v != nil || ex != nil {
			t.Errorf("got %+v, %v", v, ex)
		}
		wait(t, ended, "the end of the stream")
	}
}

// TestOutcomesWithoutAcknowledgement: what answers an outcome otherwise may have more
// to say, so that its stream ends.
func TestOutcomesWithoutAcknowledgement(t *testing.T) {
	ended := make(chan struct{})
	c, _ := serve(t, &scripted{exchange: func(st conversation) error {
		defer close(ended)
		return after(make(chan *decisionv1.ExchangeRequest, 9), answerVerdict(granted()), answerGrant(nil))(st)
	}})
	_, ex, err := c.Open(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	if err := ex.Settle(t.Context(), decision.Outcome{}); err != nil {
		t.Fatal(err)
	}
	wait(t, ended, "the end of the stream")
}

// TestStreamsAge: a stream takes no exchange when it is too old, and an idle one
// ends by itself.
func TestStreamsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var far carrier
		var streams atomic.Int32
		c, _ := serve(t, &scripted{exchange: func(st conversation) error {
			streams.Add(1)
			defer streams.Add(-1)
			return far.exchange(st)
		}})
		for i := range 7 { // every ten seconds
			call(t, c, fmt.Sprintf("exchange-%d", i))
			time.Sleep(streamAge / 3)
		}
		synctest.Wait()
		if n := far.streams.Load(); n != 3 {
			t.Errorf("%d streams in 70 s", n)
		}
		time.Sleep(streamAge)
		synctest.Wait()
		if streams.Load() != 0 {
			t.Errorf("%d streams are left to themselves", streams.Load())
		}
		long := open(t, c, "a-long-one") // is open for longer than its stream may take others
		time.Sleep(2 * streamAge)
		if err := long.Settle(t.Context(), decision.Outcome{ExchangeID: "a-long-one"}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if streams.Load() != 0 || len(c.idle.idle) != 0 {
			t.Error("a stream that is too old is kept")
		}
	})
}

// TestIdleStreamsAreBounded: those beyond the bound end when their exchange does.
func TestIdleStreamsAreBounded(t *testing.T) {
	var far carrier
	var streams atomic.Int32
	c, _ := serve(t, &scripted{exchange: func(st conversation) error {
		streams.Add(1)
		defer streams.Add(-1)
		return far.exchange(st)
	}})
	var opened []decision.Exchange
	for i := range maxIdle + 10 {
		opened = append(opened, open(t, c, fmt.Sprintf("exchange-%d", i)))
	}
	for i, ex := range opened {
		if err := ex.Settle(t.Context(), decision.Outcome{ExchangeID: fmt.Sprintf("exchange-%d", i)}); err != nil {
			t.Error(err)
		}
	}
	for end := time.Now().Add(patience); streams.Load() > maxIdle; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d streams are idle", streams.Load())
		}
	}
	if len(c.idle.idle) != maxIdle {
		t.Errorf("%d are kept", len(c.idle.idle))
	}
}

// TestTraceTravelsWithTheQuestion: each exchange of a stream has a trace of its own.
func TestTraceTravelsWithTheQuestion(t *testing.T) {
	seen := make(chan string, 10)
	c, _ := serve(t, &scripted{exchange: func(st conversation) error {
		for {
			m, err := st.Recv()
			if err != nil {
				return err
			}
			seen <- m.GetTraceparent() + " " + m.GetTracestate()
			if err := st.Send(answerVerdict(&decision.Verdict{ID: m.GetAsk().GetExchangeId()})); err != nil {
				return err
			}
		}
	}})
	type key struct{}
	c.Trace = func(ctx context.Context) (parent, state string) {
		n, _ := ctx.Value(key{}).(int)
		return fmt.Sprint("parent ", n), "state"
	}
	for n := range 3 {
		if _, _, err := c.Open(context.WithValue(t.Context(), key{}, n), question()); err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got != fmt.Sprint("parent ", n, " state") {
			t.Errorf("call %d travels with %q", n, got)
		}
	}
}
