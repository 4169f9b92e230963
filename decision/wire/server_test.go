package wire

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what must happen, and happens at once unless it is broken.
const patience = 10 * time.Second

// scripted is a decision service that does what a test tells it.
type scripted struct {
	decisionv1.UnimplementedDecisionServiceServer
	check    func(*decisionv1.Request) (*decisionv1.Verdict, error)
	filter   func(*decisionv1.FilterToolsRequest) (*decisionv1.Visibility, error)
	exchange func(conversation) error
}

type conversation = grpc.BidiStreamingServer[decisionv1.ExchangeRequest, decisionv1.ExchangeResponse]

func (s *scripted) Check(_ context.Context, m *decisionv1.CheckRequest) (*decisionv1.CheckResponse, error) {
	v, err := s.check(m.GetRequest())
	return &decisionv1.CheckResponse{Verdict: v}, err
}

func (s *scripted) FilterTools(_ context.Context, m *decisionv1.FilterToolsRequest) (*decisionv1.FilterToolsResponse, error) {
	v, err := s.filter(m)
	return &decisionv1.FilterToolsResponse{Visible: v}, err
}

func (s *scripted) Exchange(st decisionv1.DecisionService_ExchangeServer) error {
	return s.exchange(st)
}

// serve starts a decision service and returns a client of it. stop ends the
// service at once, as a crash would.
func serve(t *testing.T, s *scripted) (c *Client, stop func()) {
	t.Helper()
	l := bufconn.Listen(1 << 20)
	srv := grpc.NewServer()
	decisionv1.RegisterDecisionServiceServer(srv, s)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	conn := dial(t, func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) })
	t.Cleanup(func() {
		srv.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) { // before it began, where nobody came
			t.Error(err)
		}
	})
	return NewClient(conn), srv.Stop
}

func dial(t *testing.T, how func(context.Context, string) (net.Conn, error)) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///pdp",
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(how))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// The answers of a scripted exchange.

func answerVerdict(v *decision.Verdict) *decisionv1.ExchangeResponse {
	return &decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Verdict{Verdict: VerdictProto(v)}}
}

func answerGrant(g *decision.Grant) *decisionv1.ExchangeResponse {
	return &decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Grant{Grant: GrantProto(g)}}
}

func answerRuling(r *decision.Ruling) *decisionv1.ExchangeResponse {
	return &decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Ruling{Ruling: RulingProto(r)}}
}

func answerVisible(v *decision.Visibility) *decisionv1.ExchangeResponse {
	return &decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Visible{Visible: VisibilityProto(v)}}
}

func answerSettled() *decisionv1.ExchangeResponse {
	return &decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Settled{Settled: &decisionv1.Settled{}}}
}

// granted is the verdict that opens most exchanges here.
func granted() *decision.Verdict {
	return &decision.Verdict{
		ID: "exchange-1", Effect: decision.Allow, Settlement: []byte("handle"),
		Grants: []decision.Grant{{Target: decision.Target{Provider: "first", Origin: "https://first.example"}}},
	}
}

// after answers each message with the next of the answers, and keeps the
// stream open after the last one until the client goes.
func after(seen chan<- *decisionv1.ExchangeRequest, answers ...*decisionv1.ExchangeResponse) func(conversation) error {
	return func(st conversation) error {
		for {
			m, err := st.Recv()
			if err != nil {
				return nil // the client has gone
			}
			seen <- m
			if len(answers) == 0 {
				continue
			}
			if err := st.Send(answers[0]); err != nil {
				return err
			}
			answers = answers[1:]
		}
	}
}

// quiet answers the ask with a verdict and nothing else; ended is closed when
// its stream is over.
func quiet(ended chan<- struct{}) func(conversation) error {
	return func(st conversation) error {
		defer close(ended)
		if _, err := st.Recv(); err != nil {
			return err
		}
		if err := st.Send(answerVerdict(granted())); err != nil {
			return err
		}
		<-st.Context().Done()
		return nil
	}
}

func wait[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s did not happen", what)
		panic("unreachable")
	}
}
