package road

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/pdp/envoy"
)

// accompanied is one call of an Envoy with ext_proc, whose requests are
// buffered, or streamed as its answers are.
type accompanied struct {
	duplex bool
	t      *testing.T
	stream extprocv3.ExternalProcessor_ProcessClient
	call
	header *extprocv3.HeaderMutation // of the request that travels on
	sent   []byte                    // its body
}

// targetOf is where a route of Envoy leads that serves the path.
func targetOf(path string) (key, name string) {
	server, named := strings.CutPrefix(path, pathMCP+"/")
	switch {
	case named:
		return "server", server
	case path == pathMCP:
		return "server", "github"
	default:
		return "provider", "main"
	}
}

// accompany begins a call. An exchange is that of ext_authz, in front.
func (r *Road) accompany(t *testing.T, c call, exchange string, duplex bool) *accompanied {
	t.Helper()
	conn, err := grpc.NewClient("unix://"+r.socket(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(16<<20)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	key, name := targetOf(c.path)
	md := []string{"x-outrider-agent", agentName, "x-outrider-labels", "app=road", "x-outrider-" + key, name}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	t.Cleanup(cancel)
	stream, err := extprocv3.NewExternalProcessorClient(conn).Process(metadata.AppendToOutgoingContext(ctx, md...))
	if err != nil {
		t.Fatal(err)
	}
	a := &accompanied{duplex: duplex, t: t, stream: stream, call: c, sent: []byte(c.body)}
	first := &extprocv3.ProcessingRequest{
		Request: &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: &extprocv3.HttpHeaders{Headers: a.headerMap()}},
		ProtocolConfig: &extprocv3.ProtocolConfiguration{
			RequestBodyMode: a.mode(), ResponseBodyMode: filterv3.ProcessingMode_FULL_DUPLEX_STREAMED,
		},
	}
	if exchange != "" {
		first.MetadataContext = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{
			envoy.Namespace: {Fields: map[string]*structpb.Value{envoy.ExchangeKey: structpb.NewStringValue(exchange)}},
		}}
	}
	a.say(first)
	return a
}

func (a *accompanied) mode() filterv3.ProcessingMode_BodySendMode {
	if a.duplex {
		return filterv3.ProcessingMode_FULL_DUPLEX_STREAMED
	}
	return filterv3.ProcessingMode_BUFFERED
}

func (a *accompanied) headerMap() *corev3.HeaderMap {
	out := &corev3.HeaderMap{Headers: []*corev3.HeaderValue{
		{Key: ":method", RawValue: []byte(a.verb())}, {Key: ":path", RawValue: []byte(a.path)},
	}}
	for name, values := range a.headers() {
		for _, value := range values {
			out.Headers = append(out.Headers, &corev3.HeaderValue{Key: strings.ToLower(name), RawValue: []byte(value)})
		}
	}
	return out
}

func (a *accompanied) say(m *extprocv3.ProcessingRequest) {
	a.t.Helper()
	if err := a.stream.Send(m); err != nil && !errors.Is(err, io.EOF) { // the end is for hear to tell
		a.t.Fatal(err)
	}
}

func (a *accompanied) hear() *extprocv3.ProcessingResponse {
	a.t.Helper()
	m, err := a.stream.Recv()
	if err != nil {
		a.t.Fatalf("Envoy would do what its failure mode says: %v", err)
	}
	return m
}

// request has the request judged. The refusal is nil where it travels on.
func (a *accompanied) request() *extprocv3.ImmediateResponse {
	a.t.Helper()
	if a.duplex {
		return a.streamed()
	}
	m := a.hear()
	if m.GetRequestHeaders() != nil {
		a.say(&extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestBody{
			RequestBody: &extprocv3.HttpBody{Body: []byte(a.body), EndOfStream: true},
		}})
		m = a.hear()
	}
	if refusal := m.GetImmediateResponse(); refusal != nil {
		return refusal
	}
	answer := m.GetRequestBody().GetResponse()
	if answer == nil {
		a.t.Fatalf("answered %v", m)
	}
	if changed := answer.GetBodyMutation(); changed != nil {
		a.sent = changed.GetBody()
	}
	a.header = answer.GetHeaderMutation()
	return nil
}

// streamed is request for a body that comes in pieces.
func (a *accompanied) streamed() *extprocv3.ImmediateResponse {
	a.t.Helper()
	half := len(a.body) / 2
	for i, piece := range []string{a.body[:half], a.body[half:], ""} {
		a.say(&extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestBody{
			RequestBody: &extprocv3.HttpBody{Body: []byte(piece), EndOfStream: i == 2},
		}})
	}
	head := a.hear()
	if refusal := head.GetImmediateResponse(); refusal != nil {
		return refusal
	}
	a.header = head.GetRequestHeaders().GetResponse().GetHeaderMutation()
	body := a.hear().GetRequestBody().GetResponse().GetBodyMutation().GetStreamedResponse()
	if a.header == nil || !body.GetEndOfStream() {
		a.t.Fatalf("answered %v, %v", head, body)
	}
	a.sent = body.GetBody()
	return nil
}

