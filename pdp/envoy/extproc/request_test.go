package extproc

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	filterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"outrider.dev/outrider/decision"
)

// edited allows with an edit and headers of the policy.
func edited(duty bool) *engine {
	e := allows(duty)
	e.open = func(r *decision.Request) (*decision.Verdict, error) {
		at := uint32(strings.Index(string(r.Body.Raw), "hello"))
		v := granted(r, duty, decision.Splice{Start: at, End: at + 5, With: []byte("[NAME]")})
		v.Headers = []decision.HeaderOp{{Name: "X-Team", Value: decision.Secret("dev")}}
		return v, nil
	}
	return e
}

// TestRequestTravels: what goes on is what the policy made of the request, with
// the target's key and without the agent's token.
func TestRequestTravels(t *testing.T) {
	asEdited := strings.Replace(chat, "hello", "[NAME]", 1)
	inFull := usual()
	inFull.request = duplex
	for _, tt := range []struct {
		name   string
		c      config
		e      *engine
		script []*extprocv3.ProcessingRequest
		body   string // empty: it goes as it came
	}{
		{"buffered", usual(), allows(false), []*extprocv3.ProcessingRequest{sends(chat, true)}, ""},
		{"buffered, edited", usual(), edited(false), []*extprocv3.ProcessingRequest{sends(chat, true)}, asEdited},
		{"buffered, with trailers", usual(), edited(false), []*extprocv3.ProcessingRequest{sends(chat, false), sendsTrailers("x-t", "1")}, asEdited},
		{"in full duplex", inFull, edited(false), []*extprocv3.ProcessingRequest{sends(chat, true)}, asEdited},
		{"in pieces", inFull, edited(false), []*extprocv3.ProcessingRequest{sends(chat[:9], false), sends("", false), sends(chat[9:], false), sends("", true)}, asEdited},
		{"with trailers", inFull, edited(false), []*extprocv3.ProcessingRequest{sends(chat[:9], false), sends(chat[9:], false), sendsTrailers("x-t", "1")}, asEdited},
		{"whose end comes twice", inFull, edited(false), []*extprocv3.ProcessingRequest{sends(chat, true), sends("", true)}, asEdited},
	} {
		t.Run(tt.name, func(t *testing.T) {
			script := append([]*extprocv3.ProcessingRequest{posts(pathChat)}, tt.script...)
			script = append(script, answers("200", "application/json", false), says(`{"choices":[]}`, true))
			f := play(t, server(tt.e), tt.c, script...)
			m := f.request.mutation
			if tt.c.request == duplex {
				m = f.request.headers
			}
			if value(m, "authorization") != "Bearer k3y" || value(m, "accept-encoding") != "identity" {
				t.Errorf("the key did not come in: %v", m)
			}
			if !removes(m, "x-forwarded-proto") || removes(m, "x-request-id") || removes(m, "content-type") {
				t.Errorf("taken out: %v", m.GetRemoveHeaders())
			}
			switch {
			case tt.body == "" && (f.request.replaced || removes(m, "content-length")):
				t.Error("the body is not what came")
			case tt.body != "" && string(f.request.body) != tt.body:
				t.Errorf("body %s, want %s", f.request.body, tt.body)
			case tt.body != "" && tt.c.request == buffered && value(m, "content-length") != strconv.Itoa(len(asEdited)),
				tt.c.request == duplex && !removes(m, "content-length"):
				t.Errorf("the length is %q", value(m, "content-length"))
			}
			if last := tt.script[len(tt.script)-1]; last.GetRequestTrailers() != nil && !removes(f.request.trailers, "x-t") {
				t.Error("a trailer travels on")
			}
			if !f.request.ended || !f.answer.ended {
				t.Error("the call did not end")
			}
			got := tt.e.wantSettled(t, decision.EndCompleted)
			if got.Provider != "openai" || string(got.Settlement) != "handle" || got.ExchangeID != tt.e.asked[0].ExchangeID {
				t.Errorf("settled %+v", got)
			}
		})
	}
}

func TestRequestWithoutBody(t *testing.T) {
	e := allows(true)
	f := play(t, server(e), usual(), asks("GET", "/v1/models", true, "authorization", "Bearer t0ken"),
		answers("200", "application/json", false), says(`{"data":[]}`, true))
	if value(f.request.headers, "authorization") != "Bearer k3y" || string(f.answer.body) != `{"data":[]}` || !f.answer.ended {
		t.Errorf("got %+v", f)
	}
	e.wantSettled(t, decision.EndCompleted)
}

func TestQuestion(t *testing.T) {
	e := denies(decision.CodeNotAllowed)
	play(t, server(e), onMCP(usual()), posts(pathMCP, "mcp-protocol-version", "2025-06-18"), sends(toolCall, true))
	q := e.asked[0]
	if q.Surface != decision.MCP || q.Server != "github" || q.Target != "github" || q.Tool.Exposed != "list_issues" ||
		q.Caller.Agent != "a" || string(q.Caller.Bearer) != "t0ken" || q.HTTP.Headers["mcp-protocol-version"] != "2025-06-18" {
		t.Errorf("asked %+v", q)
	}
	full := decision.Face{Edits: true, Headers: true, Responses: true, Streams: true, Settles: true, Forwards: true}
	if q.Face != full {
		t.Errorf("the face is %+v", q.Face)
	}
}

