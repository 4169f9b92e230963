package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	"outrider.dev/outrider/pdp/shed"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// deciding opens a Decide stream to a server with the engine.
func deciding(t *testing.T, e *engine) (decisionv1.DecisionService_DecideClient, context.CancelFunc) {
	t.Helper()
	_, conn := onSocket(t, e)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	stream, err := decisionv1.NewDecisionServiceClient(conn).Decide(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return stream, cancel
}

// ask sends a question about the agent.
func ask(t *testing.T, stream decisionv1.DecisionService_DecideClient, id uint64, agent string) {
	t.Helper()
	q := question(agent)
	q.ExchangeID = fmt.Sprint("exchange-", id)
	if err := stream.Send(&decisionv1.DecideRequest{Id: id, Request: wire.RequestProto(q)}); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, stream decisionv1.DecisionService_DecideClient) *decisionv1.DecideResponse {
	t.Helper()
	m, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestDecideOutOfOrder(t *testing.T) {
	release := make(chan struct{})
	stream, _ := deciding(t, &engine{check: func(_ context.Context, r *decision.Request) (*decision.Verdict, error) {
		if r.Caller.Agent == "slow" {
			<-release
		}
		return allowed(r.ExchangeID), nil
	}})
	ask(t, stream, 1, "slow")
	ask(t, stream, 2, "quick")
	first := hear(t, stream)
	close(release)
	second := hear(t, stream)
	if first.GetId() != 2 || second.GetId() != 1 || first.GetVerdict().GetId() != "exchange-2" || second.GetVerdict().GetId() != "exchange-1" {
		t.Fatalf("heard %v, then %v", first, second)
	}
	for _, m := range []*decisionv1.DecideResponse{first, second} {
		if v := m.GetVerdict(); v.GetEffect() != decisionv1.Effect_EFFECT_ALLOW || len(v.GetGrants()) > 0 || len(v.GetSettlement()) > 0 {
			t.Errorf("got %v, want an allow that grants nothing", v)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Fatalf("the stream ended with %v", err)
	}
}

// TestDecideIsBounded: more questions than the bound wait their turn, and all
// of them are answered.
func TestDecideIsBounded(t *testing.T) {
	const questions = maxQuestions + 100
	atOnce := int64(min(maxQuestions, shed.Turns()))
	release := make(chan struct{})
	var open, most atomic.Int64
	stream, _ := deciding(t, &engine{check: func(_ context.Context, r *decision.Request) (*decision.Verdict, error) {
		now := open.Add(1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		<-release
		open.Add(-1)
		return allowed(r.ExchangeID), nil
	}})
	go func() {
		for i := range uint64(questions) {
			q := wire.RequestProto(question("a"))
			if stream.Send(&decisionv1.DecideRequest{Id: i, Request: q}) != nil {
				return
			}
		}
	}()
	for began := time.Now(); most.Load() < atOnce; time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("only %d questions are open at once", most.Load())
		}
	}
	time.Sleep(20 * time.Millisecond) // room for one too many
	close(release)
	answered := map[uint64]bool{}
	for range questions {
		answered[hear(t, stream).GetId()] = true
	}
	if len(answered) != questions || most.Load() != atOnce {
		t.Fatalf("%d answers, at most %d questions at once, want %d and %d", len(answered), most.Load(), questions, atOnce)
	}
}

// TestDecideEndsWithABrokenAsker: a question that cannot be read ends the
// stream at once, after the open ones were answered.
func TestDecideEndsWithABrokenAsker(t *testing.T) {
	for name, bad := range map[string]*decisionv1.DecideRequest{
		"no question": {Id: 2},
		"no surface":  {Id: 2, Request: &decisionv1.Request{}},
		"an offset outside": {Id: 2, Request: &decisionv1.Request{
			Surface: "llm", Body: &decisionv1.Body{Raw: []byte("{}"), Segments: []*decisionv1.Segment{{End: 3}}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan struct{})
			stream, _ := deciding(t, &engine{check: func(_ context.Context, r *decision.Request) (*decision.Verdict, error) {
				<-asked
				return allowed(r.ExchangeID), nil
			}})
			ask(t, stream, 1, "a")
			if err := stream.Send(bad); err != nil {
				t.Fatal(err)
			}
			close(asked)
			if m := hear(t, stream); m.GetId() != 1 {
				t.Fatalf("heard %v", m)
			}
			_, err := stream.Recv()
			wantStatus(t, err, codes.InvalidArgument)
		})
	}
}

// TestDecideErrors: an error of one question is a denial of this one.
func TestDecideErrors(t *testing.T) {
	stream, _ := deciding(t, &engine{check: func(_ context.Context, r *decision.Request) (*decision.Verdict, error) {
		switch r.Caller.Agent {
		case "crowd":
			return nil, decision.Refuse(decision.CodeOverloaded, "too many")
		case "broken":
			return nil, errors.New("a cause with a s3cr3t")
		}
		return allowed(r.ExchangeID), nil
	}})
	for i, c := range []struct {
		agent string
		code  decision.Code
	}{{"crowd", decision.CodeOverloaded}, {"broken", decision.CodeInternal}, {"good", ""}} {
		ask(t, stream, uint64(i), c.agent)
		m := hear(t, stream)
		v := m.GetVerdict()
		denied := v.GetEffect() == decisionv1.Effect_EFFECT_DENY
		if m.GetId() != uint64(i) || v.GetId() != fmt.Sprint("exchange-", i) || denied != (c.code != "") || v.GetReason().GetCode() != string(c.code) {
			t.Errorf("%s: got %v", c.agent, m)
		}
		if strings.Contains(v.GetReason().GetMessage(), "s3cr3t") {
			t.Errorf("the cause is told: %v", v.GetReason())
		}
	}
}

// TestDecideCancelled: questions of an asker that has gone are given up.
func TestDecideCancelled(t *testing.T) {
	asked, ended := make(chan struct{}), make(chan struct{})
	stream, leave := deciding(t, &engine{check: func(ctx context.Context, _ *decision.Request) (*decision.Verdict, error) {
		close(asked)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	}})
	ask(t, stream, 1, "a")
	wait(t, asked, "the question")
	leave()
	wait(t, ended, "the end of the question")
	_, err := stream.Recv()
	wantStatus(t, err, codes.Canceled)
}
