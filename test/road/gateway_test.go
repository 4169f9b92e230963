package road

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/demo/issuer"
)

// asGateway puts the data plane where several agents share it: TLS on every
// address. With authority, agents must show a certificate.
func asGateway(withAuthority bool) func(*setup) {
	return func(s *setup) {
		writeCertificates(s.dir)
		s.ports.agent = "0.0.0.0:0"
		s.tls = ", tls: {cert: $dir/server.crt, key: $dir/server.key"
		if withAuthority {
			s.tls += ", clientCA: $dir/ca.crt"
		}
		s.tls = strings.ReplaceAll(s.tls, "$dir", s.dir) + "}"
		// Nothing proves labels of agents that show certificates.
		s.policy = strings.Replace(s.policy, "agents: {matchLabels: {app: road}}", "agents: {names: [road]}", 1)
		s.peers = fmt.Sprintf("[{uid: %d, agents: ['*'], namespaces: [prod]}]", os.Getuid())
	}
}

// as is the road for an agent on another machine, which shows a certificate
// where it has one.
func (r *Road) as(t *testing.T, certificate string) *Road {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(r.dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	cfg.RootCAs.AppendCertsFromPEM(raw)
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(filepath.Join(r.dir, certificate+".crt"), filepath.Join(r.dir, certificate+".key"))
		if err != nil {
			t.Fatal(err)
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	transport := &http.Transport{DisableCompression: true, TLSClientConfig: cfg, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	agent := *r
	agent.http = &http.Client{Transport: transport, Timeout: patience}
	if !strings.HasPrefix(r.base, "https://") {
		t.Fatalf("the gateway speaks no TLS: %s", r.base)
	}
	agent.base = "https://127.0.0.1" + r.base[strings.LastIndex(r.base, ":"):]
	return &agent
}

// unconnected expects that the agent comes to no answer at all.
func (r *Road) unconnected(t *testing.T) {
	t.Helper()
	resp, err := r.http.Do(r.request(t, pathChat, strings.NewReader(chat("grok-4", "hi"))))
	if err == nil {
		_ = resp.Body.Close()
		t.Fatalf("it is answered: %d", resp.StatusCode)
	}
}

// TestGatewayByToken: without a token no route answers, LLM included, though
// the policy asks for one on MCP alone.
func TestGatewayByToken(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeRead)
		expired, err := believed.Forge(issuer.Expired, "reader", scopeRead)
		if err != nil {
			t.Fatal(err)
		}
		agent := r.as(t, "")
		for _, path := range posts() {
			agent.post(t, path, goodBody(path)).wantRefused(t, decision.CodeTokenMissing)
			agent.post(t, path, goodBody(path), bearer(expired)...).wantRefused(t, decision.CodeTokenExpired)
		}
		agent.get(t, agent.base+pathModels).wantRefused(t, decision.CodeTokenMissing)
		agent.post(t, "/v1/other", "{}").wantRefused(t, decision.CodeMethodUnknown)
		r.wantArrivals(t, 0)
		for _, path := range []string{pathChat, pathEmbeddings, pathMCP, pathMCP + "/github"} {
			agent.post(t, path, goodBody(path), bearer(token)...).wantPassed(t)
		}
		for _, a := range r.arrived() {
			if strings.Contains(a.Header.Get("Authorization"), token) {
				t.Errorf("the agent's token travels on to %s", a.at)
			}
		}
	}, asGateway(false))
}

// TestGatewayByCertificate: the agent is who its certificate names; what the
// policies demand beside that, they demand still.
func TestGatewayByCertificate(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeRead)
		for _, name := range []string{"", "foreign", "expired"} {
			r.as(t, name).unconnected(t)
		}
		for name, code := range map[string]decision.Code{
			"nameless": decision.CodeTokenMissing, // somebody, and nobody knows who
			"double":   decision.CodeTokenMissing,
			"stranger": decision.CodeNoPolicy,
		} {
			r.as(t, name).post(t, pathChat, chat("grok-4", "hi")).wantRefused(t, code)
		}
		r.wantArrivals(t, 0)
		agent := r.as(t, "agent")
		agent.post(t, pathChat, chat("grok-4", "hi")).wantPassed(t)
		agent.post(t, pathMCP, rpc("tools/list", "{}")).wantRefused(t, decision.CodeTokenMissing)
		agent.post(t, pathMCP, rpc("tools/list", "{}"), bearer(token)...).wantPassed(t)
		r.as(t, "nameless").post(t, pathChat, chat("grok-4", "hi"), bearer(token)...).wantPassed(t)
	}, asGateway(true))
}

// TestGatewayOverHTTP2: streams, edits and refusals over the one connection of
// an agent.
func TestGatewayOverHTTP2(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		agent := r.as(t, "")
		token := bearer(r.token(t, scopeRead))
		r.script.play(streams(nil, chunks(content, "One fine day. ", "Then another.")...))
		resp := agent.open(t.Context(), t, pathChat, chat("script-1", "hello", streamed), token...)
		defer func() { _ = resp.Body.Close() }()
		said, err := io.ReadAll(resp.Body)
		if err != nil || resp.ProtoMajor != 2 || !strings.Contains(string(said), "Then another.") {
			t.Errorf("HTTP/%d, %v: %s", resp.ProtoMajor, err, said)
		}
		agent.post(t, pathChat, chat("grok-4", "to jane@example.com"), token...).wantPassed(t)
		agent.post(t, pathChat, chat("llama-4", "hi"), token...).wantRefused(t, decision.CodeModelNotAllowed)
		before := len(r.arrived())
		r.base = "http" + strings.TrimPrefix(agent.base, "https")
		plain, err := r.http.Do(r.request(t, pathChat, strings.NewReader(chat("grok-4", "hi")), token...))
		if err == nil {
			_ = plain.Body.Close()
		}
		if err == nil && plain.StatusCode != http.StatusBadRequest || len(r.arrived()) != before {
			t.Errorf("in the clear: %v, %v", plain, err)
		}
	}, asGateway(false))
}

// TestGatewayThatMayNotSpeak: the decision service holds the agents of a
// gateway to what pdp.peers lists for it.
func TestGatewayThatMayNotSpeak(t *testing.T) {
	for name, peers := range map[string]string{
		"another namespace": fmt.Sprintf("[{uid: %d, agents: ['*'], namespaces: [dev]}]", os.Getuid()),
		"no namespaces":     fmt.Sprintf("[{uid: %d, agents: ['*']}]", os.Getuid()),
		"another agent":     fmt.Sprintf("[{uid: %d, agents: [stranger], namespaces: ['*']}]", os.Getuid()),
	} {
		t.Run(name, func(t *testing.T) {
			r := overTheWire(t, newSetup(t, asGateway(true), func(s *setup) { s.peers = peers }))
			r.as(t, "agent").post(t, pathChat, chat("grok-4", "hi")).wantRefused(t, decision.CodePeerRefused)
			r.wantArrivals(t, 0)
		})
	}
}

// TestGatewayRotates: a new certificate is shown to the next agent.
func TestGatewayRotates(t *testing.T) {
	r := inProcess(t, newSetup(t, asGateway(false)))
	shown := func() string {
		agent := r.as(t, "")
		resp, err := agent.http.Get(agent.base + pathModels)
		if err != nil {
			return "" // the authority is written before what it signed
		}
		_ = resp.Body.Close()
		return resp.TLS.PeerCertificates[0].SerialNumber.String()
	}
	first := shown()
	writeCertificates(r.dir)
	eventually(t, "the certificate is another one", func() bool {
		now := shown()
		return now != "" && now != first
	})
}
