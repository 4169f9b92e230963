package server

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/pdp/problem"
)

// recovered keeps a fault in one call from ending the service for all agents:
// the call fails, which its asker takes for no answer and refuses.
func recovered(log *slog.Logger) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (_ any, err error) {
			defer fault(ctx, log, info.FullMethod, &err)
			return handle(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
			defer fault(stream.Context(), log, info.FullMethod, &err)
			return handle(srv, stream)
		}),
	}
}

// fault is deferred around one call. The cause goes to the log alone.
func fault(ctx context.Context, log *slog.Logger, method string, err *error) {
	if cause := recover(); cause != nil {
		log.LogAttrs(ctx, slog.LevelError, "a fault in a call",
			slog.String("method", method), slog.Any("cause", cause), slog.String("stack", string(debug.Stack())))
		*err = status.Error(codes.Internal, incomplete)
	}
}

// answered keeps a fault in one HTTP request to itself: the request is answered
// as one that nobody decided.
func answered(log *slog.Logger, next http.Handler) http.Handler {
	serve := func(w http.ResponseWriter, r *http.Request) (err error) {
		defer fault(r.Context(), log, r.URL.Path, &err)
		next.ServeHTTP(w, r)
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			problem.From(err).Write(w)
		}
	})
}
