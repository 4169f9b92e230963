package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/protobuf/types/known/durationpb"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	"outrider.dev/outrider/pdp/peer"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

func askingFor(id string) *decisionv1.ExchangeRequest {
	q := question("a")
	q.ExchangeID = id
	return &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Ask{Ask: wire.RequestProto(q)}}
}

func settling(id string) *decisionv1.ExchangeRequest {
	return &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Outcome{Outcome: &decisionv1.Outcome{ExchangeId: id, End: string(decision.EndCompleted)}}}
}

// carries sends an exchange from its ask to its outcome.
func carries(t *testing.T, stream decisionv1.DecisionService_ExchangeClient, id string) {
	t.Helper()
	m, err := say(stream, askingFor(id))
	if err != nil || m.GetVerdict().GetId() != id || len(m.GetVerdict().GetGrants()) != 1 {
		t.Fatalf("%s: got %v, %v", id, m, err)
	}
	if m, err = say(stream, settling(id)); err != nil || m.GetSettled() == nil {
		t.Fatalf("%s: got %v, %v", id, m, err)
	}
}

// TestExchangesOnOneStream: each question is answered by what holds when it comes,
// and has a state of its own: what one settles says nothing of the next.
func TestExchangesOnOneStream(t *testing.T) {
	e := &engine{}
	var strict atomic.Bool // the policy, which changes between two questions
	e.open = func(_ context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
		if strict.Load() {
			return &decision.Verdict{ID: r.ExchangeID, Reason: decision.Reason{Code: decision.CodeNotAllowed}}, nil, nil
		}
		return allowed(r.ExchangeID), &exchange{engine: e}, nil
	}
	r, conn := onSocket(t, e)
	stream, _ := exchanging(t, conn)
	carries(t, stream, "exchange-1")
	strict.Store(true)
	for range 2 {
		m, err := say(stream, askingFor("exchange-2"))
		if err != nil || m.GetVerdict().GetReason().GetCode() != string(decision.CodeNotAllowed) {
			t.Fatalf("after the policy changed: %v, %v", m, err)
		}
	}
	strict.Store(false)
	carries(t, stream, "exchange-3")
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if m, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("after the peer has closed: %v, %v", m, err)
	}
	r.stop()
	<-r.done
	if len(e.outcomes) != 2 || e.outcomes[0].ExchangeID != "exchange-1" || e.outcomes[1].ExchangeID != "exchange-3" {
		t.Errorf("settled %+v", e.outcomes)
	}
}

// TestPeersAreAdmittedForEachQuestion: what a stream was opened for opens nothing else.
func TestPeersAreAdmittedForEachQuestion(t *testing.T) {
	r, conn := onSocket(t, &engine{}, &configv1.Peer{Uid: ownUID(), Agents: []string{"a"}})
	stream, _ := exchanging(t, conn)
	carries(t, stream, "exchange-1")
	other := askingFor("exchange-2")
	other.GetAsk().GetCaller().Agent = "b"
	m, err := say(stream, other)
	if err != nil || m.GetVerdict().GetReason().GetCode() != string(decision.CodePeerRefused) || len(m.GetVerdict().GetGrants()) > 0 {
		t.Fatalf("got %v, %v", m, err)
	}
	carries(t, stream, "exchange-3")
	if r.engine.asked() != 2 {
		t.Errorf("the engine was asked %d times", r.engine.asked())
	}
}

// TestLaterExchangesAreSettled: a stream that breaks in the middle of a later
// exchange has that settled as a disconnect, and the earlier ones as they ended.
func TestLaterExchangesAreSettled(t *testing.T) {
	for name, leave := range map[string]func(decisionv1.DecisionService_ExchangeClient, context.CancelFunc){
		"it cancels":         func(_ decisionv1.DecisionService_ExchangeClient, cancel context.CancelFunc) { cancel() },
		"it closes its side": func(stream decisionv1.DecisionService_ExchangeClient, _ context.CancelFunc) { _ = stream.CloseSend() },
		"it asks twice": func(stream decisionv1.DecisionService_ExchangeClient, _ context.CancelFunc) {
			_ = stream.Send(asking())
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := &engine{}
			r, conn := onSocket(t, e)
			stream, cancel := exchanging(t, conn)
			carries(t, stream, "exchange-1")
			if m, err := say(stream, askingFor("exchange-2")); err != nil || m.GetVerdict() == nil {
				t.Fatal(m, err)
			}
			leave(stream, cancel)
			eventually(t, "both are settled", func() bool {
				e.mu.Lock()
				defer e.mu.Unlock()
				return len(e.outcomes) == 2
			})
			r.stop()
			<-r.done
			if e.outcomes[0].End != decision.EndCompleted || e.outcomes[1].ExchangeID != "exchange-2" || e.outcomes[1].End != decision.EndDisconnected {
				t.Errorf("settled %+v", e.outcomes)
			}
		})
	}
}