// TestRequestRefused: whatever stands in the way, the agent gets an answer in
// its protocol, and nothing travels on.
func TestRequestRefused(t *testing.T) {
	none := usual()
	none.request = filterv3.ProcessingMode_NONE
	streamed := usual()
	streamed.request = filterv3.ProcessingMode_STREAMED
	inFull := usual()
	inFull.request = duplex
	blind := usual()
	blind.response = filterv3.ProcessingMode_NONE
	elsewhere := usual()
	elsewhere.metadata = []string{"x-outrider-agent", "a", "x-outrider-server", "github"}
	nowhere := usual()
	nowhere.metadata = []string{"x-outrider-agent", "a"}
	nobody := usual()
	nobody.metadata = []string{"x-outrider-provider", "openai"}
	misread := usual()
	misread.metadata = append(misread.metadata, "x-outrider-colour", "red")
	paired := usual()
	paired.metadata = append(paired.metadata, "x-outrider-paired", "true")
	watching := posts(pathChat)
	watching.ObservabilityMode = true
	unruly := allows(false)
	unruly.open = func(*decision.Request) (*decision.Verdict, error) { return nil, errors.New("nobody is there") }
	foreign := allows(false)
	foreign.open = func(r *decision.Request) (*decision.Verdict, error) {
		v := granted(r, false)
		v.Grants[0].Target.Provider = "other"
		return v, nil
	}
	misfit := allows(false)
	misfit.open = func(r *decision.Request) (*decision.Verdict, error) {
		return granted(r, false, decision.Splice{Start: 1 << 20, End: 1 << 21}), nil
	}
	faulty := allows(false)
	faulty.open = func(*decision.Request) (*decision.Verdict, error) { panic("a fault") }
	large := `{"model":"` + strings.Repeat("m", 1<<20) + `"}`
	const cannot, bad = decision.CodeFaceCannotEnforce, decision.CodeBodyInvalid
	for _, tt := range []struct {
		name   string
		c      config
		e      *engine
		status int
		code   decision.Code
		script []*extprocv3.ProcessingRequest
	}{
		{"by a rule", usual(), denies(decision.CodeDeniedByRule), 403, decision.CodeDeniedByRule, []*extprocv3.ProcessingRequest{posts(pathChat), sends(chat, true)}},
		{"without a token", usual(), denies(decision.CodeTokenMissing), 401, decision.CodeTokenMissing, []*extprocv3.ProcessingRequest{posts(pathChat), sends(chat, true)}},
		{"nobody decides", usual(), unruly, 503, decision.CodePDPUnavailable, []*extprocv3.ProcessingRequest{posts(pathChat), sends(chat, true)}},
		{"a fault", usual(), faulty, 500, decision.CodeInternal, []*extprocv3.ProcessingRequest{posts(pathChat), sends(chat, true)}},
		{"another target", usual(), foreign, 403, cannot, []*extprocv3.ProcessingRequest{posts(pathChat), sends(chat, true)}},
		{"edits that do not fit", usual(), misfit, 403, decision.CodeEditConflict, []*extprocv3.ProcessingRequest{posts(pathChat), sends(chat, true)}},
		{"an unknown path", usual(), allows(false), 404, decision.CodeMethodUnknown, []*extprocv3.ProcessingRequest{posts("/v1/other")}},
		{"a query", usual(), allows(false), 403, cannot, []*extprocv3.ProcessingRequest{posts(pathChat + "?x=1")}},
		{"another method", usual(), allows(false), 405, decision.CodeMethodNotAllowed, []*extprocv3.ProcessingRequest{asks("GET", pathChat, true)}},
		{"a compressed body", usual(), allows(false), 415, decision.CodeBodyEncoding, []*extprocv3.ProcessingRequest{posts(pathChat, "content-encoding", "gzip")}},
		{"a second content type", usual(), allows(false), 415, decision.CodeContentType, []*extprocv3.ProcessingRequest{posts(pathChat, "content-type", "text/plain")}},
		{"no body", usual(), allows(false), 400, bad, []*extprocv3.ProcessingRequest{asks("POST", pathChat, true, "content-type", "application/json")}},
		{"a body where none belongs", usual(), allows(false), 400, bad, []*extprocv3.ProcessingRequest{asks("GET", "/v1/models", false), sends("{}", true)}},
		{"two keys of one name", usual(), allows(false), 400, bad, []*extprocv3.ProcessingRequest{posts(pathChat), sends(`{"model":"a","model":"b","messages":[]}`, true)}},
		{"a large body", usual(), allows(false), 413, decision.CodeBodyTooLarge, []*extprocv3.ProcessingRequest{posts(pathChat), sends(large, true)}},
		{"a large body in pieces", inFull, allows(false), 413, decision.CodeBodyTooLarge, []*extprocv3.ProcessingRequest{posts(pathChat), sends(large[:1<<19], false), sends(large[1<<19:], true)}},
		{"a body that is not shown", none, allows(false), 403, cannot, []*extprocv3.ProcessingRequest{posts(pathChat)}},
		{"a body that is not held", streamed, allows(false), 403, cannot, []*extprocv3.ProcessingRequest{posts(pathChat)}},
		{"answers that are not shown", blind, allows(true), 403, cannot, []*extprocv3.ProcessingRequest{posts(pathChat), sends(chat, true)}},
		{"a list that is not shown", onMCP(blind), allows(false), 403, cannot, []*extprocv3.ProcessingRequest{posts(pathMCP), sends(toolList, true)}},
		{"a route that leads elsewhere", elsewhere, allows(false), 403, cannot, []*extprocv3.ProcessingRequest{posts(pathChat)}},
		{"another server", onMCP(usual()), allows(false), 403, cannot, []*extprocv3.ProcessingRequest{posts("/mcp/slack")}},
		{"a route that leads nowhere", nowhere, allows(false), 403, cannot, []*extprocv3.ProcessingRequest{posts(pathChat)}},
		{"no agent", nobody, allows(false), 403, decision.CodePeerRefused, []*extprocv3.ProcessingRequest{posts(pathChat)}},
		{"a key that is not known", misread, allows(false), 403, cannot, []*extprocv3.ProcessingRequest{posts(pathChat)}},
		{"paired with nobody", paired, allows(false), 403, cannot, []*extprocv3.ProcessingRequest{posts(pathChat)}},
		{"nothing would be refused", usual(), allows(false), 403, cannot, []*extprocv3.ProcessingRequest{watching}},
		{"headers twice", usual(), allows(false), 403, cannot, []*extprocv3.ProcessingRequest{posts(pathChat), posts(pathChat)}},
		{"a body first", usual(), allows(false), 403, cannot, []*extprocv3.ProcessingRequest{sends(chat, true)}},
		{"an answer first", usual(), allows(false), 403, cannot, []*extprocv3.ProcessingRequest{answers("200", "application/json", false)}},
		{"the end of an answer first", usual(), allows(false), 403, cannot, []*extprocv3.ProcessingRequest{saysTrailers()}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := play(t, server(tt.e), tt.c, tt.script...)
			f.wantRefused(t, tt.status, tt.code)
			if f.request.body != nil || f.request.done || f.request.headers != nil && f.modes.GetRequestBodyMode() != buffered {
				t.Errorf("something travelled on: %+v", f.request)
			}
			if n := len(tt.e.settled); n > 0 {
				tt.e.wantSettled(t, decision.EndFailed)
			}
		})
	}
}

