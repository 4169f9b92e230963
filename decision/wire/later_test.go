package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// dues counts what became of outcomes that nobody waits for.
type dues struct{ settled, lost atomic.Int32 }

func (d *dues) done(err error) {
	if err != nil {
		d.lost.Add(1)
	} else {
		d.settled.Add(1)
	}
}

// callLater makes a call whose outcome nobody waits for.
func callLater(t *testing.T, c *Client, id string, d *dues) {
	t.Helper()
	ex := open(t, c, id).(*exchange)
	if !ex.SettleLater(decision.Outcome{ExchangeID: id}, d.done) {
		t.Fatalf("%s: not taken", id)
	}
	if ex.SettleLater(decision.Outcome{ExchangeID: "again"}, d.done) || ex.Settle(t.Context(), decision.Outcome{ExchangeID: "again"}) != nil {
		t.Fatalf("%s: settled again", id)
	}
}

// TestOutcomesGoWithTheNextQuestion: in their order, on one stream, and the last by
// itself.
func TestOutcomesGoWithTheNextQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var far carrier
		var d dues
		c, _ := serve(t, &scripted{exchange: far.exchange})
		for i := range 10 {
			if far.settled.Load() != int32(max(i-1, 0)) {
				t.Fatalf("%d are settled before call %d", far.settled.Load(), i)
			}
			callLater(t, c, fmt.Sprintf("exchange-%d", i), &d)
		}
		time.Sleep(settleDelay - time.Nanosecond)
		synctest.Wait()
		if d.settled.Load() != 9 {
			t.Errorf("%d are acknowledged", d.settled.Load())
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if d.settled.Load() != 10 || far.settled.Load() != 10 || d.lost.Load() != 0 || far.streams.Load() != 1 {
			t.Errorf("%d acknowledged, %d settled on %d streams", d.settled.Load(), far.settled.Load(), far.streams.Load())
		}
		call(t, c, "and-on-the-same")
		if far.streams.Load() != 1 {
			t.Error("another stream")
		}
	})
}

// TestOutcomesOfStreamsThatEnd: a stream that ends after each exchange takes its
// outcome, and the question behind it is asked once on another one.
func TestOutcomesOfStreamsThatEnd(t *testing.T) {
	for name, end := range map[string]error{"in peace": nil, "stopping": status.Error(codes.Unavailable, "stopping")} {
		t.Run(name, func(t *testing.T) {
			far := carrier{most: 1, end: end}
			var d dues
			c, _ := serve(t, &scripted{exchange: far.exchange})
			const calls = 50
			for i := range calls {
				callLater(t, c, fmt.Sprintf("exchange-%d", i), &d)
				if end != nil { // it must have come before the next question
					c.idle.pay()
					for stop := time.Now().Add(patience); d.settled.Load() != int32(i+1); time.Sleep(time.Millisecond) {
						if time.Now().After(stop) {
							t.Fatal("the outcome was not heard")
						}
					}
					wantDead(t, c)
				}
			}
			c.idle.pay()
			for stop := time.Now().Add(patience); d.settled.Load() != calls; time.Sleep(time.Millisecond) {
				if time.Now().After(stop) {
					t.Fatalf("%d of the outcomes were heard, %d lost", d.settled.Load(), d.lost.Load())
				}
			}
			if far.asked.Load() != calls || far.settled.Load() != calls {
				t.Errorf("%d asked, %d settled", far.asked.Load(), far.settled.Load())
			}
		})
	}
}

// TestOutcomesThatAreLost: whoever settles hears that nobody acknowledged, once.
func TestOutcomesThatAreLost(t *testing.T) {
	for name, far := range map[string]func(conversation) error{
		"the stream ends": func(conversation) error { return status.Error(codes.Unavailable, "gone") },
		"it is silent": func(st conversation) error {
			<-st.Context().Done()
			return nil
		},
		"another answer": func(st conversation) error {
			if _, err := st.Recv(); err != nil {
				return err
			}
			err := st.Send(answerGrant(nil))
			<-st.Context().Done()
			return err
		},
	} {
		for _, asked := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", a question follows: ", asked), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var d dues
					first := true
					c, _ := serve(t, &scripted{exchange: func(st conversation) error {
						if _, err := st.Recv(); err != nil || !first {
							return err
						}
						first = false
						if err := st.Send(answerVerdict(granted())); err != nil {
							return err
						}
						return far(st)
					}})
					callLater(t, c, "exchange-1", &d)
					if asked {
						ctx, cancel := context.WithTimeout(t.Context(), time.Second)
						defer cancel()
						if v, ex, err := c.Open(ctx, question()); err == nil {
							t.Errorf("got %+v, %v", v, ex)
						}
					}
					time.Sleep(settleDelay + settleTime)
					synctest.Wait()
					if d.lost.Load() != 1 || d.settled.Load() != 0 || len(c.idle.idle) != 0 {
						t.Errorf("%d lost, %d settled, %d streams kept", d.lost.Load(), d.settled.Load(), len(c.idle.idle))
					}
				})
			})
		}
	}
}

