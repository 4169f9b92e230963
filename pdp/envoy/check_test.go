package envoy

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/openai"
)

// TestGranted: the target's key comes in, the agent's token goes out, and what
// nobody will see the answer of is settled.
func TestGranted(t *testing.T) {
	f := trusted(t)
	r := f.check(t, question("/v1/chat/completions", chat, extended("provider", "xai"), header("x-api-key", "s3cr3t"), header("cookie", "a=b"),
		header("x-http-method-override", "DELETE"), header("openai-organization", "org")))
	ok := wantOK(t, r)
	if headerValue(ok.GetHeaders(), "authorization") != key || len(ok.GetHeaders()) != 1 ||
		ok.GetHeaders()[0].GetAppendAction() != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
		t.Errorf("sets %v", ok.GetHeaders())
	}
	if diff := cmp.Diff([]string{"cookie", "x-api-key", "x-http-method-override"}, ok.GetHeadersToRemove()); diff != "" {
		t.Errorf("removes:\n%s", diff)
	}
	ask := f.engine.opened[0]
	if headerValue(ok.GetResponseHeadersToAdd(), "outrider-decision") != ask.ExchangeID || f.engine.exchange.how() != "[unseen]" {
		t.Errorf("answer %v, settled %s", ok.GetResponseHeadersToAdd(), f.engine.exchange.how())
	}
	want := decision.Request{
		ExchangeID: ask.ExchangeID, Surface: decision.LLM, Method: openai.OperationChat, Target: "xai", Source: "10.0.0.1:5",
		Caller: decision.Caller{Agent: "copilot", Bearer: ask.Caller.Bearer}, Face: decision.Face{Headers: true, Forwards: true},
		HTTP: decision.HTTP{Method: "POST", Path: "/v1/chat/completions", Headers: ask.HTTP.Headers},
		Body: decision.Body{Dialect: openai.Chat, Raw: []byte(chat), Segments: ask.Body.Segments}, LLM: decision.LLMCall{Model: "grok-4"},
	}
	if diff := cmp.Diff(want, *ask); diff != "" || string(ask.Caller.Bearer) != "agent-token" || ask.HTTP.Headers["authorization"] != "" {
		t.Errorf("asked:\n%s", diff)
	}
}

