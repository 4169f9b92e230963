package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what must happen, and happens at once unless it is broken.
const patience = 10 * time.Second

// maxBody is the largest body of a question, in bytes.
const maxBody = 1 << 20

// engine allows what it is asked, with a grant that holds a secret, unless a
// test says otherwise. It remembers outcomes.
type engine struct {
	check  func(context.Context, *decision.Request) (*decision.Verdict, error)
	open   func(context.Context, *decision.Request) (*decision.Verdict, decision.Exchange, error)
	filter func(*decision.Request, []decision.Tool) (*decision.Visibility, error)
	judge  func(context.Context, decision.Part) (*decision.Ruling, error)

	bare   atomic.Bool // there is no policy
	events events

	mu       sync.Mutex
	opened   int
	outcomes []decision.Outcome // the first of each exchange
	unjudged []decision.Unjudged
}

func allowed(id string) *decision.Verdict {
	return &decision.Verdict{
		ID: id, Effect: decision.Allow, Settlement: []byte("handle of " + id),
		Grants: []decision.Grant{{
			Target:     decision.Target{Provider: "xai", Origin: "https://api.x.ai"},
			Credential: decision.Credential{Header: decision.HeaderOp{Name: "Authorization", Value: decision.Secret("Bearer s3cr3t")}},
		}},
	}
}

func (e *engine) Check(ctx context.Context, r *decision.Request) (*decision.Verdict, error) {
	if e.check != nil {
		return e.check(ctx, r)
	}
	return allowed(r.ExchangeID), nil
}

func (e *engine) Open(ctx context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	e.mu.Lock()
	e.opened++
	e.mu.Unlock()
	if e.open != nil {
		return e.open(ctx, r)
	}
	return allowed(r.ExchangeID), &exchange{engine: e}, nil
}

func (e *engine) FilterTools(_ context.Context, r *decision.Request, tools []decision.Tool) (*decision.Visibility, error) {
	if e.filter != nil {
		return e.filter(r, tools)
	}
	v := &decision.Visibility{}
	v.Show(0)
	return v, nil
}

func (e *engine) Explain(_ context.Context, r *decision.Request) (*decision.Explanation, error) {
	return &decision.Explanation{Verdict: allowed(r.ExchangeID), Rules: []decision.RuleOutcome{{Policy: "p", Rule: "r"}}}, nil
}

func (e *engine) Loaded() bool { return !e.bare.Load() }

func (e *engine) Settle(_ context.Context, o decision.Outcome) bool {
	if o.Unjudged != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.unjudged = append(e.unjudged, *o.Unjudged)
		return false
	}
	return string(o.Settlement) != "handle of exchange-1"
}

func (e *engine) asked() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.opened
}

// exchange settles once in effect, as the vocabulary demands.
type exchange struct {
	engine  *engine
	settled bool
}

func (x *exchange) Attempt(context.Context, decision.Attempt) (*decision.Grant, error) {
	return &allowed("next").Grants[0], nil
}

func (x *exchange) Judge(ctx context.Context, p decision.Part) (*decision.Ruling, error) {
	return x.engine.judge(ctx, p)
}

func (x *exchange) Settle(ctx context.Context, o decision.Outcome) error {
	x.engine.mu.Lock()
	defer x.engine.mu.Unlock()
	if !x.settled {
		x.engine.outcomes = append(x.engine.outcomes, o)
	}
	x.settled = true
	return ctx.Err()
}

// wantOutcome waits for the only outcome of the only exchange.
func (e *engine) wantOutcome(t *testing.T, end decision.End) decision.Outcome {
	t.Helper()
	for began := time.Now(); time.Since(began) < patience; time.Sleep(time.Millisecond) {
		e.mu.Lock()
		got := e.outcomes
		e.mu.Unlock()
		if len(got) == 0 {
			continue
		}
		if len(got) != 1 || got[0].End != end {
			t.Fatalf("settled %+v, want once as %s", got, end)
		}
		return got[0]
	}
	t.Fatalf("nothing was settled, want %s", end)
	return decision.Outcome{}
}

// running is a server that runs until its test ends.
type running struct {
	*Server
	engine *engine
	stop   context.CancelFunc
	done   chan struct{} // closed when Run has returned
}

func config(t testing.TB, e *engine, l *configv1.PDPListen, peers ...*configv1.Peer) Config {
	t.Helper()
	return Config{
		Engine: e, Listen: l, Peers: peers, MaxBody: maxBody,
		Admin: func(public bool) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, "admin "+r.URL.Path)
				if public {
					_, _ = io.WriteString(w, " for strangers")
				}
			})
		},
		Keys: keyOf, Events: &e.events,
		Log: slog.New(slog.DiscardHandler),
	}
}

