package server

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// exchanging opens a raw Exchange stream, which may break every rule.
func exchanging(t *testing.T, conn *grpc.ClientConn) (decisionv1.DecisionService_ExchangeClient, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	stream, err := decisionv1.NewDecisionServiceClient(conn).Exchange(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return stream, cancel
}

func asking() *decisionv1.ExchangeRequest {
	return &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Ask{Ask: wire.RequestProto(question("a"))}}
}

// granted sends the ask and takes the verdict.
func granted(t *testing.T, stream decisionv1.DecisionService_ExchangeClient) {
	t.Helper()
	m, err := say(stream, asking())
	if err != nil || len(m.GetVerdict().GetGrants()) != 1 {
		t.Fatalf("got %v, %v", m, err)
	}
}

func say(stream decisionv1.DecisionService_ExchangeClient, m *decisionv1.ExchangeRequest) (*decisionv1.ExchangeResponse, error) {
	if err := stream.Send(m); err != nil {
		return nil, err
	}
	return stream.Recv()
}

func TestExchange(t *testing.T) {
	visible := &decision.Visibility{Bitmap: []byte{1}}
	e := &engine{judge: func(_ context.Context, p decision.Part) (*decision.Ruling, error) {
		switch {
		case p.Whole != nil:
			return &decision.Ruling{Reason: decision.Reason{Code: decision.CodeSecret}}, nil
		case p.Tools != nil:
			return &decision.Ruling{Effect: decision.Allow, Visibility: visible}, nil
		default:
			return &decision.Ruling{Effect: decision.Allow, Releases: []decision.Release{{Lane: p.Deltas[0].Lane, Upto: 3}}}, nil
		}
	}}
	_, conn := onSocket(t, e)
	_, ex, err := wire.NewClient(conn).Open(t.Context(), question("a"))
	if err != nil {
		t.Fatal(err)
	}
	if g, err := ex.Attempt(t.Context(), decision.Attempt{FailedProvider: "xai"}); err != nil || g.Target.Provider != "xai" {
		t.Errorf("attempt: got %+v, %v", g, err)
	}
	if r, err := ex.Judge(t.Context(), decision.Part{Whole: &decision.Body{}}); err != nil || r.Effect != decision.Deny || r.Reason.Code != decision.CodeSecret {
		t.Errorf("whole: got %+v, %v", r, err)
	}
	if r, err := ex.Judge(t.Context(), decision.Part{Deltas: []decision.Delta{{Lane: "0"}}}); err != nil || r.Effect != decision.Allow || r.Releases[0].Lane != "0" {
		t.Errorf("deltas: got %+v, %v", r, err)
	}
	if r, err := ex.Judge(t.Context(), decision.Part{Tools: make([]decision.Tool, 2)}); err != nil || !r.Visibility.Visible(0) || r.Visibility.Visible(1) {
		t.Errorf("tools: got %+v, %v", r, err)
	}
	o := decision.Outcome{ExchangeID: "exchange-1", Settlement: []byte("handle"), End: decision.EndCompleted, Usage: decision.Usage{Input: 3, Output: 4}}
	if err := ex.Settle(t.Context(), o); err != nil {
		t.Error(err)
	}
	if got := e.wantOutcome(t, decision.EndCompleted); got.Usage != o.Usage {
		t.Errorf("settled %+v", got)
	}
}