func TestMetadata(t *testing.T) {
	f := trusted(t)
	got := f.check(t, question("/v1/chat/completions", chat, extended("provider", "xai"))).GetDynamicMetadata().AsMap()
	want := map[string]any{
		"decision_id": f.engine.opened[0].ExchangeID, "effect": "allow", "sub": "ann", "policy": "main", "version": "v1",
		"limits": []any{map[string]any{
			"name": "hourly", "per": "Identity", "requests_limit": 10.0, "requests_remaining": 3.0, "tokens_limit": 10.0, "tokens_remaining": 0.0,
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Envoy hears:\n%s", diff)
	}
}

// TestAsked: without a target Envoy is granted nothing, and tools of a server
// that the path names need no server in the configuration.
func TestAsked(t *testing.T) {
	f := newFace(t, peers{})
	ok := wantOK(t, f.check(t, question("/mcp/github", tool)))
	if len(ok.GetHeaders()) != 0 || !slices.Equal(ok.GetHeadersToRemove(), []string{"authorization"}) {
		t.Errorf("sets %v, removes %v", ok.GetHeaders(), ok.GetHeadersToRemove())
	}
	if len(f.engine.opened) != 0 || len(f.engine.checked) != 1 {
		t.Fatalf("%d opened, %d checked", len(f.engine.opened), len(f.engine.checked))
	}
	if got := f.engine.checked[0].Tool; got.Server != "github" || got.Name != "list_issues" || got.Exposed != "list_issues" {
		t.Errorf("asked about %+v", got)
	}
	wantOK(t, f.check(t, question("/mcp", tool)))
	if got := f.engine.checked[1].Tool; got.Server != "" || got.Name != "" || got.Exposed != "list_issues" {
		t.Errorf("asked about %+v", got)
	}
}

// TestPaired: the exchange waits for ext_proc with all that it needs, and no
// key comes in before somebody guards the call.
func TestPaired(t *testing.T) {
	f := trusted(t)
	r := f.check(t, question("/mcp/github", tool, extended("server", "github", "paired", "true")))
	ok := wantOK(t, r)
	if len(ok.GetHeaders()) != 0 || !slices.Equal(ok.GetHeadersToRemove(), []string{"authorization"}) {
		t.Errorf("sets %v, removes %v", ok.GetHeaders(), ok.GetHeadersToRemove())
	}
	id := r.GetDynamicMetadata().GetFields()[ExchangeKey].GetStringValue()
	open := f.cfg.Exchanges.Claim(id, envoyPeer)
	if open == nil || string(open.Call.Ask.Body.Raw) != tool || open.Verdict.ID != id || f.engine.exchange.how() != "[]" {
		t.Fatalf("waiting: %+v", open)
	}
	face := decision.FullFace()
	face.Forwards = true
	if open.Call.Ask.Face != face || open.Call.Ask.Server != "github" || open.Call.Ask.Target != "github" {
		t.Errorf("asked %+v", open.Call.Ask)
	}
	f.cfg.Exchanges.Close()
	wantDenied(t, f.check(t, question("/mcp/github", tool, extended("server", "github", "paired", "true"))), decision.CodeOverloaded)
	if f.engine.exchange.how() != "[failed]" {
		t.Errorf("settled %s", f.engine.exchange.how())
	}
}

// TestPolicyHeaders: what mutations set comes in beside the key.
func TestPolicyHeaders(t *testing.T) {
	f := trusted(t)
	f.engine.verdict = func(r *decision.Request) (*decision.Verdict, error) {
		v := granted(r)
		v.Effect = decision.Mutate
		v.Headers = []decision.HeaderOp{{Name: "X-Team", Value: decision.Secret("dev")}, {Name: "X-Gone", Remove: true}}
		return v, nil
	}
	ok := wantOK(t, f.check(t, question("/v1/chat/completions", chat, extended("provider", "xai"))))
	if headerValue(ok.GetHeaders(), "x-team") != "dev" || headerValue(ok.GetHeaders(), "authorization") != key || !slices.Contains(ok.GetHeadersToRemove(), "x-gone") {
		t.Errorf("%v", ok)
	}
	ok = wantOK(t, f.check(t, question("/v1/chat/completions", chat, extended("provider", "xai"),
		header("x_team", "agent"), header("X-gone", "agent"), header("x_gone", "agent"), header("x_stay", "1"), header("content_length", "1"))))
	if got := ok.GetHeadersToRemove(); !slices.Equal(got, []string{"x-gone", "content_length", "x_gone", "x_team"}) {
		t.Errorf("removes %q", got)
	}
}

// TestPeers: what the peer may not have, it does not get.
func TestPeers(t *testing.T) {
	stranger, envoy := newFace(t, peers{}), newFace(t, peers{name: envoyPeer, agents: "copilot"})
	toXAI := extended("provider", "xai")
	wantDenied(t, stranger.check(t, question("/v1/chat/completions", chat, toXAI)), decision.CodePeerRefused)
	wantDenied(t, stranger.check(t, question("/v1/chat/completions", chat, toXAI, extended("paired", "true"))), decision.CodePeerRefused)
	wantDenied(t, envoy.check(t, question("/v1/chat/completions", chat, toXAI, extended("agent", "other"))), decision.CodePeerRefused)
	wantDenied(t, envoy.check(t, question("/v1/chat/completions", chat, extended("agent", "other"))), decision.CodePeerRefused)
	wantOK(t, envoy.check(t, question("/v1/chat/completions", chat, toXAI)))
	if len(stranger.engine.opened)+len(stranger.engine.checked) != 0 || len(envoy.engine.opened) != 1 {
		t.Error("somebody was asked for a peer that may not ask")
	}
}

// TestPrincipals: a workload's certificate says for whom Envoy asks where the
// route does not.
func TestPrincipals(t *testing.T) {
	const bot = "spiffe://corp/ns/prod/sa/bot"
	shown := func(id, agent string) func(*authv3.AttributeContext) {
		return func(a *authv3.AttributeContext) {
			a.Source.Principal = id
			a.ContextExtensions = map[string]string{"labels": "app=x"}
			if agent != "" {
				a.ContextExtensions["agent"] = agent
			}
		}
	}
	for _, c := range []struct {
		id, agent string
		want      decision.Caller
	}{
		{bot, "", decision.Caller{Agent: "bot", Namespace: "prod", ServiceAccount: "bot"}},
		{bot, "copilot", decision.Caller{Agent: "copilot"}},
	} {
		f := newFace(t, peers{name: envoyPeer, agents: c.want.Agent})
		wantOK(t, f.check(t, question("/mcp", tool, shown(c.id, c.agent))))
		got := f.engine.checked[0].Caller
		c.want.Bearer, c.want.Labels = got.Bearer, map[string]string{"app": "x"}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s, %q:\n%s", c.id, c.agent, diff)
		}
	}
	f := newFace(t, peers{name: envoyPeer, agents: "other"})
	wantDenied(t, f.check(t, question("/mcp", tool, shown(bot, ""))), decision.CodePeerRefused)
	for _, id := range []string{"", "CN=bot", "spiffe://corp", "spiffe:///ns/prod/sa/bot", "spiffe://corp/ns//sa/bot", "spiffe://corp/ns/prod/sa/", "spiffe://corp/ns/prod/sa/bot/x", "http://corp/ns/prod/sa/bot"} {
		f := trusted(t)
		wantDenied(t, f.check(t, question("/mcp", tool, shown(id, ""))), decision.CodePeerRefused)
	}
}

// TestNameless: where nothing says for whom Envoy asks, the call is nobody's,
// and never granted anything. Whoever could say it has to.
func TestNameless(t *testing.T) {
	silent := func(a *authv3.AttributeContext) { a.ContextExtensions = nil }
	stranger := newFace(t, peers{})
	if ok := wantOK(t, stranger.check(t, question("/v1/chat/completions", chat, silent))); len(ok.GetHeaders()) != 0 {
		t.Errorf("sets %v", ok.GetHeaders())
	}
	want := decision.Caller{Bearer: decision.Secret("agent-token")}
	if got := stranger.engine.checked; len(got) != 1 || len(stranger.engine.opened) != 0 || cmp.Diff(want, got[0].Caller) != "" {
		t.Fatalf("asked %+v", got)
	}
	to := func(a *authv3.AttributeContext) { a.ContextExtensions = map[string]string{"provider": "xai"} }
	shown := func(a *authv3.AttributeContext) { a.Source.Principal = "CN=bot" }
	wantDenied(t, stranger.check(t, question("/v1/chat/completions", chat, to)), decision.CodePeerRefused)
	wantDenied(t, stranger.check(t, question("/v1/chat/completions", chat, silent, shown)), decision.CodePeerRefused)
	wantDenied(t, trusted(t).check(t, question("/v1/chat/completions", chat, silent)), decision.CodePeerRefused)
	wantDenied(t, trusted(t).check(t, question("/v1/chat/completions", chat, to)), decision.CodePeerRefused)
}

// TestRefusedByTheEngine: a denial is one in the agent's protocol, with what
// its client needs to go on.
func TestRefusedByTheEngine(t *testing.T) {
	f := trusted(t)
	reason := decision.Reason{}
	f.engine.verdict = func(r *decision.Request) (*decision.Verdict, error) {
		return &decision.Verdict{ID: r.ExchangeID, Reason: reason, Policy: "main"}, nil
	}
	reason = decision.Reason{Code: decision.CodeTokenExpired, Message: "it is old"}
	d := wantDenied(t, f.check(t, question("/mcp", tool)), decision.CodeTokenExpired)
	if !strings.Contains(headerValue(d.GetHeaders(), "www-authenticate"), "invalid_token") || !strings.HasPrefix(d.GetBody(), `{"jsonrpc":"2.0","id":7,`) ||
		headerValue(d.GetHeaders(), "content-type") != "application/json" {
		t.Errorf("%v", d)
	}
	reason = decision.Reason{Code: decision.CodeRateLimited, RetryAfter: 1500 * time.Millisecond}
	d = wantDenied(t, f.check(t, question("/v1/chat/completions", chat, extended("provider", "xai"))), decision.CodeRateLimited)
	if headerValue(d.GetHeaders(), "retry-after") != "2" {
		t.Errorf("%v", d)
	}
	reason = decision.Reason{Code: decision.CodeDeniedByRule, Rule: "no-list", NeededScopes: []string{"mcp:admin"}}
	r := f.check(t, question("/mcp", tool))
	if d = wantDenied(t, r, decision.CodeDeniedByRule); !strings.Contains(headerValue(d.GetHeaders(), "www-authenticate"), `scope="mcp:admin"`) {
		t.Errorf("%v", d)
	}
	if got := r.GetDynamicMetadata().AsMap(); got["effect"] != "deny" || got["rule"] != "no-list" || got["policy"] != "main" || got["reason"] != "denied_by_rule" {
		t.Errorf("Envoy hears %v", got)
	}
	r = f.check(t, question("/v1/unheard", chat)) // nobody is asked about it
	if got := r.GetDynamicMetadata().AsMap(); got["effect"] != "deny" || got["reason"] != "method_unknown" || !strings.HasPrefix(r.GetStatus().GetMessage(), "refused: method_unknown, decision ") {
		t.Errorf("Envoy hears %v, %s", got, r.GetStatus().GetMessage())
	}
	if body := r.GetDeniedResponse().GetBody(); !strings.Contains(body, "/v1/chat/completions") || !strings.Contains(body, "/mcp/{server}") {
		t.Errorf("the agent is told %s", body)
	}
	reason = decision.Reason{Code: decision.CodeDeniedByRule, Hidden: true}
	if d := f.check(t, question("/mcp", tool)).GetDeniedResponse(); d.GetStatus().GetCode() != 200 || !strings.Contains(d.GetBody(), "-32602") || strings.Contains(d.GetBody(), "denied") {
		t.Errorf("a hidden tool is answered with %v", d)
	}
}

// TestNoAnswer: whatever becomes of the question, Envoy gets a denial.
func TestNoAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		verdict func(*decision.Request) (*decision.Verdict, error)
		code    decision.Code
	}{
		"an error": {func(*decision.Request) (*decision.Verdict, error) { return nil, errors.New("s3cr3t") }, decision.CodePDPUnavailable},
		"a refusal": {func(*decision.Request) (*decision.Verdict, error) {
			return nil, decision.Refuse(decision.CodeOverloaded, "")
		}, decision.CodeOverloaded},
		"no verdict": {func(*decision.Request) (*decision.Verdict, error) { return nil, nil }, decision.CodePDPUnavailable},
		"a fault":    {func(*decision.Request) (*decision.Verdict, error) { panic("s3cr3t") }, decision.CodeInternal},
		"nothing":    {func(r *decision.Request) (*decision.Verdict, error) { return &decision.Verdict{ID: r.ExchangeID}, nil }, decision.CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			f := trusted(t)
			f.engine.verdict = c.verdict
			for _, m := range []*authv3.CheckRequest{question("/mcp/github", tool), question("/mcp/github", tool, extended("server", "github"))} {
				r := f.check(t, m)
				if name == "nothing" { // the zero verdict denies without a code
					if r.GetDeniedResponse() == nil {
						t.Fatal("allowed")
					}
					continue
				}
				if d := wantDenied(t, r, c.code); strings.Contains(d.String(), "s3cr3t") {
					t.Errorf("%v", d)
				}
			}
		})
	}
}

