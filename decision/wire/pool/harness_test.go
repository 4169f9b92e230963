package pool

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/durationpb"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
	"outrider.dev/outrider/test/started"
)

func TestMain(m *testing.M) {
	if address := os.Getenv(processEnv); address != "" {
		os.Exit(playService(address))
	}
	goleak.VerifyTestMain(m)
}

// scripted is a decision service: it allows calls of the model good, and denies
// all others. Its behaviour can change while it runs.
type scripted struct {
	decisionv1.UnimplementedDecisionServiceServer
	mu      sync.Mutex
	answer  func(context.Context) error // before the verdict; nil: at once
	full    bool                        // every question is refused for want of room
	judge   func(context.Context) error // before a ruling; nil: at once
	opened  []string                    // exchange ids
	settled []string                    // "id end", by stream, or "id end by handle"
	streams int                         // of exchanges
	refuses error                       // to record calls that passed without a verdict
	gone    chan struct{}               // closed when it stops with grace; nil: it never does
}

// agedAgent is one whose calls a service takes for outcomes that it does not know.
const agedAgent = "of before"

func (s *scripted) set(answer, judge func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer, s.judge = answer, judge
}

func (s *scripted) refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuses = err
}

func (s *scripted) behaviour() (answer, judge func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answer, s.judge
}

func (s *scripted) told() (opened, settled []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.opened), slices.Clone(s.settled)
}

func (s *scripted) settle(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled = append(s.settled, what)
}

func (s *scripted) verdict(m *decisionv1.Request) *decisionv1.Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full {
		return &decisionv1.Verdict{Id: m.GetExchangeId(), Effect: decisionv1.Effect_EFFECT_DENY, Reason: &decisionv1.Reason{Code: string(decision.CodeOverloaded), RetryAfter: durationpb.New(time.Second)}}
	}
	if m.GetLlm().GetModel() != good {
		return &decisionv1.Verdict{Id: m.GetExchangeId(), Effect: decisionv1.Effect_EFFECT_DENY, Reason: &decisionv1.Reason{Code: string(decision.CodeModelNotAllowed)}}
	}
	return &decisionv1.Verdict{
		Id: m.GetExchangeId(), Effect: decisionv1.Effect_EFFECT_ALLOW, Settlement: []byte(m.GetExchangeId()),
		Grants: []*decisionv1.Grant{{Target: &decisionv1.Target{Provider: "p", Origin: "https://p.example"}}},
	}
}

func before(ctx context.Context, do func(context.Context) error) error {
	if do == nil {
		return nil
	}
	return do(ctx)
}

func (s *scripted) Check(ctx context.Context, m *decisionv1.CheckRequest) (*decisionv1.CheckResponse, error) {
	answer, _ := s.behaviour()
	if err := before(ctx, answer); err != nil {
		return nil, err
	}
	return &decisionv1.CheckResponse{Verdict: s.verdict(m.GetRequest())}, nil
}

func (s *scripted) FilterTools(ctx context.Context, _ *decisionv1.FilterToolsRequest) (*decisionv1.FilterToolsResponse, error) {
	answer, _ := s.behaviour()
	return &decisionv1.FilterToolsResponse{Visible: &decisionv1.Visibility{Bitmap: []byte{1}}}, before(ctx, answer)
}

func (s *scripted) Settle(_ context.Context, m *decisionv1.SettleRequest) (*decisionv1.SettleResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := m.GetOutcome().GetUnjudged(); u != nil {
		if s.refuses != nil {
			return nil, s.refuses
		}
		s.settled = append(s.settled, m.GetOutcome().GetExchangeId()+" unjudged")
		return &decisionv1.SettleResponse{Settled: &decisionv1.Settled{RepeatedCall: u.GetAgent() == agedAgent}}, nil
	}
	id := string(m.GetOutcome().GetSettlement())
	known := slices.Contains(s.opened, id) && !slices.Contains(s.settled, id+" cut off")
	s.settled = append(s.settled, id+" by handle")
	return &decisionv1.SettleResponse{Settled: &decisionv1.Settled{RepeatedCall: !known}}, nil
}

