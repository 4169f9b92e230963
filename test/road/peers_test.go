package road

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

// overTLS is a road whose parts speak mutual TLS over TCP.
func overTLS(client string) func(*setup) {
	return func(s *setup) {
		inDir := strings.NewReplacer("$dir", s.dir, "$client", client, "$time", questionTime)
		s.listen = inDir.Replace(`grpc: "127.0.0.1:0", tls: {cert: $dir/server.crt, key: $dir/server.key, clientCA: $dir/ca.crt}`)
		s.peers = `[{spiffe: "spiffe://corp/ns/prod/*", agents: [road]}]`
		s.decision = inDir.Replace(`{target: "$grpc", timeout: $time, tls: {cert: $dir/$client.crt, key: $dir/$client.key, ca: $dir/ca.crt}}`)
		writeCertificates(s.dir)
	}
}

// TestPeers asks as peers that the decision service may not grant anything.
func TestPeers(t *testing.T) {
	tests := []struct {
		name   string
		change func(*setup)
		code   decision.Code
	}{
		{"plain TCP on loopback", func(s *setup) {
			s.listen, s.decision = `grpc: "127.0.0.1:0"`, fmt.Sprintf(`{target: "$grpc", timeout: %s}`, questionTime)
		}, decision.CodePeerRefused},
		{"another agent", func(s *setup) { s.agent = "stranger" }, decision.CodePeerRefused},
		{"another user", func(s *setup) { s.peers = fmt.Sprintf("[{uid: %d, agents: [road]}]", os.Getuid()+1) }, decision.CodePeerRefused},
		{"TLS peers only", func(s *setup) { s.peers = `[{spiffe: "spiffe://corp/ns/prod/*", agents: [road]}]` }, decision.CodePeerRefused},
		{"another identity", overTLS("other"), decision.CodePeerRefused},
		{"a certificate without an identity", overTLS("nameless"), decision.CodePeerRefused},
		{"a certificate of another CA", overTLS("foreign"), decision.CodePDPUnavailable},
		{"an expired certificate", overTLS("expired"), decision.CodePDPUnavailable},
		{"another agent over TLS", func(s *setup) { overTLS("client")(s); s.agent = "stranger" }, decision.CodePeerRefused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := overTheWire(t, newSetup(t, tt.change))
			token := r.token(t, scopeRead)
			for _, path := range posts() {
				r.post(t, path, goodBody(path), authorized(path, token)...).wantRefused(t, tt.code)
			}
			r.wantArrivals(t, 0)
		})
	}
}