// TestPeerRefused: an Envoy that may not speak for the agent gets no verdict.
func TestPeerRefused(t *testing.T) {
	e := allows(false)
	s := server(e)
	s.Peers = peers{&decision.Reason{Code: decision.CodePeerRefused, Message: "who are you?"}}
	f := play(t, s, usual(), posts(pathChat))
	f.wantRefused(t, 403, decision.CodePeerRefused)
	if len(e.asked) > 0 {
		t.Error("the engine was asked")
	}
}

func TestChallenge(t *testing.T) {
	f := play(t, server(denies(decision.CodeTokenExpired)), onMCP(usual()), posts(pathMCP), sends(toolCall, true))
	f.wantRefused(t, 401, decision.CodeTokenExpired)
	if got := value(f.refusal.GetHeaders(), "www-authenticate"); !strings.HasPrefix(got, `Bearer error="invalid_token"`) {
		t.Errorf("challenged with %q", got)
	}
	if body := string(f.refusal.GetBody()); !strings.Contains(body, `"id":7`) || !strings.Contains(body, `"jsonrpc"`) {
		t.Errorf("answered %s", body)
	}
}

// TestEnvoyLeaves: a stream that ends before the call does is no leave for
// Envoy to go on by itself.
func TestEnvoyLeaves(t *testing.T) {
	whole := []*extprocv3.ProcessingRequest{
		posts(pathChat), sends(streams, true), answers("200", "text/event-stream", false), says("data: {\"choices\":[]}\n\n", false),
	}
	for n := range whole {
		for _, lost := range []error{nil, errors.New("reset")} {
			e := allows(true)
			f := prepared(t, usual(), append([]*extprocv3.ProcessingRequest(nil), whole[:n]...))
			f.lost = lost
			s := server(e)
			if err := s.Process(f); err == nil {
				t.Errorf("after %d messages, %v: a good end", n, lost)
			}
			s.Exchanges.Close()
			if n < 2 && len(e.settled) > 0 {
				t.Errorf("after %d messages: settled %+v", n, e.settled)
			} else if n >= 2 {
				e.wantSettled(t, decision.EndDisconnected)
			}
		}
	}
}