// TestNothing: a question without a request is refused too.
func TestNothing(t *testing.T) {
	f := trusted(t)
	for _, m := range []*authv3.CheckRequest{nil, {}, {Attributes: &authv3.AttributeContext{}}, {Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{}}}} {
		wantDenied(t, f.check(t, m), decision.CodeMethodUnknown)
	}
}

// FuzzCheck: whatever Envoy sends, it gets an allow about exactly the bytes
// that will be forwarded, or a denial.
func FuzzCheck(f *testing.F) {
	for _, m := range []*authv3.CheckRequest{
		question("/mcp/github", tool),
		question("/v1/chat/completions", chat, extended("provider", "xai")),
		question("/mcp/github", tool, extended("server", "github", "paired", "true")),
		question("/v1/models?x=%zz", "", extended("labels", "a=b,c")),
		{},
	} {
		raw, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, true)
		f.Add(raw, false)
	}
	f.Fuzz(func(t *testing.T, raw []byte, proven bool) {
		var m authv3.CheckRequest
		if proto.Unmarshal(raw, &m) != nil {
			return
		}
		who := peers{}
		if proven {
			who = peers{name: envoyPeer, agents: "*"}
		}
		face := newFace(t, who)
		r := face.check(t, &m)
		asked := slices.Concat(face.engine.checked, face.engine.opened)
		if r.GetOkResponse() == nil {
			return
		}
		http := m.GetAttributes().GetRequest().GetHttp()
		sent := string(http.GetRawBody()) + http.GetBody()
		if len(asked) != 1 || string(asked[0].Body.Raw) != sent || http.GetSize() > 0 && http.GetSize() != int64(len(sent)) || strings.Contains(http.GetPath(), "?") {
			t.Fatalf("%v passed after %d questions", &m, len(asked))
		}
		if headerValue(r.GetOkResponse().GetHeaders(), "authorization") != "" && (!proven || asked[0].Target == "") {
			t.Fatalf("a key went to %+v for %q", who, asked[0].Target)
		}
	})
}