// Exchange carries one exchange after the other, as decision services do.
func (s *scripted) Exchange(st decisionv1.DecisionService_ExchangeServer) error {
	s.mu.Lock()
	s.streams++
	gone := s.gone
	s.mu.Unlock()
	for unused := status.Error(codes.Unavailable, "stopping"); ; unused = nil {
		type received struct {
			m   *decisionv1.ExchangeRequest
			err error
		}
		next := make(chan received, 1)
		go func() {
			m, err := st.Recv()
			next <- received{m, err}
		}()
		select {
		case got := <-next:
			if got.err != nil {
				return got.err
			}
			if err := s.carry(st, got.m); err != nil {
				return err
			}
		case <-gone:
			return unused
		}
	}
}

var errCutOff = errors.New("the data plane has left")

func (s *scripted) carry(st decisionv1.DecisionService_ExchangeServer, first *decisionv1.ExchangeRequest) error {
	answer, judge := s.behaviour()
	if err := before(st.Context(), answer); err != nil {
		return err
	}
	v := s.verdict(first.GetAsk())
	s.mu.Lock()
	s.opened = append(s.opened, v.GetId())
	s.mu.Unlock()
	err := st.Send(&decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Verdict{Verdict: v}})
	if v.GetEffect() != decisionv1.Effect_EFFECT_ALLOW {
		return err
	}
	for {
		m, err := st.Recv()
		if err != nil {
			s.settle(v.GetId() + " cut off")
			return errCutOff
		}
		if m.GetOutcome() != nil {
			s.settle(v.GetId() + " " + m.GetOutcome().GetEnd())
			return st.Send(&decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Settled{Settled: &decisionv1.Settled{}}})
		}
		if err := before(st.Context(), judge); err != nil {
			s.settle(v.GetId() + " cut off")
			return err
		}
		if err := st.Send(&decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Ruling{Ruling: &decisionv1.Ruling{Effect: decisionv1.Effect_EFFECT_ALLOW}}}); err != nil {
			return err
		}
	}
}

// silent answers nothing until the question is given up.
func silent(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// slowly answers after so long.
func slowly(d time.Duration) func(context.Context) error {
	return func(context.Context) error {
		time.Sleep(d)
		return nil
	}
}

func failing(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// place is where a service can be started, ended and started again.
type place struct {
	scripted
	health *health.Server
	ice    *ice
	mu     sync.Mutex
	l      *bufconn.Listener
	srv    *grpc.Server
	ended  chan error
}

// ice holds the service's side of every connection while it is frozen, as a
// process does that was stopped.
type ice struct {
	mu     sync.Mutex
	thawed *sync.Cond
	frozen bool
}

func newIce() *ice {
	i := &ice{}
	i.thawed = sync.NewCond(&i.mu)
	return i
}

func (i *ice) freeze(frozen bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.frozen = frozen
	i.thawed.Broadcast()
}

func (i *ice) wait() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for i.frozen {
		i.thawed.Wait()
	}
}

type iced struct {
	net.Listener
	ice *ice
}

func (l *iced) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	l.ice.wait()
	return &icedConn{conn, l.ice}, err
}

type icedConn struct {
	net.Conn
	ice *ice
}

func (c *icedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.ice.wait()
	return n, err
}

func (c *icedConn) Write(b []byte) (int, error) {
	c.ice.wait()
	return c.Conn.Write(b)
}

func (p *place) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.l, p.srv, p.ended, p.health = bufconn.Listen(1<<20), grpc.NewServer(grpc.WaitForHandlers(true)), make(chan error, 1), health.NewServer()
	p.ice = newIce()
	p.gone = make(chan struct{})
	decisionv1.RegisterDecisionServiceServer(p.srv, &p.scripted)
	healthv1.RegisterHealthServer(p.srv, p.health)
	srv, l, ended := p.srv, &iced{p.l, p.ice}, p.ended
	go func() { ended <- srv.Serve(l) }()
}