// TestToolsDeniedAsAWhole: an engine that shows no page at all, because the
// exchange was settled meanwhile, ends nothing but this call.
func TestToolsDeniedAsAWhole(t *testing.T) {
	_, conn := onSocket(t, &engine{judge: func(context.Context, decision.Part) (*decision.Ruling, error) {
		return &decision.Ruling{Reason: decision.Reason{Code: decision.CodeInternal}}, nil
	}})
	_, ex, err := wire.NewClient(conn).Open(t.Context(), question("a"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ex.Judge(t.Context(), decision.Part{Tools: make([]decision.Tool, 2)})
	if err != nil || r.Effect != decision.Deny || r.Reason.Code != decision.CodeInternal {
		t.Fatalf("got %+v, %v", r, err)
	}
	if err := ex.Settle(t.Context(), decision.Outcome{}); err != nil {
		t.Fatal(err)
	}
}

// TestBrokenExchangeIsSettled: however a data plane goes, what it had opened is
// settled once, as a disconnect.
func TestBrokenExchangeIsSettled(t *testing.T) {
	for name, c := range map[string]struct {
		leave func(t *testing.T, stream decisionv1.DecisionService_ExchangeClient, conn *grpc.ClientConn, cancel context.CancelFunc)
	}{
		"it cancels": {func(_ *testing.T, _ decisionv1.DecisionService_ExchangeClient, _ *grpc.ClientConn, cancel context.CancelFunc) {
			cancel()
		}},
		"it closes its side": {func(t *testing.T, stream decisionv1.DecisionService_ExchangeClient, _ *grpc.ClientConn, _ context.CancelFunc) {
			if err := stream.CloseSend(); err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Recv(); err == nil {
				t.Fatal("an answer to nothing")
			}
		}},
		"its connection breaks": {func(_ *testing.T, _ decisionv1.DecisionService_ExchangeClient, conn *grpc.ClientConn, _ context.CancelFunc) {
			_ = conn.Close()
		}},
		"it asks twice": {func(t *testing.T, stream decisionv1.DecisionService_ExchangeClient, _ *grpc.ClientConn, _ context.CancelFunc) {
			_, err := say(stream, asking())
			wantStatus(t, err, codes.InvalidArgument)
		}},
		"it sends nothing known": {func(t *testing.T, stream decisionv1.DecisionService_ExchangeClient, _ *grpc.ClientConn, _ context.CancelFunc) {
			_, err := say(stream, &decisionv1.ExchangeRequest{})
			wantStatus(t, err, codes.InvalidArgument)
		}},
		"it shows an offset outside": {func(t *testing.T, stream decisionv1.DecisionService_ExchangeClient, _ *grpc.ClientConn, _ context.CancelFunc) {
			_, err := say(stream, &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Whole{
				Whole: &decisionv1.Body{Segments: []*decisionv1.Segment{{End: 1}}},
			}})
			wantStatus(t, err, codes.InvalidArgument)
		}},
		"it shows more than fits": {func(t *testing.T, stream decisionv1.DecisionService_ExchangeClient, _ *grpc.ClientConn, _ context.CancelFunc) {
			_, err := say(stream, &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Whole{
				Whole: &decisionv1.Body{Raw: make([]byte, 1<<20+messageSlack)},
			}})
			wantStatus(t, err, codes.ResourceExhausted)
		}},
		"the engine fails": {func(t *testing.T, stream decisionv1.DecisionService_ExchangeClient, _ *grpc.ClientConn, _ context.CancelFunc) {
			_, err := say(stream, &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Whole{Whole: &decisionv1.Body{}}})
			wantStatus(t, err, codes.Internal)
			if strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("the cause is told: %v", err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			e := &engine{judge: func(context.Context, decision.Part) (*decision.Ruling, error) {
				return nil, errors.New("a cause with a s3cr3t")
			}}
			r, conn := onSocket(t, e)
			stream, cancel := exchanging(t, conn)
			granted(t, stream)
			c.leave(t, stream, conn, cancel)
			if got := e.wantOutcome(t, decision.EndDisconnected); got.ExchangeID != "exchange-1" {
				t.Errorf("settled %+v", got)
			}
			r.stop()
			<-r.done
			e.wantOutcome(t, decision.EndDisconnected) // and not once more
		})
	}
}

// TestGoneInMidQuestion: the engine hears that nobody waits any more.
func TestGoneInMidQuestion(t *testing.T) {
	asked := make(chan struct{})
	e := &engine{judge: func(ctx context.Context, _ decision.Part) (*decision.Ruling, error) {
		close(asked)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	_, conn := onSocket(t, e)
	stream, cancel := exchanging(t, conn)
	granted(t, stream)
	if err := stream.Send(&decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Whole{Whole: &decisionv1.Body{}}}); err != nil {
		t.Fatal(err)
	}
	wait(t, asked, "the question")
	cancel()
	e.wantOutcome(t, decision.EndDisconnected)
}

func TestExchangeRefused(t *testing.T) {
	e := &engine{open: func(_ context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
		switch r.ExchangeID {
		case "denied":
			return &decision.Verdict{ID: "denied", Reason: decision.Reason{Code: decision.CodeNotAllowed}}, nil, nil
		case "crowded":
			return nil, nil, decision.Refuse(decision.CodeOverloaded, "too many")
		}
		return nil, nil, errors.New("a cause with a s3cr3t")
	}}
	_, conn := onSocket(t, e)
	c := wire.NewClient(conn)
	q := question("a")
	q.ExchangeID = "denied"
	if v, ex, err := c.Open(t.Context(), q); err != nil || ex != nil || v.Reason.Code != decision.CodeNotAllowed {
		t.Errorf("got %+v, %v, %v", v, ex, err)
	}
	q.ExchangeID = "crowded"
	_, _, err := c.Open(t.Context(), q)
	wantStatus(t, err, codes.ResourceExhausted)
	q.ExchangeID = "broken"
	_, _, err = c.Open(t.Context(), q)
	wantStatus(t, err, codes.Internal)
	if strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("the cause is told: %v", err)
	}
	q.Surface = "smtp"
	_, _, err = c.Open(t.Context(), q)
	wantStatus(t, err, codes.InvalidArgument)
	if len(e.outcomes) > 0 {
		t.Errorf("settled %+v", e.outcomes)
	}
}

