package server

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// spans are what traces of exchanges end with.
type spans struct {
	mu   sync.Mutex
	ends []codes.Code
}

func (s *spans) trace(ctx context.Context, _, _, _ string) (context.Context, func(error)) {
	return ctx, func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ends = append(s.ends, status.Code(err))
	}
}

func (s *spans) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.ends)
}

// TestEndsOfExchanges: a peer hears, and a span tells, how an exchange ended. The good
// end of a stream says that nothing was heard, so that only the peer's own leave brings
// it about, which is no failure; a cause that looks like it is one.
func TestEndsOfExchanges(t *testing.T) {
	broken := &decision.Error{Code: decision.CodeInternal, Message: "a connection behind the engine ended", Err: io.EOF}
	fails := func(context.Context, *decision.Request) (*decision.Verdict, decision.Exchange, error) {
		return nil, nil, broken
	}
	panics := func(context.Context, *decision.Request) (*decision.Verdict, decision.Exchange, error) {
		panic("a fault")
	}
	ask, whole := askingFor("exchange-1"), &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Whole{Whole: &decisionv1.Body{}}}
	for name, c := range map[string]struct {
		open  func(context.Context, *decision.Request) (*decision.Verdict, decision.Exchange, error)
		judge func(context.Context, decision.Part) (*decision.Ruling, error)
		says  []*decisionv1.ExchangeRequest
		heard codes.Code
		spans string
		ends  []decision.End
	}{
		"it leaves before a call":      {nil, nil, nil, codes.OK, "[]", nil},
		"it leaves between calls":      {nil, nil, []*decisionv1.ExchangeRequest{ask, settling("exchange-1")}, codes.OK, "[OK]", []decision.End{decision.EndCompleted}},
		"it leaves in mid-call":        {nil, nil, []*decisionv1.ExchangeRequest{ask}, codes.OK, "[OK]", []decision.End{decision.EndDisconnected}},
		"the engine fails":             {fails, nil, []*decisionv1.ExchangeRequest{ask}, codes.Internal, "[Internal]", nil},
		"the engine fails in mid-call": {nil, func(context.Context, decision.Part) (*decision.Ruling, error) { return nil, broken }, []*decisionv1.ExchangeRequest{ask, whole}, codes.Internal, "[Internal]", []decision.End{decision.EndDisconnected}},
		"a fault":                      {panics, nil, []*decisionv1.ExchangeRequest{ask}, codes.Internal, "[Internal]", nil},
		"a fault in mid-call":          {nil, func(context.Context, decision.Part) (*decision.Ruling, error) { panic("a fault") }, []*decisionv1.ExchangeRequest{ask, whole}, codes.Internal, "[Internal]", []decision.End{decision.EndDisconnected}},
	} {
		t.Run(name, func(t *testing.T) {
			e := &engine{open: c.open, judge: c.judge}
			var seen spans
			cfg := config(t, e, &configv1.PDPListen{Socket: t.TempDir() + "/s"})
			cfg.Trace = seen.trace
			r := start(t, cfg)
			stream, _ := exchanging(t, dial(t, "unix://"+r.Addresses()[0], insecure.NewCredentials()))
			for i, m := range c.says {
				if _, err := say(stream, m); err != nil && (i < len(c.says)-1 || c.heard == codes.OK) {
					t.Fatal(err)
				}
			}
			_ = stream.CloseSend()
			_, err := stream.Recv()
			if want := c.heard; want == codes.OK && err != io.EOF || want != codes.OK && status.Code(err) != want { //nolint:errorlint // gRPC says so
				t.Errorf("the peer hears %v, want %s", err, want)
			}
			r.stop()
			<-r.done
			if seen.String() != c.spans {
				t.Errorf("spans end with %s, want %s", &seen, c.spans)
			}
			var ends []decision.End
			for _, o := range e.outcomes {
				ends = append(ends, o.End)
			}
			if fmt.Sprint(ends) != fmt.Sprint(c.ends) {
				t.Errorf("settled %v, want %v", ends, c.ends)
			}
		})
	}
}
