package road

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"outrider.dev/outrider/decision"
)

// byWorkload is a road whose data plane shows a token of its service account,
// as an injected sidecar does, on a connection by TLS.
func byWorkload(t *testing.T, audience, account string) func(*setup) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := jwk.Import(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": "https://cluster", "aud": []string{audience}, "sub": "system:serviceaccount:prod:" + account, "exp": time.Now().Add(time.Hour).Unix(),
		"kubernetes.io": map[string]any{"namespace": "prod", "serviceaccount": map[string]any{"name": account}},
	})
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.Sign(claims, jws.WithKey(jwa.ES256(), key))
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(map[string]any{"keys": []any{public}})
	if err != nil {
		t.Fatal(err)
	}
	return func(s *setup) {
		writeCertificates(s.dir)
		s.write(t, "workload.token", string(token))
		s.write(t, "workload.jwks", string(set))
		inDir := strings.NewReplacer("$dir", s.dir, "$time", questionTime)
		s.listen = inDir.Replace(`grpc: "127.0.0.1:0", tls: {cert: $dir/server.crt, key: $dir/server.key}`)
		s.peers = inDir.Replace(`[{serviceAccount: "prod/bot", agents: [road]}], workloads: {issuer: "https://cluster", jwks: {file: $dir/workload.jwks}}`)
		s.decision = inDir.Replace(`{target: "$grpc", timeout: $time, token: $dir/workload.token, tls: {ca: $dir/ca.crt}}`)
	}
}

// TestWorkloadsPass: what an injected sidecar asks is answered and granted, on
// both surfaces.
func TestWorkloadsPass(t *testing.T) {
	r := overTheWire(t, newSetup(t, byWorkload(t, "outrider", "bot")))
	token := r.token(t, scopeRead)
	for _, path := range []string{"/v1/chat/completions", "/mcp/github"} {
		if got := r.post(t, path, goodBody(path), authorized(path, token)...); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

// TestWorkloadsThatAreRefused: nothing arrives for a token that does not prove
// the right to speak for the agent.
func TestWorkloadsThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*setup)
		code   decision.Code
	}{
		"another account":  {byWorkload(t, "outrider", "stranger"), decision.CodePeerRefused},
		"another agent":    {func(s *setup) { byWorkload(t, "outrider", "bot")(s); s.agent = "stranger" }, decision.CodePeerRefused},
		"another audience": {byWorkload(t, "https://kubernetes.default.svc", "bot"), decision.CodePDPUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			r := overTheWire(t, newSetup(t, tt.change))
			token := r.token(t, scopeRead)
			for _, path := range posts() {
				r.post(t, path, goodBody(path), authorized(path, token)...).wantRefused(t, tt.code)
			}
			r.wantArrivals(t, 0)
		})
	}
}
