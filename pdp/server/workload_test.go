package server

import (
	"context"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	"outrider.dev/outrider/pdp/peer"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// tokens believes tokens of one kind: "NAMESPACE/NAME".
type tokens struct {
	mu   sync.Mutex
	seen []string
}

func (s *tokens) ServiceAccount(bearer decision.Secret) (peer.Identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, string([]byte(bearer)))
	switch string([]byte(bearer)) {
	case "":
		return peer.Identity{}, decision.Refuse(decision.CodeTokenMissing, "no token came")
	case "of-prod-bot":
		return peer.ServiceAccount("prod", "bot", "bot-1"), nil
	default:
		return peer.Identity{}, decision.Refuse(decision.CodeTokenExpired, "the token has expired")
	}
}

// shows is what a client puts into its header.
type shows []string

func (s shows) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": s[0]}, nil
}
func (s shows) RequireTransportSecurity() bool { return true }

func onTokens(t *testing.T, ca, clients *authority, peers ...*configv1.Peer) (*running, string) {
	t.Helper()
	cfg := config(t, &engine{}, &configv1.PDPListen{Grpc: "127.0.0.1:0", Tls: ca.files(t, clients)}, peers...)
	cfg.Workloads = &tokens{}
	r := start(t, cfg)
	return r, r.Addresses()[0]
}

func dialWith(t *testing.T, target string, creds credentials.TransportCredentials, header string) *grpc.ClientConn {
	t.Helper()
	options := []grpc.DialOption{grpc.WithTransportCredentials(creds)}
	if header != "" {
		options = append(options, grpc.WithPerRPCCredentials(shows{header}))
	}
	conn, err := grpc.NewClient(target, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestWorkloadsByToken: a token proves a workload on a connection without a
// certificate, and grants follow it.
func TestWorkloadsByToken(t *testing.T) {
	ca := newAuthority(t)
	r, target := onTokens(t, ca, nil, &configv1.Peer{ServiceAccount: "prod/*", Agents: []string{"from-identity"}})
	conn := dialWith(t, target, ca.client(t, nil), "Bearer of-prod-bot")
	wantGranted(t, conn, "bot")
	wantAnswered(t, conn, "bot")
	wantRefused(t, r, conn, "admin")
	wantUnanswered(t, conn, "admin")
}

// TestNothingWithoutAProof: no method answers on a connection that proves
// nothing, health and reflection included.
func TestNothingWithoutAProof(t *testing.T) {
	ca := newAuthority(t)
	r, target := onTokens(t, ca, ca, &configv1.Peer{ServiceAccount: "*/*", Agents: []string{"*"}})
	for name, header := range map[string]string{
		"nothing": "", "expired": "Bearer expired", "another scheme": "Basic of-prod-bot", "no scheme": "of-prod-bot", "empty": "Bearer ",
	} {
		conn := dialWith(t, target, ca.client(t, nil), header)
		_, err := decisionv1.NewDecisionServiceClient(conn).Check(t.Context(), &decisionv1.CheckRequest{Request: wire.RequestProto(question("bot"))})
		wantStatus(t, err, codes.PermissionDenied)
		_, err = healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
		wantStatus(t, err, codes.PermissionDenied)
		if _, ex, err := wire.NewClient(conn).Open(t.Context(), question("bot")); err == nil || ex != nil {
			t.Errorf("%s: an exchange opened: %v", name, err)
		}
	}
	if r.engine.asked() != 0 || r.engine.events.refused.Load() < 15 {
		t.Errorf("the engine was asked %d times, %d were refused", r.engine.asked(), r.engine.events.refused.Load())
	}
}

// TestTwoTokensAreNone: which of them would count is not guessed.
func TestTwoTokensAreNone(t *testing.T) {
	ca := newAuthority(t)
	_, target := onTokens(t, ca, nil, &configv1.Peer{ServiceAccount: "*/*", Agents: []string{"*"}})
	conn := dialWith(t, target, ca.client(t, nil), "Bearer of-prod-bot")
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer expired")
	_, err := decisionv1.NewDecisionServiceClient(conn).Check(ctx, &decisionv1.CheckRequest{Request: wire.RequestProto(question("bot"))})
	wantStatus(t, err, codes.PermissionDenied)
}

// TestCertificatesBesideTokens: a peer with a certificate is who that says,
// whatever token it shows, and a foreign certificate opens nothing.
func TestCertificatesBesideTokens(t *testing.T) {
	ca := newAuthority(t)
	r, target := onTokens(t, ca, ca, &configv1.Peer{Spiffe: "spiffe://corp/ns/dev/sa/tool", Agents: []string{"tool"}},
		&configv1.Peer{ServiceAccount: "prod/bot", Agents: []string{"bot"}})
	certified := dialWith(t, target, ca.client(t, ca, "spiffe://corp/ns/dev/sa/tool"), "Bearer of-prod-bot")
	wantGranted(t, certified, "tool")
	wantRefused(t, r, certified, "bot")
	wantGranted(t, dialWith(t, target, ca.client(t, nil), "Bearer of-prod-bot"), "bot")
	foreign := dialWith(t, target, ca.client(t, newAuthority(t), "spiffe://corp/ns/dev/sa/tool"), "Bearer of-prod-bot")
	_, err := healthv1.NewHealthClient(foreign).Check(t.Context(), &healthv1.HealthCheckRequest{})
	wantStatus(t, err, codes.Unavailable)
}
