package telemetry

import (
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"outrider.dev/outrider/decision"
)

// HTTP times each call and, where spans leave, opens one around it. The
// handler finds the span's context in the traceparent header of its request,
// so that whatever forwards that header forwards the right one.
func (t *Telemetry) HTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		surface := surfaceOf(r.URL.Path)
		defer func() { // an answer that is cut off ends in a panic
			t.Metrics.CallSeconds.WithLabelValues(surface, PhaseCall).Observe(time.Since(start).Seconds())
		}()
		t.spans.serve(w, r, surface, next)
	})
}

// surfaceOf reads the surface from the path; what is served nowhere is other.
func surfaceOf(path string) string {
	switch {
	case strings.HasPrefix(path, "/v1/"):
		return string(decision.LLM)
	case path == "/mcp", strings.HasPrefix(path, "/mcp/"):
		return string(decision.MCP)
	default:
		return other
	}
}

func (s *spans) serve(w http.ResponseWriter, r *http.Request, surface string, next http.Handler) {
	if s.export == nil && r.Header.Get("Traceparent") == "" {
		next.ServeHTTP(w, r)
		return
	}
	ctx := s.context.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := s.tracer.Start(ctx, surface+" call", trace.WithSpanKind(trace.SpanKindServer))
	r = r.WithContext(ctx)
	if !span.IsRecording() {
		next.ServeHTTP(w, r)
		return
	}
	r.Header = r.Header.Clone()
	s.context.Inject(ctx, propagation.HeaderCarrier(r.Header))
	seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	defer seen.end(span)
	next.ServeHTTP(seen, r)
}

// statusWriter remembers the status. Flushing, deadlines and full duplex reach
// the writer below through Unwrap (see http.ResponseController).
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	if status >= http.StatusOK { // informational ones are not the answer
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// end closes the span of the call, however it ended.
func (w *statusWriter) end(span trace.Span) {
	span.SetAttributes(
		attribute.Int("http.response.status_code", w.status),
		attribute.String("outrider.decision", w.Header().Get(decision.IDHeader)))
	if w.status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(w.status))
	}
	span.End()
}

// Unwrap serves http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
