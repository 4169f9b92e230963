package server

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

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
	open    bool // nobody is asked who they are
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
// readiness and metrics. Beyond loopback, whoever asks for anything but health
// must prove who they are, and so everywhere once peers have keys.
func (s *Server) rest(public bool) (h http.Handler, paths []string, err error) {
	table, err := s.routes(public)
	if err != nil {
		return nil, nil, err
	}
	demand := public || s.service.peers.HasKeys()
	for path, one := range table {
		if !one.open {
			one.handler = s.service.proven(demand, one.handler)
			table[path] = one
		}
	}
	if public {
		return identified(answered(s.cfg.Log, noPages(table))), table.paths(), nil
	}
	return identified(answered(s.cfg.Log, localOnly(table))), table.paths(), nil
}

// routes is the whole of what REST serves.
func (s *Server) routes(public bool) (routes, error) {
	gateway := runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{MarshalOptions: protojson.MarshalOptions{EmitUnpopulated: true}}),
		runtime.WithErrorHandler(func(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
			problem.From(unquoted(err)).Write(w)
		}),
		runtime.WithForwardResponseOption(withID),
	)
	if err := decisionv1.RegisterDecisionServiceHandlerServer(context.Background(), gateway, s.service); err != nil {
		return nil, fmt.Errorf("rest: %w", err)
	}
	docs, err := openapi.Page()
	if err != nil {
		return nil, err
	}
	asks := func(m proto.Message) route {
		return route{http.MethodPost, &strict{asks: m.ProtoReflect().Descriptor(), most: restBody(s.cfg.MaxBody), next: gateway}, false}
	}
	shows := func(h http.Handler) route { return route{http.MethodGet, h, false} }
	all := adminRoutes(s.cfg.Admin(public))
	maps.Copy(all, routes{
		"/v1/check":        asks(&decisionv1.CheckRequest{}),
		"/v1/tools:filter": asks(&decisionv1.FilterToolsRequest{}),
		"/openapi.json":    shows(openapi.Document()),
		"/docs":            shows(docs),
	})
	newAuthZEN(s.service, s.shed, s.cfg.MaxBody).routes(all)
	return all, nil
}

// adminRoutes are health and readiness, for everybody, and metrics.
func adminRoutes(admin http.Handler) routes {
	return routes{
		"/healthz": {http.MethodGet, admin, true},
		"/readyz":  {http.MethodGet, admin, true},
		"/metrics": {http.MethodGet, admin, false},
	}
}

// paths lists what is served.
func (all routes) paths() []string { return slices.Collect(maps.Keys(all)) }

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

// noPages refuses requests of web pages: a browser may hold a certificate that
// opens this address.
func noPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" {
			problem.Refuse(decision.CodeOriginRefused, "this address answers no web pages").Write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
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
