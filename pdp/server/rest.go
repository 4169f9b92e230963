package server

import (
	"context"
	"fmt"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// rest serves the unary methods as JSON below /v1/, and health, readiness and
// metrics beside them.
func rest(ctx context.Context, s *service, admin http.Handler) (http.Handler, error) {
	gateway := runtime.NewServeMux(runtime.WithMarshalerOption(runtime.MIMEWildcard, strictJSON()))
	if err := decisionv1.RegisterDecisionServiceHandlerServer(ctx, gateway, s); err != nil {
		return nil, fmt.Errorf("rest: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", http.MaxBytesHandler(gateway, messageSlack))
	mux.Handle("/", admin)
	return localOnly(mux), nil
}

// strictJSON refuses members that it does not know: a question with a slip in
// it would be answered as if the member were absent.
func strictJSON() runtime.Marshaler {
	return &runtime.JSONPb{MarshalOptions: protojson.MarshalOptions{EmitUnpopulated: true}}
}

// localOnly refuses requests that a web page in a local browser could have
// made: another host name that was rebound to loopback, or a foreign origin.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !decision.LoopbackHost(r.Host) || r.Header.Get("Origin") != "" {
			http.Error(w, "this address answers programs on this machine only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