// TestStreamsEndInPeaceWithAStop: a stream between two exchanges ends at once, and
// tells by its good end that nothing was asked; one with an open exchange ends
// after it.
func TestStreamsEndInPeaceWithAStop(t *testing.T) {
	r, conn := onSocket(t, &engine{})
	idle, _ := exchanging(t, conn)
	carries(t, idle, "exchange-1")
	busy, _ := exchanging(t, conn)
	if _, err := say(busy, askingFor("exchange-2")); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	r.stop()
	if m, err := idle.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("idle: %v, %v", m, err)
	}
	if m, err := say(busy, settling("exchange-2")); err != nil || m.GetSettled() == nil {
		t.Errorf("busy: %v, %v", m, err)
	}
	if m, err := busy.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("after its exchange: %v, %v", m, err)
	}
	wait(t, r.done, "the end of Run")
	if took := time.Since(began); took > drainTime/2 {
		t.Errorf("the stop took %v", took)
	}
}

// TestClientsAcrossStops: whoever asks by the client of this project does not notice
// that streams end.
func TestClientsAcrossStops(t *testing.T) {
	path := t.TempDir() + "/s"
	r := start(t, config(t, &engine{}, &configv1.PDPListen{Socket: path}))
	client := wire.NewClient(dial(t, "unix://"+path, insecure.NewCredentials()))
	calls := func() {
		t.Helper()
		for range 3 {
			v, ex, err := client.Open(t.Context(), question("a"))
			if err != nil || ex == nil {
				t.Fatalf("%+v, %v", v, err)
			}
			if err := ex.Settle(t.Context(), decision.Outcome{ExchangeID: v.ID, End: decision.EndCompleted}); err != nil {
				t.Fatal(err)
			}
		}
	}
	calls()
	r.stop()
	<-r.done
	r = start(t, config(t, &engine{}, &configv1.PDPListen{Socket: path}))
	calls()
	if r.engine.asked() != 3 {
		t.Errorf("asked %d times", r.engine.asked())
	}
}

// scene is a stream whose peer a test plays, in a bubble of synctest.
type scene struct {
	grpc.ServerStream
	ctx  context.Context
	asks chan *decisionv1.ExchangeRequest
	said chan *decisionv1.ExchangeResponse
}

func (s *scene) Context() context.Context { return s.ctx }

func (s *scene) Recv() (*decisionv1.ExchangeRequest, error) {
	select {
	case m := <-s.asks:
		return m, nil
	case <-s.ctx.Done():
		return nil, s.ctx.Err()
	}
}

func (s *scene) Send(m *decisionv1.ExchangeResponse) error {
	s.said <- m
	return nil
}

// played runs the handler of a stream; its end is that of the stream.
func played(ctx context.Context, s *service) (*scene, <-chan error) {
	ctx, cancel := context.WithCancel(grpcpeer.NewContext(ctx, &grpcpeer.Peer{AuthInfo: proof(peer.User(*ownUID(), 0, 0), "unix")}))
	st := &scene{ctx: ctx, asks: make(chan *decisionv1.ExchangeRequest), said: make(chan *decisionv1.ExchangeResponse, 1)}
	ended := make(chan error, 1)
	go func() {
		ended <- s.Exchange(st)
		cancel() // as gRPC does
	}()
	return st, ended
}

func (s *scene) say(m *decisionv1.ExchangeRequest) *decisionv1.ExchangeResponse {
	s.asks <- m
	return <-s.said
}

// TestStreamsAge: a stream that is too old takes no exchange any more, and one that
// never asked anything is told so. An exchange that is open goes on to its end.
func TestStreamsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{}
		listed, err := peer.NewList(nil, keyOf)
		if err != nil {
			t.Fatal(err)
		}
		s := &service{engine: e, peers: listed, log: slog.New(slog.DiscardHandler), events: &e.events, stopping: make(chan struct{})}
		_, unused := played(t.Context(), s)
		idle, idled := played(t.Context(), s)
		busy, worked := played(t.Context(), s)
		for i := range 3 {
			idle.say(askingFor(fmt.Sprintf("exchange-%d", i)))
			idle.say(settling(fmt.Sprintf("exchange-%d", i)))
		}
		busy.say(askingFor("exchange-4"))
		time.Sleep(streamAge - time.Nanosecond)
		synctest.Wait()
		if len(unused)+len(idled)+len(worked) > 0 {
			t.Fatal("a stream ended too soon")
		}
		time.Sleep(time.Nanosecond)
		wantStatus(t, <-unused, codes.Unavailable)
		if err := <-idled; err != nil {
			t.Errorf("idle: %v", err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(worked) > 0 {
			t.Fatalf("an open exchange was cut: %v", <-worked)
		}
		busy.say(settling("exchange-4"))
		if err := <-worked; err != nil {
			t.Errorf("busy: %v", err)
		}
		s.reading.Wait()
		if len(e.outcomes) != 4 {
			t.Errorf("settled %+v", e.outcomes)
		}
	})
}

