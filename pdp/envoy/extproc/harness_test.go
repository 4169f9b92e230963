package extproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/pdp/envoy"
	"outrider.dev/outrider/strictjson"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	chat     = `{"model":"m","messages":[{"role":"user","content":"hello"}]}`
	streams  = `{"stream":true,"model":"m","messages":[{"role":"user","content":"hello"}]}`
	toolCall = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"list_issues","arguments":{"repo":"a/b"}}}`
	toolList = `{"jsonrpc":"2.0","id":7,"method":"tools/list"}`

	pathChat = "/v1/chat/completions"
	pathMCP  = "/mcp/github"
)

// engine decides as a test says, and remembers.
type engine struct {
	open  func(r *decision.Request) (*decision.Verdict, error)
	judge func(p decision.Part) (*decision.Ruling, error)

	mu      sync.Mutex
	asked   []decision.Request
	judged  int
	settled []decision.Outcome
}

func (e *engine) Open(_ context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, *r)
	v, err := e.open(r)
	if err != nil || !v.Allowed() {
		return v, nil, err
	}
	return v, e, nil
}

func (e *engine) Attempt(context.Context, decision.Attempt) (*decision.Grant, error) {
	return nil, errors.New("there is no other target behind Envoy")
}

func (e *engine) Judge(_ context.Context, p decision.Part) (*decision.Ruling, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.judged++
	if len(e.settled) > 0 {
		return nil, errors.New("a question after the settlement")
	}
	return e.judge(p)
}

func (e *engine) Settle(ctx context.Context, o decision.Outcome) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settled = append(e.settled, o)
	return ctx.Err()
}

// granted allows with a key for the target.
func granted(r *decision.Request, duty bool, splices ...decision.Splice) *decision.Verdict {
	return &decision.Verdict{
		ID: r.ExchangeID, Effect: decision.Allow, Splices: splices, Settlement: []byte("handle"),
		Duty: decision.Duty{JudgeResponse: duty, Settle: true},
		Grants: []decision.Grant{{
			Target:     decision.Target{Provider: r.Target, Origin: "https://api.example"},
			Credential: decision.Credential{Header: decision.HeaderOp{Name: "Authorization", Value: decision.Secret("Bearer k3y")}},
		}},
	}
}

// allows is an engine that lets everything pass. With a duty it is shown the
// answers.
func allows(duty bool) *engine {
	said := map[string]uint64{} // bytes of each lane
	return &engine{
		open: func(r *decision.Request) (*decision.Verdict, error) { return granted(r, duty), nil },
		judge: func(p decision.Part) (*decision.Ruling, error) {
			r := &decision.Ruling{Effect: decision.Allow}
			for _, d := range p.Deltas {
				said[d.Lane] += uint64(len(d.Text))
				r.Releases = append(r.Releases, decision.Release{Lane: d.Lane, Upto: said[d.Lane]})
			}
			if p.Tools != nil {
				r.Visibility = &decision.Visibility{}
				for i := range p.Tools {
					r.Visibility.Show(i)
				}
			}
			return r, nil
		},
	}
}

// denies is an engine that refuses the request, or the answer.
func denies(code decision.Code) *engine {
	return &engine{open: func(r *decision.Request) (*decision.Verdict, error) {
		return &decision.Verdict{ID: r.ExchangeID, Reason: decision.Reason{Code: code, Message: "by policy"}}, nil
	}}
}

func deniesAnswers() *engine {
	e := allows(true)
	e.judge = func(decision.Part) (*decision.Ruling, error) {
		return &decision.Ruling{Reason: decision.Reason{Code: decision.CodeSecret, Message: "a key was found"}}, nil
	}
	return e
}

// peers admits everybody by one name.
type peers struct{ refusal *decision.Reason }

func (p peers) AdmitGrants(context.Context, *decision.Caller) *decision.Reason { return p.refusal }

func (p peers) Name(context.Context) string { return "uid:7" }

func server(e *engine) *Server {
	return New(Config{
		Engine: e, Peers: peers{}, Exchanges: envoy.NewExchanges(),
		Limits: strictjson.Limits{Bytes: 1 << 20, Depth: 64}, Log: slog.New(slog.DiscardHandler),
	})
}

// filter is Envoy's end of a stream: it says what a script has, and takes what
// it is answered as Envoy does, so that it notices what Envoy would not accept.
type filter struct {
	grpc.ServerStream
	ctx    context.Context //nolint:containedctx // that of the stream
	script []*extprocv3.ProcessingRequest
	lost   error // after the script; nil: Envoy ends the stream in good order
	modes  *extprocv3.ProtocolConfiguration

	faults  []string
	refusal *extprocv3.ImmediateResponse
	request half
	answer  half
}

// half is one direction of a call.
type half struct {
	headers  *extprocv3.HeaderMutation // nil: they have not travelled on
	body     []byte
	replaced bool // the body is not the one that came
	ended    bool
	trailers *extprocv3.HeaderMutation
	mutation *extprocv3.HeaderMutation // that came with a buffered body
	done     bool                      // a buffered body was answered
}

func (f *filter) Context() context.Context { return f.ctx }

func (f *filter) Recv() (*extprocv3.ProcessingRequest, error) {
	if len(f.script) == 0 {
		if f.lost != nil {
			return nil, f.lost
		}
		return nil, io.EOF
	}
	m := f.script[0]
	f.script = f.script[1:]
	return m, nil
}

func (f *filter) Send(m *extprocv3.ProcessingResponse) error {
	if f.refusal != nil {
		f.fault("a message after a refusal: %v", m)
	}
	switch r := m.GetResponse().(type) {
	case *extprocv3.ProcessingResponse_ImmediateResponse:
		f.refusal = r.ImmediateResponse
		if f.answer.headers != nil && f.modes.GetResponseBodyMode() != filterv3.ProcessingMode_BUFFERED {
			f.fault("a refusal of an answer that has begun")
		}
	case *extprocv3.ProcessingResponse_RequestHeaders:
		f.heads(&f.request, r.RequestHeaders)
	case *extprocv3.ProcessingResponse_ResponseHeaders:
		f.heads(&f.answer, r.ResponseHeaders)
	case *extprocv3.ProcessingResponse_RequestBody:
		f.body(&f.request, f.modes.GetRequestBodyMode(), r.RequestBody)
	case *extprocv3.ProcessingResponse_ResponseBody:
		f.body(&f.answer, f.modes.GetResponseBodyMode(), r.ResponseBody)
	case *extprocv3.ProcessingResponse_RequestTrailers:
		f.request.trailers, f.request.ended = r.RequestTrailers.GetHeaderMutation(), true
	case *extprocv3.ProcessingResponse_ResponseTrailers:
		f.answer.trailers, f.answer.ended = r.ResponseTrailers.GetHeaderMutation(), true
	default:
		f.fault("a message of no kind")
	}
	return nil
}

func (f *filter) fault(format string, args ...any) {
	f.faults = append(f.faults, fmt.Sprintf(format, args...))
}

func (f *filter) heads(h *half, m *extprocv3.HeadersResponse) {
	if h.headers != nil {
		f.fault("headers twice")
	}
	h.headers = &extprocv3.HeaderMutation{}
	if own := m.GetResponse().GetHeaderMutation(); own != nil {
		h.headers = own
	}
}

func (f *filter) body(h *half, mode filterv3.ProcessingMode_BodySendMode, m *extprocv3.BodyResponse) {
	if h.headers == nil {
		f.fault("a body before its headers")
	}
	mutation := m.GetResponse().GetBodyMutation()
	if mode != filterv3.ProcessingMode_FULL_DUPLEX_STREAMED {
		if h.done && mode == filterv3.ProcessingMode_BUFFERED || mutation.GetStreamedResponse() != nil {
			f.fault("a buffered body is answered twice, or in pieces")
		}
		h.done, h.mutation, h.replaced = true, m.GetResponse().GetHeaderMutation(), mutation != nil
		h.body, h.ended = mutation.GetBody(), true
		return
	}
	piece := mutation.GetStreamedResponse()
	if piece == nil || h.ended {
		f.fault("a body that is not streamed, or goes on after its end")
	}
	h.body = append(h.body, piece.GetBody()...)
	h.ended = piece.GetEndOfStream()
}

// config is how a call is shown.
type config struct {
	request, response filterv3.ProcessingMode_BodySendMode
	metadata          []string // pairs
	exchange          string   // in ext_authz' metadata
}

func usual() config {
	return config{request: buffered, response: duplex, metadata: []string{"x-outrider-agent", "a", "x-outrider-provider", "openai"}}
}

func onMCP(c config) config {
	c.metadata = []string{"x-outrider-agent", "a", "x-outrider-server", "github"}
	return c
}

// play runs a script, whose first message gets what Envoy tells with it.
func play(t *testing.T, s *Server, c config, script ...*extprocv3.ProcessingRequest) *filter {
	t.Helper()
	f := prepared(t, c, script)
	run(t, s, f)
	return f
}

func prepared(t *testing.T, c config, script []*extprocv3.ProcessingRequest) *filter {
	t.Helper()
	f := &filter{
		ctx:    metadata.NewIncomingContext(t.Context(), metadata.Pairs(c.metadata...)),
		script: script,
		modes:  &extprocv3.ProtocolConfiguration{RequestBodyMode: c.request, ResponseBodyMode: c.response},
	}
	if len(script) > 0 {
		script[0].ProtocolConfig = f.modes
		if c.exchange != "" {
			script[0].MetadataContext = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{
				envoy.Namespace: {Fields: map[string]*structpb.Value{envoy.ExchangeKey: structpb.NewStringValue(c.exchange)}},
			}}
		}
	}
	return f
}

func run(t *testing.T, s *Server, f *filter) {
	t.Helper()
	err := s.Process(f)
	for _, fault := range f.faults {
		t.Errorf("Envoy would not accept: %s", fault)
	}
	if err == nil && f.refusal == nil && !f.answer.ended && f.answer.headers == nil {
		t.Error("a call was left to Envoy, which then goes on by itself")
	}
	s.Exchanges.Close()
}

// The messages of Envoy.

func headerMap(pairs []string) *corev3.HeaderMap {
	out := &corev3.HeaderMap{}
	for i := 0; i+1 < len(pairs); i += 2 {
		out.Headers = append(out.Headers, &corev3.HeaderValue{Key: pairs[i], RawValue: []byte(pairs[i+1])})
	}
	return out
}

func asks(method, path string, last bool, pairs ...string) *extprocv3.ProcessingRequest {
	pairs = append([]string{":method", method, ":path", path, ":authority", "here"}, pairs...)
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestHeaders{
		RequestHeaders: &extprocv3.HttpHeaders{Headers: headerMap(pairs), EndOfStream: last},
	}}
}

// posts is the head of a usual call.
func posts(path string, pairs ...string) *extprocv3.ProcessingRequest {
	return asks("POST", path, false, append([]string{
		"content-type", "application/json", "content-length", "99", "authorization", "Bearer t0ken", "x-request-id", "1", "x-forwarded-proto", "http",
	}, pairs...)...)
}

func sends(body string, last bool) *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestBody{
		RequestBody: &extprocv3.HttpBody{Body: []byte(body), EndOfStream: last},
	}}
}

func sendsTrailers(pairs ...string) *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestTrailers{
		RequestTrailers: &extprocv3.HttpTrailers{Trailers: headerMap(pairs)},
	}}
}

func answers(status, kind string, last bool, pairs ...string) *extprocv3.ProcessingRequest {
	pairs = append([]string{":status", status, "content-type", kind}, pairs...)
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseHeaders{
		ResponseHeaders: &extprocv3.HttpHeaders{Headers: headerMap(pairs), EndOfStream: last},
	}}
}

func says(body string, last bool) *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseBody{
		ResponseBody: &extprocv3.HttpBody{Body: []byte(body), EndOfStream: last},
	}}
}

func saysTrailers(pairs ...string) *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseTrailers{
		ResponseTrailers: &extprocv3.HttpTrailers{Trailers: headerMap(pairs)},
	}}
}

// What a test wants.

// value returns what a header is set to.
func value(m *extprocv3.HeaderMutation, name string) string {
	var out []string
	for _, h := range m.GetSetHeaders() {
		if h.GetHeader().GetKey() == name {
			out = append(out, string(h.GetHeader().GetRawValue()))
		}
	}
	return strings.Join(out, "|")
}

func removes(m *extprocv3.HeaderMutation, name string) bool {
	return slices.Contains(m.GetRemoveHeaders(), name)
}

func (f *filter) wantRefused(t *testing.T, status int, code decision.Code) {
	t.Helper()
	if f.refusal == nil {
		t.Fatalf("not refused; the answer is %q", f.answer.body)
	}
	if got := int(f.refusal.GetStatus().GetCode()); got != status || !strings.Contains(string(f.refusal.GetBody()), string(code)) {
		t.Fatalf("refused with %d %s, want %d %s", got, f.refusal.GetBody(), status, code)
	}
	if got := value(f.refusal.GetHeaders(), "content-type"); got != "application/json" {
		t.Errorf("the refusal is sent as %q", got)
	}
	if value(f.refusal.GetHeaders(), "outrider-decision") == "" {
		t.Error("the refusal names no decision")
	}
}

func (e *engine) wantSettled(t *testing.T, end decision.End) decision.Outcome {
	t.Helper()
	if len(e.settled) != 1 || e.settled[0].End != end {
		t.Fatalf("settled %+v, want once as %s", e.settled, end)
	}
	return e.settled[0]
}
