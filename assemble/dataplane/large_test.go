package dataplane

import (
	"context"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// allowing is a decision service that allows every call and counts what it hears
// of their ends.
type allowing struct {
	decisionv1.UnimplementedDecisionServiceServer
	onStream, byHandle atomic.Uint64 // tokens of outcomes
}

func (a *allowing) Exchange(stream decisionv1.DecisionService_ExchangeServer) error {
	for {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		answer := &decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Settled{Settled: &decisionv1.Settled{}}}
		if o := m.GetOutcome(); o != nil {
			a.onStream.Add(o.GetUsage().GetOutput())
		} else {
			v := &decision.Verdict{
				ID: m.GetAsk().GetExchangeId(), Effect: decision.Allow,
				Grants: []decision.Grant{{Target: decision.Target{Provider: "first", Origin: "https://first.example"}}},
			}
			answer.Message = &decisionv1.ExchangeResponse_Verdict{Verdict: wire.VerdictProto(v)}
		}
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
}

func (a *allowing) Settle(_ context.Context, m *decisionv1.SettleRequest) (*decisionv1.SettleResponse, error) {
	a.byHandle.Add(m.GetOutcome().GetUsage().GetOutput())
	return &decisionv1.SettleResponse{Settled: &decisionv1.Settled{RepeatedCall: true}}, nil
}

// TestQuestionsTooLarge: the service refuses them, and what the call before them used
// is charged nevertheless: its outcome is ahead of them on the stream.
func TestQuestionsTooLarge(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var far allowing
	srv, served := grpc.NewServer(), make(chan error, 1)
	decisionv1.RegisterDecisionServiceServer(srv, &far)
	go func() { served <- srv.Serve(l) }()
	defer func() {
		srv.Stop()
		<-served
	}()
	services, err := Dial(&configv1.Decision{Target: []string{"unix://" + socket}}, silent(t))
	if err != nil {
		t.Fatal(err)
	}
	defer services.Close()
	for calls := range uint64(3) {
		_, ex, err := services.Open(t.Context(), &decision.Request{Surface: decision.LLM})
		if err != nil {
			t.Fatal(err)
		}
		if err := ex.Settle(t.Context(), decision.Outcome{Usage: decision.Usage{Output: 7}}); err != nil {
			t.Fatal(err)
		}
		large := &decision.Request{Surface: decision.LLM, Body: decision.Body{Raw: make([]byte, maxMessage+1)}}
		if v, ex, err := services.Open(t.Context(), large); status.Code(err) != codes.ResourceExhausted || v != nil || ex != nil {
			t.Errorf("got %+v, %v, %v", v, ex, err)
		}
		if on, by := far.onStream.Load(), far.byHandle.Load(); on != 7*(calls+1) || by != 0 {
			t.Errorf("call %d: %d tokens are charged, %d too late", calls, on, by)
		}
	}
}
