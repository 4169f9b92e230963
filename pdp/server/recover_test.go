package server

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// TestFaultEndsOneCall: a fault in one call is no answer to it, and nothing to
// the others.
func TestFaultEndsOneCall(t *testing.T) {
	e := &engine{
		check: func(_ context.Context, r *decision.Request) (*decision.Verdict, error) {
			if r.Caller.Agent == "faulty" {
				panic("a fault")
			}
			return allowed(r.ExchangeID), nil
		},
		open: func(context.Context, *decision.Request) (*decision.Verdict, decision.Exchange, error) {
			panic("a fault")
		},
	}
	_, conn := onSocket(t, e)
	client := wire.NewClient(conn)
	if _, err := client.Check(t.Context(), question("faulty")); status.Code(err) != codes.Internal {
		t.Errorf("got %v, want Internal", err)
	}
	if _, _, err := client.Open(t.Context(), question("copilot")); err == nil {
		t.Error("a fault must be no verdict")
	}
	stream, err := decisionv1.NewDecisionServiceClient(conn).Decide(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask(t, stream, 1, "faulty")
	if m, err := stream.Recv(); err != nil || m.GetVerdict().GetReason().GetCode() != string(decision.CodeInternal) {
		t.Errorf("got %v, %v, want a denial", m, err)
	}
	if v, err := client.Check(t.Context(), question("copilot")); err != nil || !v.Allowed() {
		t.Errorf("the next call must be decided: %+v, %v", v, err)
	}
}
