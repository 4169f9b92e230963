package server

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"outrider.dev/outrider/decision"
	peers "outrider.dev/outrider/pdp/peer"
)

// Workloads says whose service account a token proves.
type Workloads interface {
	ServiceAccount(bearer decision.Secret) (peers.Identity, error)
}

// byToken returns what asks every call of a TLS listener for a proof: the
// connection's certificate, or a token of a workload. A call without either
// reaches no method, health and reflection included.
func (s *Server) byToken() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			ctx, err := s.prove(ctx)
			if err != nil {
				return nil, err
			}
			return next(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			ctx, err := s.prove(stream.Context())
			if err != nil {
				return err
			}
			return next(srv, provenStream{stream, ctx})
		}),
	}
}

// provenStream is a stream whose peer has shown a token.
type provenStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // that is how gRPC hands it on
}

// Context implements grpc.ServerStream.
func (p provenStream) Context() context.Context { return p.ctx }

// prove returns ctx with who the peer's token names in the place of what the
// connection told of it.
func (s *Server) prove(ctx context.Context) (context.Context, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil, asStatus(decision.Refuse(decision.CodePeerRefused, "nothing is known of this peer"))
	}
	if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(info.State.VerifiedChains) > 0 {
		return ctx, nil
	}
	token := shownToken(ctx)
	id, err := s.cfg.Workloads.ServiceAccount(token)
	if err != nil {
		reason := peers.Refused("this peer showed no certificate, and its token does not count: " + err.Error())
		s.service.refused(ctx, peers.Identity{}, reason)
		return nil, asStatus(decision.Refuse(reason.Code, reason.Message))
	}
	shown := proof(id, "workload")
	shown.again = func() error {
		_, err := s.cfg.Workloads.ServiceAccount(token)
		return err
	}
	own := *p
	own.AuthInfo = shown
	return peer.NewContext(ctx, &own), nil
}

// shownToken returns the token of a call, empty where there is none or several.
func shownToken(ctx context.Context) decision.Secret {
	md, _ := metadata.FromIncomingContext(ctx)
	values := md.Get("authorization")
	if len(values) != 1 {
		return nil
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil
	}
	return decision.Secret(strings.TrimSpace(token))
}
