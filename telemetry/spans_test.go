package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// backend is an OTLP collector that keeps what it gets.
type backend struct {
	*httptest.Server
	mu       sync.Mutex
	paths    map[string]bool
	services map[string]bool
	spans    []*otlp.Span
}

func newBackend(t *testing.T) *backend {
	t.Helper()
	b := &backend{paths: map[string]bool{}, services: map[string]bool{}}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := b.take(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *backend) take(r *http.Request) error {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			return err
		}
		body = unzipped
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var req collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(raw, &req); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.paths[r.URL.Path] = true
	for _, resource := range req.GetResourceSpans() {
		for _, a := range resource.GetResource().GetAttributes() {
			b.services[a.GetKey()+"="+a.GetValue().GetStringValue()] = true
		}
		for _, scope := range resource.GetScopeSpans() {
			b.spans = append(b.spans, scope.GetSpans()...)
		}
	}
	return nil
}

// named returns the one span of that name.
func (b *backend) named(t *testing.T, name string) *otlp.Span {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var found *otlp.Span
	for _, s := range b.spans {
		if s.GetName() == name {
			if found != nil {
				t.Fatalf("two spans are called %s", name)
			}
			found = s
		}
	}
	if found == nil {
		t.Fatalf("no span is called %s among %d", name, len(b.spans))
	}
	return found
}

func attributes(s *otlp.Span) map[string]string {
	out := map[string]string{}
	for _, a := range s.GetAttributes() {
		out[a.GetKey()] = a.GetValue().GetStringValue()
		if n := a.GetValue().GetIntValue(); n != 0 {
			out[a.GetKey()] = http.StatusText(int(n))
		}
	}
	return out
}

func tracing(t *testing.T, otlp string) (*Telemetry, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	tel, err := New(Options{Service: "outrider-test", Version: "1.2.3", OTLP: otlp, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return tel, log
}

const (
	agentTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	agentSpan   = "00f067aa0ba902b7"
	traceparent = "00-" + agentTrace + "-" + agentSpan + "-01"
	unsampled   = "00-" + agentTrace + "-" + agentSpan + "-00"
)

// call sends one request through tel.HTTP and returns what the handler saw.
func call(t *testing.T, tel *Telemetry, path, parent string, serve http.HandlerFunc) (seen http.Header) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("{}"))
	if parent != "" {
		r.Header.Set("Traceparent", parent)
		r.Header.Set("Tracestate", "vendor=1")
	}
	r.Header.Set("Baggage", "user=somebody")
	tel.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header
		serve(w, r)
	})).ServeHTTP(httptest.NewRecorder(), r)
	return seen
}

// TestOneSpanACall: the span hangs below the agent's, and what is forwarded
// hangs below ours.
func TestOneSpanACall(t *testing.T) {
	b := newBackend(t)
	tel, _ := tracing(t, b.URL)
	seen := call(t, tel, "/v1/chat/completions", traceparent, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Outrider-Decision", "01J")
		w.WriteHeader(http.StatusForbidden)
	})
	call(t, tel, "/mcp/github", "", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusBadGateway)
	})
	tel.Close(t.Context())

	llm, mcp := b.named(t, "llm call"), b.named(t, "mcp call")
	if hex.EncodeToString(llm.GetTraceId()) != agentTrace || hex.EncodeToString(llm.GetParentSpanId()) != agentSpan {
		t.Errorf("the span is not the agent's child: %v", llm)
	}
	if want := "00-" + agentTrace + "-" + hex.EncodeToString(llm.GetSpanId()) + "-01"; seen.Get("Traceparent") != want || seen.Get("Tracestate") != "vendor=1" {
		t.Errorf("forwarded %v, want %s", seen, want)
	}
	if got := attributes(llm); got["http.response.status_code"] != "Forbidden" || got["outrider.decision"] != "01J" || llm.GetStatus().GetCode() != otlp.Status_STATUS_CODE_UNSET {
		t.Errorf("attributes %v, status %v", got, llm.GetStatus())
	}
	if len(mcp.GetParentSpanId()) != 0 || mcp.GetStatus().GetCode() != otlp.Status_STATUS_CODE_ERROR {
		t.Errorf("the second call: %v", mcp)
	}
	if !b.paths["/v1/traces"] || !b.services["service.name=outrider-test"] || !b.services["service.version=1.2.3"] {
		t.Errorf("sent to %v as %v", b.paths, b.services)
	}
}

