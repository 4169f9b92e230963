package envoy

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/codes"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

const (
	chat = `{"model":"grok-4","messages":[{"role":"user","content":"hi"}]}`
	tool = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"list_issues","arguments":{"repo":"a/b"}}}`
	key  = "Bearer k3y"
)

// engine allows what it is asked, with a grant, unless a test says otherwise.
type engine struct {
	verdict func(*decision.Request) (*decision.Verdict, error)

	mu       sync.Mutex
	checked  []*decision.Request
	opened   []*decision.Request
	exchange settled
}

func granted(r *decision.Request) *decision.Verdict {
	return &decision.Verdict{
		ID: r.ExchangeID, Effect: decision.Allow, Policy: "main", Version: "v1", Subject: "ann",
		Limits: []decision.LimitState{{Name: "hourly", Per: "Identity", Requests: decision.Fill{Used: 7, Of: 10}, Tokens: decision.Fill{Used: 20, Of: 10}}},
		Grants: []decision.Grant{{
			Target:     decision.Target{Provider: r.Target},
			Credential: decision.Credential{Header: decision.HeaderOp{Name: "Authorization", Value: decision.Secret(key)}},
		}},
	}
}

func (e *engine) say(r *decision.Request) (*decision.Verdict, error) {
	if e.verdict != nil {
		return e.verdict(r)
	}
	return granted(r), nil
}

func (e *engine) Check(_ context.Context, r *decision.Request) (*decision.Verdict, error) {
	e.mu.Lock()
	e.checked = append(e.checked, r)
	e.mu.Unlock()
	return e.say(r)
}

func (e *engine) Open(_ context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	e.mu.Lock()
	e.opened = append(e.opened, r)
	e.mu.Unlock()
	v, err := e.say(r)
	if err != nil || v == nil || !v.Allowed() {
		return v, nil, err
	}
	return v, &e.exchange, nil
}

// peers is one authenticated peer, or one that proves nothing, and the agents
// that it may speak for.
type peers struct {
	name   string
	agents string
}

func (p peers) Admit(_ context.Context, c *decision.Caller) *decision.Reason {
	if p.name != "" && !decision.Glob(p.agents, c.Agent) {
		return &decision.Reason{Code: decision.CodePeerRefused, Message: "not for " + c.Agent}
	}
	return nil
}

func (p peers) AdmitGrants(ctx context.Context, c *decision.Caller) *decision.Reason {
	if p.name == "" {
		return &decision.Reason{Code: decision.CodePeerRefused, Message: "it proves nothing"}
	}
	return p.Admit(ctx, c)
}

func (p peers) Name(context.Context) string { return p.name }

// face is the face with its engine and its peer.
type face struct {
	*Authorization
	engine *engine
}

func newFace(t testing.TB, peer peers) *face {
	t.Helper()
	e := &engine{}
	exchanges := NewExchanges()
	t.Cleanup(exchanges.Close)
	return &face{engine: e, Authorization: NewAuthorization(Config{
		Engine: e, Peers: peer, Exchanges: exchanges, Limits: strictjson.Limits{Bytes: 1 << 20, Depth: 64}, Log: slog.New(slog.DiscardHandler),
	})}
}

func trusted(t testing.TB) *face { return newFace(t, peers{name: envoyPeer, agents: "*"}) }

// question is what Envoy asks about a POST, changed as the test says.
func question(path, body string, change ...func(*authv3.AttributeContext)) *authv3.CheckRequest {
	a := &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: "10.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 5},
		}}}},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: "POST", Path: path, Host: "envoy", RawBody: []byte(body), Size: int64(len(body)),
			Headers: map[string]string{
				":method": "POST", ":path": path, "content-type": "application/json", "x-envoy-auth-partial-body": "false",
				"authorization": "Bearer agent-token", "user-agent": "agent/1",
			},
		}},
		ContextExtensions: map[string]string{"agent": "copilot"},
	}
	for _, c := range change {
		c(a)
	}
	return &authv3.CheckRequest{Attributes: a}
}

// extended adds context extensions, one of another name taking none away.
func extended(pairs ...string) func(*authv3.AttributeContext) {
	return func(a *authv3.AttributeContext) {
		all := maps.Clone(a.ContextExtensions)
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = pairs[i+1]
		}
		a.ContextExtensions = all
	}
}

func header(name, value string) func(*authv3.AttributeContext) {
	return func(a *authv3.AttributeContext) { a.Request.Http.Headers[name] = value }
}

func (f *face) check(t testing.TB, m *authv3.CheckRequest) *authv3.CheckResponse {
	t.Helper()
	r, err := f.Check(t.Context(), m)
	if err != nil || r == nil {
		t.Fatalf("an error is Envoy's to interpret: %v", err)
	}
	ok, denied := r.GetOkResponse(), r.GetDeniedResponse()
	if (ok != nil) == (denied != nil) || (ok != nil) != (r.GetStatus().GetCode() == int32(codes.OK)) {
		t.Fatalf("neither an allow nor a denial: %v", r)
	}
	return r
}

// wantOK demands an allow.
func wantOK(t testing.TB, r *authv3.CheckResponse) *authv3.OkHttpResponse {
	t.Helper()
	if r.GetOkResponse() == nil {
		t.Fatalf("denied: %s", r.GetDeniedResponse().GetBody())
	}
	return r.GetOkResponse()
}

// wantDenied demands a denial with the code in the protocol of the path.
func wantDenied(t testing.TB, r *authv3.CheckResponse, code decision.Code) *authv3.DeniedHttpResponse {
	t.Helper()
	d := r.GetDeniedResponse()
	if d == nil {
		t.Fatalf("allowed, want %s", code)
	}
	var body struct {
		JSONRPC string
		Error   struct {
			Code any
			Data struct{ Reason, Decision string }
			ID   string `json:"decision_id"`
		}
	}
	if err := json.Unmarshal([]byte(d.GetBody()), &body); err != nil {
		t.Fatalf("%v in %s", err, d.GetBody())
	}
	reason, id := body.Error.Data.Reason, body.Error.Data.Decision
	if body.JSONRPC == "" {
		reason, _ = body.Error.Code.(string)
		id = body.Error.ID
	}
	if reason != string(code) || int(d.GetStatus().GetCode()) != code.Status().HTTP {
		t.Fatalf("status %d: %s, want %s", d.GetStatus().GetCode(), d.GetBody(), code)
	}
	if !decision.ValidID(id) || headerValue(d.GetHeaders(), "outrider-decision") != id ||
		r.GetDynamicMetadata().GetFields()["decision_id"].GetStringValue() != id {
		t.Fatalf("the decision %q is not named everywhere: %v", id, r)
	}
	return d
}

func headerValue(list []*corev3.HeaderValueOption, name string) string {
	for _, h := range list {
		if strings.EqualFold(h.GetHeader().GetKey(), name) {
			return h.GetHeader().GetValue()
		}
	}
	return ""
}
