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
			s := &stream{DecisionService_ExchangeClient: &c.scene, owed: &debt{done: d.done, over: make(chan struct{})}}
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

// TestAQuestionGivenUpBehindAnOutcome: whoever gives up a question leaves the outcome
// ahead of it the time to be heard, and waits no longer for it than settleGrace.
func TestAQuestionGivenUpBehindAnOutcome(t *testing.T) {
	for name, c := range map[string]struct {
		reads, held time.Duration // the service reads so long after the question is given up
		settled     bool
	}{
		"it reads at once":    {0, 0, true},
		"it reads in time":    {settleGrace - time.Nanosecond, settleGrace - time.Nanosecond, true},
		"it does not in time": {settleGrace + time.Nanosecond, settleGrace, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var d dues
				given, rest := make(chan struct{}), make(chan *decisionv1.Outcome, 1)
				client, _ := serve(t, &scripted{exchange: func(st conversation) error {
					if _, err := st.Recv(); err != nil {
						return err
					}
					if err := st.Send(answerVerdict(granted())); err != nil {
						return err
					}
					<-given
					time.Sleep(c.reads)
					m, err := st.Recv()
					if err != nil {
						return err
					}
					rest <- m.GetOutcome()
					if err := st.Send(answerSettled()); err != nil {
						return err
					}
					<-st.Context().Done()
					return nil
				}})
				ex := open(t, client, "exchange-1").(*exchange)
				o := decision.Outcome{ExchangeID: "exchange-1", Usage: decision.Usage{Output: 7}}
				if !ex.SettleLater(o, d.done) {
					t.Fatal("not taken")
				}
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					synctest.Wait() // both are on their way
					close(given)
					cancel()
				}()
				begun := time.Now()
				v, next, err := client.Open(ctx, question())
				if !errors.Is(err, context.Canceled) || v != nil || next != nil {
					t.Errorf("got %+v, %v, %v", v, next, err)
				}
				if held := time.Since(begun); held != c.held {
					t.Errorf("the question was held for %v, want %v", held, c.held)
				}
				time.Sleep(2 * settleGrace) // the service has gone on by now, and whatever else is begun is over
				synctest.Wait()
				if (d.settled.Load() == 1) != c.settled || d.settled.Load()+d.lost.Load() != 1 {
					t.Errorf("%d settled, %d lost", d.settled.Load(), d.lost.Load())
				}
				if c.settled && (<-rest).GetUsage().GetOutput() != 7 {
					t.Error("its usage did not arrive")
				}
				if client.idle.take() != nil {
					t.Error("the stream is kept")
				}
			})
		})
	}
}

// TestOutcomesOfQuestionsNeverAsked: a question that was given up before it took a
// stream leaves the outcome there alone.
func TestOutcomesOfQuestionsNeverAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var far carrier
		var d dues
		c, _ := serve(t, &scripted{exchange: far.exchange})
		callLater(t, c, "exchange-1", &d)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := c.Open(ctx, question()); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		callLater(t, c, "exchange-2", &d)
		time.Sleep(settleDelay)
		synctest.Wait()
		if d.settled.Load() != 2 || d.lost.Load() != 0 || far.streams.Load() != 1 {
			t.Errorf("%d settled, %d lost on %d streams", d.settled.Load(), d.lost.Load(), far.streams.Load())
		}
	})
}

// TestOutcomesAheadOfTooMuch: a question larger than its service takes costs the
// outcome ahead of it nothing.
func TestOutcomesAheadOfTooMuch(t *testing.T) {
	var far carrier
	var d dues
	c, _ := serve(t, &scripted{exchange: far.exchange})
	for i := range 20 {
		callLater(t, c, fmt.Sprintf("exchange-%d", i), &d)
		large := question()
		large.Body.Raw = make([]byte, 5<<20) // gRPC takes 4 MiB where it is told nothing else
		_, _, err := c.Open(t.Context(), large)
		wantStatus(t, err, codes.ResourceExhausted)
	}
	if d.settled.Load() != 20 || d.lost.Load() != 0 || far.settled.Load() != 20 {
		t.Errorf("%d settled, %d lost", d.settled.Load(), d.lost.Load())
	}
}
