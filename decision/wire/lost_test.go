package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// TestDeadlineInMidQuestion: the exchange ends with the question that got no
// answer, on both sides, and everything after it fails at once.
func TestDeadlineInMidQuestion(t *testing.T) {
	ended := make(chan struct{})
	c, _ := serve(t, &scripted{exchange: quiet(ended)})
	_, ex, err := c.Open(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := ex.Judge(ctx, decision.Part{Whole: &decision.Body{}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want the deadline", err)
	}
	wait(t, ended, "the end of the service's stream")
	wantEnded(t, ex)
}

// wantEnded expects of an exchange that was lost that every further question
// fails, and that its settlement is quiet: the service settles it alone.
func wantEnded(t *testing.T, ex decision.Exchange) {
	t.Helper()
	if r, err := ex.Judge(t.Context(), decision.Part{Whole: &decision.Body{}}); !errors.Is(err, errClosed) || r != nil {
		t.Errorf("judge: got %v, %v", r, err)
	}
	if g, err := ex.Attempt(t.Context(), decision.Attempt{}); !errors.Is(err, errClosed) || g != nil {
		t.Errorf("attempt: got %v, %v", g, err)
	}
	if err := ex.Settle(t.Context(), decision.Outcome{}); err != nil {
		t.Errorf("settle: %v", err)
	}
}

func TestServiceGoneInMidStream(t *testing.T) {
	seen := make(chan *decisionv1.ExchangeRequest, 10)
	c, stop := serve(t, &scripted{exchange: after(seen, answerVerdict(granted()))})
	_, ex, err := c.Open(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	<-seen
	failed := make(chan error, 1)
	go func() {
		_, err := ex.Judge(t.Context(), decision.Part{Deltas: []decision.Delta{{Text: "half a"}}})
		failed <- err
	}()
	wait(t, seen, "the question") // it is out, and never answered
	stop()
	if err := wait(t, failed, "the end of the question"); err == nil {
		t.Fatal("a dead service answered")
	}
	wantEnded(t, ex)
	if _, _, err := c.Open(t.Context(), question()); err == nil {
		t.Fatal("a dead service opened an exchange")
	}
}

// TestStreamEndedByTheService: after a status of the service there is nothing
// to ask any more.
func TestStreamEndedByTheService(t *testing.T) {
	for name, end := range map[string]error{"in peace": nil, "with an error": status.Error(codes.Internal, "broken")} {
		t.Run(name, func(t *testing.T) {
			c, _ := serve(t, &scripted{exchange: func(st conversation) error {
				if _, err := st.Recv(); err != nil {
					return err
				}
				if err := st.Send(answerVerdict(granted())); err != nil {
					return err
				}
				return end
			}})
			_, ex, err := c.Open(t.Context(), question())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ex.Judge(t.Context(), decision.Part{Whole: &decision.Body{}}); err == nil {
				t.Fatal("an ended stream answered")
			}
			wantEnded(t, ex)
		})
	}
}

func TestOpenCancelled(t *testing.T) {
	ended := make(chan struct{})
	asked := make(chan struct{})
	c, _ := serve(t, &scripted{exchange: func(st conversation) error {
		defer close(ended)
		_, _ = st.Recv()
		close(asked)
		<-st.Context().Done()
		return nil
	}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	v, ex, err := c.Open(ctx, question())
	if !errors.Is(err, context.Canceled) || v != nil || ex != nil {
		t.Fatalf("got %v, %v, %v", v, ex, err)
	}
	wait(t, ended, "the end of the service's stream")

	c, _ = serve(t, &scripted{exchange: after(make(chan *decisionv1.ExchangeRequest, 1), answerVerdict(granted()))})
	if v, ex, err = c.Open(ctx, question()); !errors.Is(err, context.Canceled) || v != nil || ex != nil {
		t.Fatalf("cancelled before it began: got %v, %v, %v", v, ex, err)
	}
}

// TestExchangeOutlivesItsQuestion: the context of Open bounds the question
// only; the call goes on after it.
func TestExchangeOutlivesItsQuestion(t *testing.T) {
	seen := make(chan *decisionv1.ExchangeRequest, 10)
	c, _ := serve(t, &scripted{exchange: after(seen, answerVerdict(granted()), answerGrant(nil), answerSettled())})
	ctx, cancel := context.WithCancel(t.Context())
	_, ex, err := c.Open(ctx, question())
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := ex.Attempt(t.Context(), decision.Attempt{}); err != nil {
		t.Fatal(err)
	}
	if err := ex.Settle(t.Context(), decision.Outcome{}); err != nil {
		t.Fatal(err)
	}
}

// TestDeadlineWhileConnecting: a decision service whose host swallows packets
// costs the agent the deadline of its question, not the patience of TCP.
func TestDeadlineWhileConnecting(t *testing.T) {
	conn := dial(t, func(ctx context.Context, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	c := NewClient(conn)
	began := time.Now()
	for name, ask := range map[string]func(context.Context) error{
		"open": func(ctx context.Context) error {
			_, _, err := c.Open(ctx, question())
			return err
		},
		"check": func(ctx context.Context) error {
			_, err := c.Check(ctx, question())
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		err := ask(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) && status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("%s: got %v, want the deadline", name, err)
		}
	}
	if took := time.Since(began); took > patience/2 {
		t.Fatalf("it took %v", took)
	}
}

// TestManyExchanges asks on one connection from many sides at once.
func TestManyExchanges(t *testing.T) {
	c, _ := serve(t, &scripted{exchange: func(st conversation) error {
		m, err := st.Recv()
		if err != nil {
			return err
		}
		v := granted()
		v.ID = m.GetAsk().GetExchangeId()
		if err := st.Send(answerVerdict(v)); err != nil {
			return err
		}
		m, err = st.Recv()
		if err != nil {
			return err
		}
		if m.GetOutcome().GetExchangeId() != v.ID {
			return status.Error(codes.InvalidArgument, "another exchange's outcome")
		}
		return st.Send(answerSettled())
	}})
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			q := question()
			q.ExchangeID = fmt.Sprint("exchange-", i)
			v, ex, err := c.Open(t.Context(), q)
			if err != nil || v.ID != q.ExchangeID {
				t.Errorf("got %v, %v", v, err)
				return
			}
			if err := ex.Settle(t.Context(), decision.Outcome{ExchangeID: v.ID}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// broken is a stream whose sending fails.
type broken struct {
	grpc.BidiStreamingClient[decisionv1.ExchangeRequest, decisionv1.ExchangeResponse]
	send, recv error
}

func (b broken) Send(*decisionv1.ExchangeRequest) error { return b.send }

func (b broken) Recv() (*decisionv1.ExchangeResponse, error) {
	return answerVerdict(granted()), b.recv
}

// TestSendFails: what could not be sent is an error, also where an answer that
// nobody asked for lies ready.
func TestSendFails(t *testing.T) {
	gone := errors.New("gone")
	for name, c := range map[string]struct {
		stream broken
		want   error
	}{
		"the stream has a status":    {broken{send: io.EOF, recv: gone}, gone},
		"an answer lies ready":       {broken{send: io.EOF}, errUnread},
		"the message cannot be sent": {broken{send: gone}, gone},
	} {
		t.Run(name, func(t *testing.T) {
			ended := false
			e := &exchange{client: &Client{}, stream: &stream{DecisionService_ExchangeClient: c.stream, cancel: func() { ended = true }}}
			resp, err := e.roundTrip(t.Context(), &decisionv1.ExchangeRequest{})
			if !errors.Is(err, c.want) || resp != nil {
				t.Fatalf("got %v, %v, want %v", resp, err, c.want)
			}
			if !ended {
				t.Fatal("the exchange goes on after a lost message")
			}
		})
	}
}
