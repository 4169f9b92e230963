package server

import (
	"context"
	"fmt"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/pdp/openapi"
	"outrider.dev/outrider/pdp/problem"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// route is what one path serves.
type route struct {
	method  string
	handler http.Handler
}

// routes are the paths of the HTTP address, each whole: there are no prefixes
// below which something else could be reached.
type routes map[string]route

// ServeHTTP answers what is served, and problems for the rest.
func (all routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	one, ok := all[r.URL.Path]
	switch {
	case !ok:
		problem.Refuse(decision.CodePathUnknown, "nothing is served under this path: see /docs").Write(w)
	case r.Method == one.method, r.Method == http.MethodHead && one.method == http.MethodGet:
		one.handler.ServeHTTP(w, r)
	default:
		w.Header().Set("Allow", one.method)
		problem.Refuse(decision.CodeMethodNotAllowed, "this path answers "+one.method+" only").Write(w)
	}
}

// rest serves questions as JSON, the document that describes them, and health,
// readiness and metrics.
func rest(ctx context.Context, s *service, maxBody int, admin http.Handler) (http.Handler, error) {
	gateway := runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{MarshalOptions: protojson.MarshalOptions{EmitUnpopulated: true}}),
		runtime.WithErrorHandler(func(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
			problem.From(unquoted(err)).Write(w)
		}),
		runtime.WithForwardResponseOption(withID),
	)
	if err := decisionv1.RegisterDecisionServiceHandlerServer(ctx, gateway, s); err != nil {
		return nil, fmt.Errorf("rest: %w", err)
	}
	docs, err := openapi.Page()
	if err != nil {
		return nil, err
	}
	asks := func(m proto.Message) route {
		return route{http.MethodPost, &strict{asks: m.ProtoReflect().Descriptor(), most: restBody(maxBody), next: gateway}}
	}
	shows := func(h http.Handler) route { return route{http.MethodGet, h} }
	all := routes{
		"/v1/check":        asks(&decisionv1.CheckRequest{}),
		"/v1/tools:filter": asks(&decisionv1.FilterToolsRequest{}),
		"/openapi.json":    shows(openapi.Document()),
		"/docs":            shows(docs),
		"/healthz":         shows(admin),
		"/readyz":          shows(admin),
		"/metrics":         shows(admin),
	}
	newAuthZEN(s, maxBody).routes(all)
	return identified(answered(s.log, localOnly(all))), nil
}

// restBody is how large the body of a question may be whose own body has up to
// maxBody bytes: those are written in base64.
func restBody(maxBody int) int { return maxBody/3*4 + messageSlack }

// identified repeats the name that an asker gave its request, whatever becomes
// of it.
func identified(next http.Handler) http.Handler {
	const header = "X-Request-ID"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id := r.Header.Get(header); id != "" {
			w.Header().Set(header, id)
		}
		next.ServeHTTP(w, r)
	})
}

// withID puts the decision's id into a header, as the road does.
func withID(_ context.Context, w http.ResponseWriter, m proto.Message) error {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if answer, ok := m.(*decisionv1.CheckResponse); ok {
		w.Header().Set(decision.IDHeader, answer.GetVerdict().GetId())
	}
	return nil
}

// localOnly refuses requests that a web page in a local browser could have
// made: another host name that was rebound to loopback, or a foreign origin.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !decision.LoopbackHost(r.Host) || r.Header.Get("Origin") != "" {
			problem.Refuse(decision.CodeOriginRefused, "this address answers programs on this machine only").Write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}