// TestNotLater: where no stream is kept, nothing has happened.
func TestNotLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var far carrier
		c, _ := serve(t, &scripted{exchange: far.exchange})
		never := func(error) { t.Error("done was called") }
		old := open(t, c, "exchange-1").(*exchange)
		time.Sleep(streamAge)
		given := open(t, c, "exchange-2").(*exchange)
		given.mu.Lock() // as a call does that is given up
		for _, ex := range []*exchange{old, given} {
			if ex.SettleLater(decision.Outcome{ExchangeID: "exchange-1"}, never) {
				t.Error("taken")
			}
		}
		given.mu.Unlock()
		for id, ex := range map[string]*exchange{"exchange-1": old, "exchange-2": given} {
			if err := ex.Settle(t.Context(), decision.Outcome{ExchangeID: id}); err != nil {
				t.Error(err)
			}
		}
		if far.settled.Load() != 2 {
			t.Errorf("%d are settled", far.settled.Load())
		}
	})
}

// scene is a stream that says what a test tells it.
type scene struct {
	broken
	sends []error
	recvs []any // a message or an error
}

func (s *scene) Send(*decisionv1.ExchangeRequest) error {
	err := s.sends[0]
	s.sends = s.sends[1:]
	return err
}

func (s *scene) Recv() (*decisionv1.ExchangeResponse, error) {
	next := s.recvs[0]
	s.recvs = s.recvs[1:]
	if err, ok := next.(error); ok {
		return nil, err
	}
	return next.(*decisionv1.ExchangeResponse), nil
}

// TestBetweenOutcomeAndQuestion: a stream that ends just there has heard the one and
// certainly not the other.
func TestBetweenOutcomeAndQuestion(t *testing.T) {
	gone, broke := status.Error(codes.Unavailable, "gone"), errors.New("broke")
	for name, c := range map[string]struct {
		scene   scene
		settled bool
		again   bool // the question may be asked again
	}{
		"before both":                  {scene{sends: []error{io.EOF}, recvs: []any{gone}}, false, true},
		"between, acknowledged":        {scene{sends: []error{nil, io.EOF}, recvs: []any{answerSettled(), gone}}, true, true},
		"between, not acknowledged":    {scene{sends: []error{nil, io.EOF}, recvs: []any{gone}}, false, true},
		"behind both, in peace":        {scene{sends: []error{nil, nil}, recvs: []any{answerSettled(), io.EOF}}, true, true},
		"behind both, with an error":   {scene{sends: []error{nil, nil}, recvs: []any{answerSettled(), gone}}, true, false},
		"behind both, nothing is said": {scene{sends: []error{nil, nil}, recvs: []any{gone}}, false, false},
		"the outcome cannot be sent":   {scene{sends: []error{broke}}, false, false},
		"the question cannot be sent":  {scene{sends: []error{nil, broke}, recvs: []any{answerSettled()}}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			var d dues
			s := &stream{DecisionService_ExchangeClient: &c.scene, owed: &debt{done: d.done}}
			resp, err := s.ask(&decisionv1.ExchangeRequest{})
			if resp != nil || err == nil || errors.As(err, new(unasked)) != c.again {
				t.Errorf("got %v, %v", resp, err)
			}
			if d.settled.Load()+d.lost.Load() != 1 || (d.settled.Load() == 1) != c.settled {
				t.Errorf("%d settled, %d lost", d.settled.Load(), d.lost.Load())
			}
			if len(c.scene.sends)+len(c.scene.recvs) > 0 {
				t.Error("the stream had more to say")
			}
		})
	}
}
