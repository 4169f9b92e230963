package server

import (
	"context"
	"os"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// peers knows which authenticated peer may speak for which agents.
type peers struct{ list []*configv1.Peer }

// newPeers takes the configured peers. Without any, the decision service's own
// user may speak for every agent on the unix socket: it could read the keys
// anyway.
func newPeers(list []*configv1.Peer) peers {
	if len(list) == 0 {
		uid := uint32(os.Getuid()) //nolint:gosec // user ids fit
		list = []*configv1.Peer{{Uid: &uid, Agents: []string{"*"}}}
	}
	return peers{list: list}
}

// refusal says why the peer of ctx may not receive grants for the agent, nil
// when it may.
func (p peers) refusal(ctx context.Context, agent string) *decision.Reason {
	who, ok := peer.FromContext(ctx)
	if !ok || who.AuthInfo == nil {
		return refused("this connection proves nothing of its peer: use the unix socket or mutual TLS")
	}
	known := false
	for _, one := range p.list {
		if !matches(one, who.AuthInfo) {
			continue
		}
		known = true
		for _, pattern := range one.GetAgents() {
			if decision.Glob(pattern, agent) {
				return nil
			}
		}
	}
	if known {
		return refused("this peer may not speak for the agent " + agent + ": see pdp.peers")
	}
	return refused("this peer is not listed: see pdp.peers")
}

func refused(message string) *decision.Reason {
	return &decision.Reason{Code: decision.CodePeerRefused, Message: message}
}

func matches(p *configv1.Peer, auth credentials.AuthInfo) bool {
	switch info := auth.(type) {
	case unixPeer:
		return p.Uid != nil && p.GetUid() == info.uid
	case credentials.TLSInfo:
		if p.GetSpiffe() == "" || len(info.State.VerifiedChains) == 0 {
			return false
		}
		for _, uri := range info.State.PeerCertificates[0].URIs {
			if decision.Glob(p.GetSpiffe(), uri.String()) {
				return true
			}
		}
	}
	return false
}
