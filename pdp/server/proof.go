package server

import (
	"net"
	"net/http"
	"strings"

	"google.golang.org/grpc/peer"

	"outrider.dev/outrider/decision"
	peers "outrider.dev/outrider/pdp/peer"
	"outrider.dev/outrider/pdp/problem"
)

// proven finds out who makes a request: by a certificate, else by a key. What
// comes next finds that beside the call, as from a connection of gRPC. With the
// demand, a request that proves nothing is refused.
func (s *service) proven(demand bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, reason := s.prove(r)
		if reason == nil && demand && !id.Proven() {
			reason = &decision.Reason{Code: decision.CodeTokenMissing, Message: "show a client certificate, or send the key of a peer as Authorization: Bearer"}
		}
		from := peer.NewContext(r.Context(), &peer.Peer{
			Addr:     address(r.RemoteAddr),
			AuthInfo: proof(id, "rest"),
		})
		if reason != nil {
			problem.Of(*s.refused(from, id, reason), "").Write(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(from))
	})
}

// prove returns who makes the request. A key goes no further than this: what
// stands there afterwards is the token of somebody whom the request is about.
func (s *service) prove(r *http.Request) (peers.Identity, *decision.Reason) {
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		id, err := peers.Certificate(r.TLS.PeerCertificates[0])
		if err != nil {
			return id, peers.Refused(err.Error())
		}
		return id, nil
	}
	if !s.peers.HasKeys() || len(r.Header.Values("Authorization")) == 0 {
		return peers.Identity{}, nil
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	id, ok := s.peers.ByKey(decision.Secret(strings.TrimSpace(key)))
	if !ok || !strings.EqualFold(scheme, "Bearer") || len(r.Header.Values("Authorization")) > 1 {
		return peers.Identity{}, &decision.Reason{Code: decision.CodePeerUnproven, Message: "this is no key of pdp.peers: send one as Authorization: Bearer"}
	}
	r.Header.Del("Authorization")
	return id, nil
}

// address is where a request came from.
type address string

var _ net.Addr = address("")

// Network implements net.Addr.
func (address) Network() string { return "tcp" }

// String implements net.Addr.
func (a address) String() string { return string(a) }
