package server

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"outrider.dev/outrider/decision"
	peers "outrider.dev/outrider/pdp/peer"
)

// authenticated is what a listener found out about a peer. It travels where gRPC
// keeps it, beside the call.
type authenticated struct {
	credentials.CommonAuthInfo
	peers.Identity
	kind string
	// again proves the identity once more; nil: it holds as long as the connection.
	again func() error
}

// proof returns what a listener found out in its kind of way.
func proof(id peers.Identity, kind string) authenticated {
	return authenticated{
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}, Identity: id, kind: kind,
	}
}

// AuthType implements credentials.AuthInfo.
func (i authenticated) AuthType() string { return i.kind }

// who returns who asks. The error says why a certificate names nobody.
func who(ctx context.Context) (peers.Identity, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return peers.Identity{}, nil
	}
	switch info := p.AuthInfo.(type) {
	case authenticated:
		return info.Identity, nil
	case credentials.TLSInfo:
		if len(info.State.VerifiedChains) > 0 {
			return peers.Certificate(info.State.PeerCertificates[0])
		}
	}
	return peers.Identity{}, nil
}

// stands reports whether what the peer proved when its stream was opened still
// holds.
func stands(ctx context.Context) bool {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return true
	}
	info, ok := p.AuthInfo.(authenticated)
	return !ok || info.again == nil || info.again() == nil
}

// admit says why the peer of ctx may not ask for the caller, nil where it may,
// and fills in what its identity proves. A connection that proves nothing, on
// loopback, may ask for anybody, and is granted nothing.
func (s *service) admit(ctx context.Context, c *decision.Caller) *decision.Reason {
	id, err := who(ctx)
	switch {
	case err != nil:
		return s.refused(ctx, id, peers.Refused(err.Error()))
	case !id.Proven():
		return nil
	}
	if reason := s.peers.Admit(id, c); reason != nil {
		return s.refused(ctx, id, reason)
	}
	return nil
}

// admitGrants is admit for a peer that wants to forward the call.
func (s *service) admitGrants(ctx context.Context, c *decision.Caller) *decision.Reason {
	if id, err := who(ctx); err == nil && !id.Grantable() {
		return s.refused(ctx, id, peers.Refused("this connection proves nothing of its peer: use the unix socket or mutual TLS"))
	}
	return s.admit(ctx, c)
}

// refused counts and tells of a peer that was refused.
func (s *service) refused(ctx context.Context, id peers.Identity, reason *decision.Reason) *decision.Reason {
	s.events.PeerRefused()
	if s.quiet.pass() {
		attrs := []slog.Attr{slog.String("peer", id.String()), slog.String("why", reason.Message)}
		if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
			attrs = append(attrs, slog.String("from", p.Addr.String()))
		}
		s.log.LogAttrs(ctx, slog.LevelWarn, "a peer was refused", attrs...)
	}
	return reason
}

// quietFor is how long refusals are not spoken of again: whoever is refused
// asks on. They are counted.
const quietFor = 10 * time.Second

// quiet keeps the log calm.
type quiet struct{ last atomic.Int64 }

// pass reports whether it is time to speak again.
func (q *quiet) pass() bool {
	now, last := time.Now().UnixNano(), q.last.Load()
	return now-last >= int64(quietFor) && q.last.CompareAndSwap(last, now)
}