// TestSilentExchangesEndWithTheDrain: after a stop an exchange that nobody goes on with
// ends with drainTime, and with a word; one that is brought to its outcome before
// ends then, and others at once.
func TestSilentExchangesEndWithTheDrain(t *testing.T) {
	for name, aged := range map[string]bool{"a young stream": false, "a stream that takes no exchange any more": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &engine{}
				listed, err := peer.NewList(nil, keyOf)
				if err != nil {
					t.Fatal(err)
				}
				s := &service{engine: e, peers: listed, log: slog.New(slog.DiscardHandler), events: &e.events, stopping: make(chan struct{})}
				silent, cut := played(t.Context(), s)
				slow, finished := played(t.Context(), s)
				idle, idled := played(t.Context(), s)
				silent.say(askingFor("silent"))
				slow.say(askingFor("slow"))
				idle.say(askingFor("idle"))
				idle.say(settling("idle"))
				if aged {
					time.Sleep(streamAge)
				}
				stopped := time.Now()
				close(s.stopping)
				if err := <-idled; err != nil || time.Since(stopped) > 0 {
					t.Errorf("between calls: %v after %v", err, time.Since(stopped))
				}
				time.Sleep(drainTime / 2)
				slow.say(settling("slow"))
				if err := <-finished; err != nil || time.Since(stopped) != drainTime/2 {
					t.Errorf("in a call: %v after %v", err, time.Since(stopped))
				}
				err = <-cut
				wantStatus(t, err, codes.Unavailable)
				if took := time.Since(stopped); took != drainTime {
					t.Errorf("a silent exchange ended after %v", took)
				}
				s.reading.Wait()
				ends := map[string]decision.End{}
				for _, o := range e.outcomes {
					ends[o.ExchangeID] = o.End
				}
				want := map[string]decision.End{"idle": decision.EndCompleted, "slow": decision.EndCompleted, "silent": decision.EndDisconnected}
				if !maps.Equal(ends, want) {
					t.Errorf("settled %v", ends)
				}
			})
		})
	}
}

// TestPartsAreJudgedInTime: for as long as their asker waits for each, which says so.
func TestPartsAreJudgedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{}
		listed, err := peer.NewList(nil, keyOf)
		if err != nil {
			t.Fatal(err)
		}
		var left []time.Duration
		e.judge = func(ctx context.Context, _ decision.Part) (*decision.Ruling, error) {
			var is time.Duration
			if deadline, ok := ctx.Deadline(); ok {
				is = time.Until(deadline)
			}
			left = append(left, is)
			return &decision.Ruling{Effect: decision.Allow}, nil
		}
		s := &service{engine: e, peers: listed, log: slog.New(slog.DiscardHandler), events: &e.events, stopping: make(chan struct{})}
		st, ended := played(t.Context(), s)
		st.say(askingFor("exchange-1"))
		want := []time.Duration{2 * time.Second, 0, time.Second}
		for _, waits := range want {
			m := &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Whole{Whole: &decisionv1.Body{}}}
			if waits > 0 {
				m.Timeout = durationpb.New(waits)
			}
			if got := st.say(m); got.GetRuling() == nil {
				t.Fatalf("got %v", got)
			}
			time.Sleep(time.Minute) // what is over bounds nothing further
		}
		st.say(settling("exchange-1"))
		if !slices.Equal(left, want) {
			t.Errorf("they had %v, want %v", left, want)
		}
		time.Sleep(streamAge)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		s.reading.Wait()
	})
}

// TestTracesOfAStream: each exchange is traced by what came with its question; the
// metadata of the stream is that of its first.
func TestTracesOfAStream(t *testing.T) {
	e := &engine{}
	path := t.TempDir() + "/s"
	cfg := config(t, e, &configv1.PDPListen{Socket: path})
	var mu sync.Mutex
	var seen []string
	cfg.Trace = func(ctx context.Context, _, parent, state string) (context.Context, func(error)) {
		md, _ := metadata.FromIncomingContext(ctx)
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprint("begin ", parent, state, md.Get("traceparent")))
		return ctx, func(err error) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprint("end ", err))
		}
	}
	r := start(t, cfg)
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "traceparent", "of the stream"), patience)
	defer cancel()
	stream, err := decisionv1.NewDecisionServiceClient(dial(t, "unix://"+path, insecure.NewCredentials())).Exchange(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i, parent := range []string{"", "p", ""} {
		m := askingFor(fmt.Sprintf("exchange-%d", i))
		if m.Traceparent = parent; parent != "" {
			m.Tracestate = "s"
		}
		if _, err := say(stream, m); err != nil {
			t.Fatal(err)
		}
		if _, err := say(stream, settling("x")); err != nil {
			t.Fatal(err)
		}
	}
	r.stop()
	<-r.done
	want := "[begin [of the stream] end <nil> begin ps[] end <nil> begin [] end <nil>]"
	if got := fmt.Sprint(seen); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
