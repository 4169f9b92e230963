package server

import (
	"context"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/pdp/envoy"
	"outrider.dev/outrider/pdp/envoy/extproc"
	"outrider.dev/outrider/strictjson"
)

// registerEnvoy serves the faces for Envoy beside the decision API.
func (s *Server) registerEnvoy(srv *grpc.Server) {
	cfg := envoy.Config{
		Engine:    s.service.engine,
		Peers:     envoyPeers{s.service},
		Exchanges: s.envoy,
		Limits:    strictjson.Limits{Bytes: s.cfg.MaxBody, Depth: s.cfg.Depth},
		Log:       s.cfg.Log,
	}
	authv3.RegisterAuthorizationServer(srv, envoy.NewAuthorization(cfg))
	extprocv3.RegisterExternalProcessorServer(srv, extproc.New(extproc.Config{
		Engine: cfg.Engine, Peers: cfg.Peers, Exchanges: cfg.Exchanges, Limits: cfg.Limits, Log: cfg.Log,
	}))
}

// envoyPeers tells the faces who is connected.
type envoyPeers struct{ *service }

// Admit implements envoy.Peers.
func (p envoyPeers) Admit(ctx context.Context, c *decision.Caller) *decision.Reason {
	return p.admit(ctx, c)
}

// AdmitGrants implements envoy.Peers.
func (p envoyPeers) AdmitGrants(ctx context.Context, c *decision.Caller) *decision.Reason {
	return p.admitGrants(ctx, c)
}

// Name implements envoy.Peers.
func (p envoyPeers) Name(ctx context.Context) string {
	id, err := who(ctx)
	if err != nil {
		return ""
	}
	return id.Name()
}