// TestFirstMessageMustAsk: nothing else opens an exchange.
func TestFirstMessageMustAsk(t *testing.T) {
	r, conn := onSocket(t, &engine{})
	for name, m := range map[string]*decisionv1.ExchangeRequest{
		"nothing":    {},
		"an outcome": {Message: &decisionv1.ExchangeRequest_Outcome{Outcome: &decisionv1.Outcome{ExchangeId: "exchange-1"}}},
		"a body":     {Message: &decisionv1.ExchangeRequest_Whole{Whole: &decisionv1.Body{}}},
	} {
		stream, _ := exchanging(t, conn)
		_, err := say(stream, m)
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: got %v", name, err)
		}
	}
	stream, _ := exchanging(t, conn)
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err == nil {
		t.Error("an answer to nothing")
	}
	if r.engine.asked() > 0 {
		t.Error("the engine was asked")
	}
}

func TestUnary(t *testing.T) {
	e := &engine{
		check: func(context.Context, *decision.Request) (*decision.Verdict, error) {
			return nil, decision.Refuse(decision.CodeTokenExpired, "expired")
		},
		filter: func(_ *decision.Request, tools []decision.Tool) (*decision.Visibility, error) {
			if len(tools) > 1 {
				return nil, decision.Refuse(decision.CodeRuleError, "broken rule")
			}
			return &decision.Visibility{Bitmap: []byte{1}}, nil
		},
	}
	_, conn := onSocket(t, e)
	c := decisionv1.NewDecisionServiceClient(conn)
	q := wire.RequestProto(question("a"))
	_, err := c.Check(t.Context(), &decisionv1.CheckRequest{Request: q})
	wantStatus(t, err, codes.Unauthenticated)
	_, err = c.Check(t.Context(), &decisionv1.CheckRequest{})
	wantStatus(t, err, codes.InvalidArgument)

	page := func(n int) *decisionv1.ToolPage { return wire.ToolsProto(make([]decision.Tool, n)) }
	if resp, err := c.FilterTools(t.Context(), &decisionv1.FilterToolsRequest{Request: q, Tools: page(1)}); err != nil || resp.GetVisible().GetBitmap()[0] != 1 {
		t.Errorf("got %v, %v", resp, err)
	}
	_, err = c.FilterTools(t.Context(), &decisionv1.FilterToolsRequest{Request: q, Tools: page(2)})
	wantStatus(t, err, codes.PermissionDenied)
	_, err = c.FilterTools(t.Context(), &decisionv1.FilterToolsRequest{Tools: page(1)})
	wantStatus(t, err, codes.InvalidArgument)
	_, err = c.FilterTools(t.Context(), &decisionv1.FilterToolsRequest{Request: q, Tools: &decisionv1.ToolPage{Tools: []*decisionv1.Tool{{ArgsEnd: 9}}}})
	wantStatus(t, err, codes.InvalidArgument)

	for handle, repeated := range map[string]bool{"handle of exchange-1": false, "a guess": true} {
		resp, err := c.Settle(t.Context(), &decisionv1.SettleRequest{Outcome: &decisionv1.Outcome{Settlement: []byte(handle)}})
		if err != nil || resp.GetSettled().GetRepeatedCall() != repeated {
			t.Errorf("%s: got %v, %v", handle, resp, err)
		}
	}
	_, err = c.Explain(t.Context(), &decisionv1.ExplainRequest{})
	wantStatus(t, err, codes.InvalidArgument)
}