// answer plays an answer in pieces, and returns what the agent gets of it.
func (a *accompanied) answer(kind string, pieces ...string) (string, *extprocv3.ImmediateResponse) {
	a.t.Helper()
	a.say(&extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseHeaders{ResponseHeaders: &extprocv3.HttpHeaders{
		Headers: &corev3.HeaderMap{Headers: []*corev3.HeaderValue{
			{Key: ":status", RawValue: []byte("200")}, {Key: "content-type", RawValue: []byte(kind)},
		}},
	}}})
	for i, piece := range pieces {
		a.say(&extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseBody{
			ResponseBody: &extprocv3.HttpBody{Body: []byte(piece), EndOfStream: i == len(pieces)-1},
		}})
	}
	var out strings.Builder
	for {
		m := a.hear()
		if refusal := m.GetImmediateResponse(); refusal != nil {
			return out.String(), refusal
		}
		piece := m.GetResponseBody().GetResponse().GetBodyMutation().GetStreamedResponse()
		out.Write(piece.GetBody())
		if piece.GetEndOfStream() {
			break
		}
	}
	if err := a.stream.CloseSend(); err != nil {
		a.t.Fatal(err)
	}
	if _, err := a.stream.Recv(); !errors.Is(err, io.EOF) {
		a.t.Errorf("the stream ends with %v", err)
	}
	return out.String(), nil
}

// key is the credential that came in.
func (a *accompanied) key() string {
	for _, h := range a.header.GetSetHeaders() {
		if h.GetHeader().GetKey() == "authorization" {
			return string(h.GetHeader().GetRawValue())
		}
	}
	return ""
}

// paired asks ext_authz, as the filter in front does, and returns the exchange
// that it opened and the call without the headers that it took out.
func (r *Road) paired(t *testing.T, c call) (exchange string, rest call, code decision.Code) {
	t.Helper()
	key, name := targetOf(c.path)
	resp := check(t, r.onSocket(t), asEnvoy(c, map[string]string{key: name, "paired": "true"}))
	ok := resp.GetOkResponse()
	if ok == nil {
		return "", c, codeIn(t, c.path, []byte(resp.GetDeniedResponse().GetBody()))
	}
	rest = call{path: c.path, body: c.body, add: c.add, method: c.method}
	for i := 0; i+1 < len(c.header); i += 2 {
		if !slices.Contains(ok.GetHeadersToRemove(), strings.ToLower(c.header[i])) {
			rest.header = append(rest.header, c.header[i], c.header[i+1])
		}
	}
	return resp.GetDynamicMetadata().GetFields()[envoy.ExchangeKey].GetStringValue(), rest, ""
}

// byExtProc sends calls the way of an Envoy with ext_proc, alone or behind
// ext_authz.
func byExtProc(pairs, duplex bool) func(*testing.T, *Road) func(*testing.T, call) decision.Code {
	return func(_ *testing.T, r *Road) func(*testing.T, call) decision.Code {
		return func(t *testing.T, c call) decision.Code {
			t.Helper()
			if c.path == pathMCP { // the route leads to one server, whose tools have their own names
				c.body = strings.ReplaceAll(c.body, "github__", "")
			}
			exchange := ""
			if pairs {
				var code decision.Code
				if exchange, c, code = r.paired(t, c); code != "" {
					return code
				}
			}
			refusal := r.accompany(t, c, exchange, duplex).request()
			if refusal == nil {
				return ""
			}
			return codeIn(t, c.path, refusal.GetBody())
		}
	}
}

// TestExtProc makes calls as an Envoy with ext_proc, alone and behind
// ext_authz: what guards change is changed on both ways, the key comes in, and
// the call is settled once, with what it used.
func TestExtProc(t *testing.T) {
	for _, pairs := range []bool{false, true} {
		t.Run(map[bool]string{false: "alone", true: "paired"}[pairs], func(t *testing.T) {
			r := overTheWire(t, newSetup(t))
			token := r.token(t, scopeRead)
			begin := func(c call) *accompanied {
				exchange := ""
				if pairs {
					exchange, c, _ = r.paired(t, c)
				}
				a := r.accompany(t, c, exchange, pairs)
				if refusal := a.request(); refusal != nil {
					t.Fatalf("refused: %s", refusal.GetBody())
				}
				return a
			}
			mcp := attack{}.call(pathMCP+"/github", token)
			mcp.body = toolCall("list_issues", `{"repo":"ann@example.com"}`)
			a := begin(mcp)
			if a.key() != "Bearer "+r.keys()["github"] || !strings.Contains(string(a.sent), `"[EMAIL]"`) {
				t.Errorf("sent %s with %q", a.sent, a.key())
			}
			if got, refusal := a.answer("application/json", rpcResult("ann@exam"), rpcResult("")); got != "" || refusal.GetStatus().GetCode() != http.StatusBadGateway {
				t.Errorf("an answer of two documents: %s %v", got, refusal)
			}
			got, _ := begin(mcp).answer("application/json", `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"ann@exam`, `ple.com"}]}}`)
			if !strings.Contains(got, `"[EMAIL]"`) {
				t.Errorf("the agent gets %s", got)
			}
			got, _ = begin(call{path: pathChat, body: chat("grok-4", "hello", streamed), header: attack{}.call(pathChat, token).header}).
				answer("text/event-stream", chunks(content, "All is ", "well. ")...)
			if !strings.Contains(got, "well. ") {
				t.Errorf("the agent gets %s", got)
			}
			if last := r.lastOutcome(t, 3); last.End != decision.EndCompleted || last.Usage.Output == 0 {
				t.Errorf("settled %+v", last)
			}
		})
	}
}

func rpcResult(text string) string {
	return `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"` + text + `"}]}}`
}