// TestPassThrough: without a collector the agent's context travels on as it is.
func TestPassThrough(t *testing.T) {
	tel, _ := build(t)
	if seen := call(t, tel, "/mcp", traceparent, func(http.ResponseWriter, *http.Request) {}); seen.Get("Traceparent") != traceparent {
		t.Errorf("forwarded %v", seen)
	}
	if seen := call(t, tel, "/mcp", "", func(http.ResponseWriter, *http.Request) {}); seen.Get("Traceparent") != "" {
		t.Errorf("invented %v", seen)
	}
	if got := scrape(t, tel); !strings.Contains(got, `outrider_call_seconds_count{phase="call",surface="mcp"} 2`) {
		t.Error("the calls were not timed")
	}
}

// TestUnsampled: what the agent does not sample makes no span here either.
func TestUnsampled(t *testing.T) {
	b := newBackend(t)
	tel, _ := tracing(t, b.URL)
	seen := call(t, tel, "/mcp", unsampled, func(http.ResponseWriter, *http.Request) {})
	tel.Close(t.Context())
	if len(b.spans) != 0 || seen.Get("Traceparent") != unsampled {
		t.Errorf("%d spans, forwarded %v", len(b.spans), seen)
	}
}

// TestCutAnswer: an answer that is cut off is timed and has its span.
func TestCutAnswer(t *testing.T) {
	b := newBackend(t)
	tel, _ := tracing(t, b.URL)
	func() {
		defer func() {
			if recover() != http.ErrAbortHandler { //nolint:errorlint // a panic's value
				t.Error("the panic did not go on")
			}
		}()
		call(t, tel, "/v1/chat/completions", "", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	}()
	tel.Close(t.Context())
	b.named(t, "llm call")
	if got := scrape(t, tel); !strings.Contains(got, `outrider_call_seconds_count{phase="call",surface="llm"} 1`) {
		t.Error("the call was not timed")
	}
}

// TestStreaming: the writer below stays in reach of http.ResponseController.
func TestStreaming(t *testing.T) {
	b := newBackend(t)
	tel, _ := tracing(t, b.URL)
	srv := httptest.NewServer(tel.HTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn := http.NewResponseController(w)
		if err := conn.EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		if err := conn.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, "data")
		if err := conn.Flush(); err != nil {
			t.Error(err)
		}
	})))
	resp, err := srv.Client().Post(srv.URL+"/v1/chat/completions", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(resp.Body); string(body) != "data" {
		t.Errorf("got %q", body)
	}
	_ = resp.Body.Close()
	srv.Close()
	tel.Close(t.Context())
	if got := attributes(b.named(t, "llm call")); got["http.response.status_code"] != "OK" {
		t.Errorf("attributes %v", got)
	}
}

// TestCollectorRefuses: lost spans are counted, told once, and hold nothing up.
func TestCollectorRefuses(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no", http.StatusBadRequest)
	}))
	defer srv.Close()
	tel, log := tracing(t, srv.URL)
	for range 3 {
		call(t, tel, "/mcp", "", func(http.ResponseWriter, *http.Request) {})
		if err := tel.spans.export.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	tel.Close(t.Context())
	if got := scrape(t, tel); !strings.Contains(got, "outrider_spans_lost_total 3") {
		t.Error("the lost spans are not counted")
	}
	if told := strings.Count(log.String(), "takes no spans"); told != 1 {
		t.Errorf("told %d times: %s", told, log)
	}
}

// TestCloseAfterTheEnd: the last spans leave although the context has ended.
func TestCloseAfterTheEnd(t *testing.T) {
	b := newBackend(t)
	tel, _ := tracing(t, b.URL)
	call(t, tel, "/mcp", "", func(http.ResponseWriter, *http.Request) {})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tel.Close(ctx)
	b.named(t, "mcp call")
}