// stop ends the service at once or, with grace, once it has no open calls.
func (p *place) stop(grace bool) {
	p.mu.Lock()
	srv, ended := p.srv, p.ended
	p.srv = nil
	p.mu.Unlock()
	if srv == nil {
		return
	}
	p.ice.freeze(false)
	if grace {
		close(p.gone)
		srv.GracefulStop()
	} else {
		srv.Stop()
	}
	<-ended
}

var errNoListener = errors.New("nothing listens")

func (p *place) dial(ctx context.Context, _ string) (net.Conn, error) {
	p.mu.Lock()
	l, running := p.l, p.srv != nil
	p.mu.Unlock()
	if !running {
		return nil, errNoListener
	}
	return l.DialContext(ctx)
}

// field is a pool with its services, by name.
type field struct {
	*Pool
	places map[string]*place
	log    started.Log
	end    func() // of Run, once

	mu     sync.Mutex
	counts map[Event]int
}

func (f *field) count(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[e]++
}

func (f *field) counted(e Event) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[e]
}

// newField starts services of these names and a pool that asks them. It must be
// called in a bubble of synctest.
func newField(t *testing.T, names ...string) *field {
	t.Helper()
	f := &field{places: map[string]*place{}, counts: map[Event]int{}}
	for _, name := range names {
		f.places[name] = &place{}
		f.places[name].start()
	}
	f.Pool = f.pool(t, names, nil)
	return f
}

func (f *field) pool(t *testing.T, targets []string, lookup func(context.Context, string) ([]string, error)) *Pool {
	t.Helper()
	if lookup == nil {
		lookup = func(context.Context, string) ([]string, error) { return nil, errors.New("no names here") }
	}
	p, err := New(Config{
		Targets: targets, Lookup: lookup, Count: f.count,
		Log: slog.New(slog.NewTextHandler(&f.log, nil)),
		Dial: func(a Address) (*grpc.ClientConn, error) {
			return grpc.NewClient("passthrough:///service", grpc.WithTransportCredentials(insecure.NewCredentials()),
				grpc.WithDefaultCallOptions(grpc.ForceCodecV2(wire.NewCodec())),
				grpc.WithConnectParams(grpc.ConnectParams{
					Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
					MinConnectTimeout: time.Second,
				}),
				grpc.WithContextDialer(f.places[strings.TrimPrefix(a.Dial, "passthrough:///")].dial))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	f.end = sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		f.end()
		p.Close()
		for _, at := range f.places {
			at.stop(false)
		}
	})
	return p
}

const (
	good = "good" // the model that is allowed
	bad  = "bad"
	// timeout is that of one question here.
	timeout = 2 * time.Second
)

func question(model string) *decision.Request {
	return &decision.Request{ExchangeID: decision.NewID(), Surface: decision.LLM, LLM: decision.LLMCall{Model: model}}
}

// ask opens an exchange as the gate does.
func (f *field) ask(t *testing.T, model string) (*decision.Verdict, decision.Exchange, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return f.Open(ctx, question(model))
}

// opens demands an allowed call and returns its exchange.
func (f *field) opens(t *testing.T) decision.Exchange {
	t.Helper()
	v, ex, err := f.ask(t, good)
	if err != nil || !v.Allowed() || ex == nil {
		t.Fatalf("got %+v, %v, %v", v, ex, err)
	}
	return ex
}

// call makes a whole call.
func (f *field) call(t *testing.T) {
	t.Helper()
	ex := f.opens(t)
	if err := ex.Settle(t.Context(), decision.Outcome{End: decision.EndCompleted}); err != nil {
		t.Fatal(err)
	}
}
