package server

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	"outrider.dev/outrider/pdp/peer"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// TestProofsAreAskedForAgain: a token that has ended since its stream was opened
// opens no further exchange on it, and the client shows the one that it has now.
func TestProofsAreAskedForAgain(t *testing.T) {
	ca := newAuthority(t)
	cfg := config(t, &engine{}, &configv1.PDPListen{Grpc: "127.0.0.1:0", Tls: ca.files(t, nil)},
		&configv1.Peer{ServiceAccount: "prod/*", Agents: []string{"from-identity"}})
	believed := &rotating{valid: "first"}
	cfg.Workloads = believed
	r := start(t, cfg)
	shown := &latest{token: "first"}
	conn, err := grpc.NewClient(r.Addresses()[0], grpc.WithTransportCredentials(ca.client(t, nil)), grpc.WithPerRPCCredentials(shown))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	client := wire.NewClient(conn)
	call := func() error {
		v, ex, err := client.Open(t.Context(), question("bot"))
		if err != nil {
			return err
		}
		return ex.Settle(t.Context(), decision.Outcome{ExchangeID: v.ID, End: decision.EndCompleted})
	}
	for range 3 {
		if err := call(); err != nil {
			t.Fatal(err)
		}
	}
	if n := shown.times.Load(); n != 1 {
		t.Errorf("three calls opened %d streams", n)
	}
	believed.set("second")
	wantStatus(t, call(), codes.PermissionDenied) // the first has ended, and no other is shown
	asked := r.engine.asked()
	shown.set("second")
	if err := call(); err != nil {
		t.Fatal(err)
	}
	believed.set("third")
	shown.set("third")
	if err := call(); err != nil { // the stream of the second ends unseen
		t.Fatal(err)
	}
	if n := r.engine.asked() - asked; n != 2 || asked != 3 {
		t.Errorf("asked %d and %d times", asked, n)
	}
}

// TestProofsOfStreamsOpenedAhead: a token that has ended since opens nothing on them,
// also no first question.
func TestProofsOfStreamsOpenedAhead(t *testing.T) {
	ca := newAuthority(t)
	cfg := config(t, &engine{}, &configv1.PDPListen{Grpc: "127.0.0.1:0", Tls: ca.files(t, nil)},
		&configv1.Peer{ServiceAccount: "prod/*", Agents: []string{"from-identity"}})
	believed := &rotating{valid: "first"}
	cfg.Workloads = believed
	r := start(t, cfg)
	conn := dialWith(t, r.Addresses()[0], ca.client(t, nil), "Bearer first")
	exchanging, err := decisionv1.NewDecisionServiceClient(conn).Exchange(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unused, err := decisionv1.NewDecisionServiceClient(conn).Decide(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	used, err := decisionv1.NewDecisionServiceClient(conn).Decide(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	q := wire.RequestProto(question("bot"))
	if err := used.Send(&decisionv1.DecideRequest{Id: 1, Request: q}); err != nil {
		t.Fatal(err)
	}
	if m, err := used.Recv(); err != nil || m.GetVerdict().GetEffect() != decisionv1.Effect_EFFECT_ALLOW {
		t.Fatalf("got %v, %v", m, err)
	}
	// Each stream was asked for as it was opened, and the used one for its question.
	eventually(t, "three streams are open", func() bool { return believed.asked() >= 4 })
	believed.set("second")
	m, err := say(exchanging, &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Ask{Ask: q}})
	if !errors.Is(err, io.EOF) { // which says that nobody heard it
		t.Errorf("the first question of an exchange: %v, %v", m, err)
	}
	for name, stream := range map[string]decisionv1.DecisionService_DecideClient{"unused": unused, "used": used} {
		if err := stream.Send(&decisionv1.DecideRequest{Id: 2, Request: q}); err != nil {
			t.Fatal(err)
		}
		if m, err := stream.Recv(); status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
	if n := r.engine.asked(); n != 0 {
		t.Errorf("%d exchanges were opened", n)
	}
}

// rotating believes one token at a time.
type rotating struct {
	mu    sync.Mutex
	valid string
	times int
}

func (w *rotating) asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.times
}

func (w *rotating) set(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.valid = token
}

func (w *rotating) ServiceAccount(bearer decision.Secret) (peer.Identity, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.times++
	if string([]byte(bearer)) != w.valid {
		return peer.Identity{}, decision.Refuse(decision.CodeTokenExpired, "the token has expired")
	}
	return peer.ServiceAccount("prod", "bot", "bot-1"), nil
}

// latest shows the token of the time.
type latest struct {
	mu    sync.Mutex
	token string
	times atomic.Int32
}

func (l *latest) set(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.token = token
}

func (l *latest) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	l.times.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	return map[string]string{"authorization": "Bearer " + l.token}, nil
}

func (*latest) RequireTransportSecurity() bool { return true }