// keyOf reads a key of a peer, which stands in the configuration here.
func keyOf(_ string, src *configv1.KeySource) (func() (decision.Secret, error), error) {
	return func() (decision.Secret, error) { return decision.Secret(src.GetEnv()), nil }, nil
}

// events counts.
type events struct{ refused, shed, taken, bad atomic.Int32 }

func (e *events) PeerRefused() { e.refused.Add(1) }

func (e *events) Shed(string) { e.shed.Add(1) }

func (e *events) CertificatesRead(taken bool) {
	if taken {
		e.taken.Add(1)
	} else {
		e.bad.Add(1)
	}
}

func start(t *testing.T, cfg Config) *running {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{Server: s, engine: cfg.Engine.(*engine), stop: stop, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		if err := s.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-r.done
	})
	return r
}

// onSocket starts a server on a unix socket and returns a connection to it.
func onSocket(t *testing.T, e *engine, peers ...*configv1.Peer) (*running, *grpc.ClientConn) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pdp.sock")
	r := start(t, config(t, e, &configv1.PDPListen{Socket: path}, peers...))
	return r, dial(t, "unix://"+path, insecure.NewCredentials())
}

func dial(t *testing.T, target string, creds credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func ownUID() *uint32 {
	uid := uint32(os.Getuid())
	return &uid
}

func question(agent string) *decision.Request {
	return &decision.Request{ExchangeID: "exchange-1", Surface: decision.LLM, Caller: decision.Caller{Agent: agent}}
}

// wantGranted opens and settles an exchange for the agent.
func wantGranted(t *testing.T, conn *grpc.ClientConn, agent string) {
	t.Helper()
	v, ex, err := wire.NewClient(conn).Open(t.Context(), question(agent))
	if err != nil {
		t.Fatal(err)
	}
	if ex == nil || len(v.Grants) != 1 || string(v.Grants[0].Credential.Header.Value) != "Bearer s3cr3t" {
		t.Fatalf("%s: not granted: %+v", agent, v.Reason)
	}
	if err := ex.Settle(t.Context(), decision.Outcome{ExchangeID: v.ID, End: decision.EndCompleted}); err != nil {
		t.Fatal(err)
	}
}

// wantRefused expects a denial of the peer, without a question to the engine.
func wantRefused(t *testing.T, r *running, conn *grpc.ClientConn, agent string) {
	t.Helper()
	before := r.engine.asked()
	v, ex, err := wire.NewClient(conn).Open(t.Context(), question(agent))
	if err != nil {
		t.Fatal(err)
	}
	if ex != nil || v.Effect != decision.Deny || v.Reason.Code != decision.CodePeerRefused || len(v.Grants) > 0 || v.ID != "exchange-1" {
		t.Fatalf("%s: got %+v", agent, v)
	}
	if r.engine.asked() != before {
		t.Fatalf("%s: the engine was asked for a peer that may not ask", agent)
	}
}

// wantAnswered expects that the peer may ask without being granted anything.
func wantAnswered(t *testing.T, conn *grpc.ClientConn, agent string) {
	t.Helper()
	resp, err := decisionv1.NewDecisionServiceClient(conn).Check(t.Context(), &decisionv1.CheckRequest{Request: wire.RequestProto(question(agent))})
	if err != nil {
		t.Fatal(err)
	}
	v := resp.GetVerdict()
	if v.GetEffect() != decisionv1.Effect_EFFECT_ALLOW || len(v.GetGrants()) > 0 || len(v.GetSettlement()) > 0 {
		t.Fatalf("got %v, want an allow that grants nothing", v)
	}
}

// wantUnanswered expects that the peer may not even ask for the agent, in any way.
func wantUnanswered(t *testing.T, conn *grpc.ClientConn, agent string) {
	t.Helper()
	c := decisionv1.NewDecisionServiceClient(conn)
	q := wire.RequestProto(question(agent))
	resp, err := c.Check(t.Context(), &decisionv1.CheckRequest{Request: q})
	if err != nil || resp.GetVerdict().GetReason().GetCode() != string(decision.CodePeerRefused) || resp.GetVerdict().GetEffect() != decisionv1.Effect_EFFECT_DENY {
		t.Errorf("%q, Check: %v, %v", agent, resp, err)
	}
	_, err = c.FilterTools(t.Context(), &decisionv1.FilterToolsRequest{Request: q})
	wantStatus(t, err, codes.PermissionDenied)
	stream, err := c.Decide(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&decisionv1.DecideRequest{Id: 1, Request: q}); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil || answer.GetVerdict().GetReason().GetCode() != string(decision.CodePeerRefused) {
		t.Errorf("%q, Decide: %v, %v", agent, answer, err)
	}
	_ = stream.CloseSend()
	_, _ = stream.Recv()
}

func wantStatus(t *testing.T, err error, code codes.Code) {
	t.Helper()
	if status.Code(err) != code {
		t.Fatalf("got %v, want a status of %s", err, code)
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
