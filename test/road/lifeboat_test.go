package road

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards"
	"outrider.dev/outrider/pdp"
	"outrider.dev/outrider/pdp/route"
	"outrider.dev/outrider/sidecar/gate"
	"outrider.dev/outrider/strictjson"
)

// away is a decision service that a test takes away, and the count of its
// answers.
type away struct {
	decision.Decider
	gone  bool
	asked int
}

func (a *away) Open(ctx context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	if a.gone {
		return nil, nil, fmt.Errorf("%w: it was taken away", decision.ErrAway)
	}
	a.asked++
	copied := *r // as the wire does: the engine fills in what it finds out
	return a.Decider.Open(ctx, &copied)
}

// wordTokens believes tokens such as "x.read.admin": a subject and its scopes.
type wordTokens struct{}

func (wordTokens) Verify(bearer decision.Secret) (*token.Token, error) {
	parts := strings.Split(string(bearer), ".")
	claims := map[string]any{"sub": parts[0], "team": strings.ToUpper(parts[0])}
	return &token.Token{Issuer: "https://i", Subject: parts[0], Audiences: []string{"a"}, Scopes: parts[1:], Claims: claims, Expires: time.Now().Add(time.Hour)}, nil
}

type noRecords struct{}

func (noRecords) Add(audit.Record) {}

// Rules of every kind, some of which make a verdict one that is not remembered.
func someRules() []string {
	return []string{
		`{name: readers, allow: {tools: ["list_*"]}, when: "'read' in scopes"}`,
		`{name: team, allow: {tools: ["get_*"]}, when: "claims.team == 'ANN'"}`,
		`{name: anyone, allow: {tools: ["list_a"]}}`,
		`{name: subject, allow: {tools: ["*"]}, when: "principal.subject == 'bob' && variables.repo == 'x'"}`,
		`{name: repo, deny: {tools: ["*"]}, when: "has(tool.args.repo) && tool.args.repo == 'infra'"}`,
		`{name: alias, deny: {tools: ["get_*"]}, when: "has(mcp.tool.arguments.n) && mcp.tool.arguments.n > 2"}`,
		`{name: header, deny: {tools: ["list_*"]}, when: "'x-team' in request.headers && request.headers['x-team'] == 'b'"}`,
		`{name: session, deny: {tools: ["list_*"]}, when: "session == 's2'"}`,
		`{name: source, deny: {tools: ["get_b"]}, when: "source.startsWith('10.')"}`,
		`{name: path, deny: {tools: ["*"]}, when: "request.path.endsWith('slack') && 'admin' in scopes"}`,
		`{name: exposed, deny: {tools: ["*"]}, when: "tool.exposed == 'get_a' && agent.labels['app'] == 'road' && 'read' in scopes"}`,
		`{name: server, deny: {servers: [slack]}, when: "tool.name == 'list_b'"}`,
		`{name: clock, deny: {tools: ["get_a"]}, when: "request.time.getHours() > 30"}`,
		`{name: resources, allow: {methods: ["resources/read"]}, when: "resource.uri.startsWith('file:///a')"}`,
		`{name: prompts, allow: {methods: ["prompts/get"]}, when: "prompt.name == 'p' || 'admin' in scopes"}`,
		`{name: nobody, deny: {models: ["m-*"]}, when: "request.headers['x-team'] == 'b'"}`,
		`{name: provider, deny: {providers: [far]}, when: "principal.subject != 'ann'"}`,
		`{name: streams, deny: {models: ["*"]}, when: "llm.stream && 'read' in scopes"}`,
		`{name: dialect, deny: {models: ["m-b"]}, when: "llm.dialect != 'openai.chat'"}`,
	}
}

// lifeboatEngine is an engine with some of the rules, in one policy or two.
func lifeboatEngine(t *testing.T, random *rand.Rand) *pdp.Engine {
	t.Helper()
	var text strings.Builder
	text.WriteString(secHead + `agent: {name: road}
llm: {providers: [{name: far, url: "http://127.0.0.1:1/v1"}, {name: near, url: "http://127.0.0.1:2/v1"}]}
mcp: {servers: [{name: github, url: "http://127.0.0.1:3/mcp"}, {name: slack, url: "http://127.0.0.1:4/mcp"}]}
`)
	for i := range 1 + random.IntN(2) {
		rules := someRules()
		random.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
		fmt.Fprintf(&text, `---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: p%d}
spec:
  traffic: {jwtAuthentication: {surfaces: [MCP, LLM], mode: Optional, providers: [{issuer: "https://i", audiences: [a], jwks: {remote: {url: "https://i/keys"}}}]}}
  variables: [{name: repo, expression: "has(tool.args.repo) ? tool.args.repo : ''"}]
  rules: [%s]
`, i, strings.Join(rules[:4+random.IntN(len(rules)-4)], ", "))
	}
	loaded, err := config.Text("random", text.String())
	if err != nil {
		t.Fatal(err)
	}
	var sources []authz.Source
	for i := range loaded.Policies {
		sources = append(sources, authz.Source{Doc: loaded.Policies[i].Doc, Version: loaded.Policies[i].Version})
	}
	set, err := authz.NewSet(sources)
	if err != nil {
		t.Fatal(err)
	}
	routes, err := route.New(loaded.Config.GetLlm(), loaded.Config.GetMcp())
	if err != nil {
		t.Fatal(err)
	}
	e, err := pdp.New(pdp.Config{
		Policies: set, Tokens: wordTokens{}, Routes: routes, Recorder: noRecords{}, Now: time.Now,
		Limits: strictjson.Limits{Bytes: 1 << 20, Depth: 64}, GuardKey: make(guards.Key, guards.KeySize),
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// randomCall is one of a few thousand calls.
func randomCall(random *rand.Rand) *decision.Request {
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	r := &decision.Request{
		ExchangeID: decision.NewID(), Face: decision.FullFace(), Session: pick("s1", "s2"), Source: pick("10.0.0.1:7", "127.0.0.1:7"),
		Caller: decision.Caller{
			Agent: "road", Labels: map[string]string{"app": pick("road", "other")},
			Bearer: decision.Secret(pick("", "ann.read", "bob", "bob.read.admin", "eyJann.x.y")),
		},
		HTTP: decision.HTTP{Method: "POST", Headers: map[string]string{"x-team": pick("a", "b")}},
	}
	if random.IntN(4) == 0 {
		r.Surface, r.Method, r.HTTP.Path, r.Body.Dialect = decision.LLM, "chat.completions", pathChat, "openai.chat"
		r.LLM = decision.LLMCall{Model: pick("m-a", "m-b"), Stream: random.IntN(2) == 0}
		r.Body.Raw = fmt.Appendf(nil, `{"model":%q,"messages":[]}`, r.LLM.Model)
		return r
	}
	r.Surface, r.Server, r.Body.Dialect = decision.MCP, pick("github", "slack"), "mcp"
	r.HTTP.Path = pathMCP + "/" + r.Server
	switch r.Method = pick("tools/call", "tools/call", "tools/call", "resources/read", "prompts/get", "ping", "initialize", "tools/list"); r.Method {
	case "tools/call":
		args := pick(`{}`, `{"repo":"x"}`, `{"repo":"infra"}`, `{"n":3}`, `{"n":1}`, `{"repo":"x","n":1}`)
		name := pick("list_a", "list_b", "get_a", "get_b", "merge")
		raw := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, random.IntN(9), name, args)
		begin := strings.Index(raw, `"arguments":`) + len(`"arguments":`)
		r.Body.Raw = []byte(raw)
		r.Tool = decision.Tool{Exposed: name, ArgsStart: uint32(begin), ArgsEnd: uint32(begin + len(args))}
	case "resources/read":
		r.Resource = pick("file:///a", "file:///b")
	case "prompts/get":
		r.Prompt = pick("p", "q")
	}
	return r
}

// TestLifeboatProperty: whatever the rules, a call that passes by the lifeboat is
// one that the decision service would allow now, to the same target; and nothing
// passes by it that the service has not been asked about.
func TestLifeboatProperty(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	served, refused, wanted := 0, 0, 0
	for range 60 {
		engine := lifeboatEngine(t, random)
		service := &away{Decider: engine}
		uses := 0
		g, err := gate.New(gate.Config{
			Decider: service, Timeout: time.Second, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Failed: func() {},
			Routes: []gate.Route{{Mode: gate.Lifeboat}},
			FailMode: func(m gate.Mode) {
				if m == gate.Lifeboat {
					uses++
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 60 {
			settled(t, g, randomCall(random))
		}
		service.gone = true
		for range 200 {
			r := randomCall(random)
			fresh, ex, err := engine.Open(t.Context(), again(r))
			if err != nil {
				t.Fatal(err)
			}
			if ex != nil {
				_ = ex.Settle(t.Context(), decision.Outcome{End: decision.EndFailed})
			}
			v := settled(t, g, r)
			switch {
			case v.Allowed() && (!fresh.Allowed() || !sameTargets(fresh, v)):
				t.Fatalf("the lifeboat gives %+v, the service %+v\nabout %+v", v, fresh, r)
			case v.Allowed():
				served++
			case fresh.Allowed():
				refused++
			}
			if fresh.Allowed() {
				wanted++
			}
		}
		before := uses
		service.gone = false
		for range 50 { // it answers again, and nothing else is looked at
			settled(t, g, randomCall(random))
		}
		if uses != before {
			t.Fatal("the lifeboat was used while the service answered")
		}
	}
	t.Logf("%d calls would be allowed: %d passed, %d did not", wanted, served, refused)
	if served < wanted/20 || refused == 0 {
		t.Error("the test tells little: too few calls passed, or all of them")
	}
}

func settled(t *testing.T, g *gate.Gate, r *decision.Request) *decision.Verdict {
	t.Helper()
	v, ex := g.Open(t.Context(), r)
	if ex != nil {
		ex.Settle(t.Context(), decision.Outcome{End: decision.EndFailed})
	}
	return v
}

func again(r *decision.Request) *decision.Request {
	copied := *r
	copied.ExchangeID = decision.NewID()
	return &copied
}

func sameTargets(a, b *decision.Verdict) bool {
	return slices.EqualFunc(a.Grants, b.Grants, func(x, y decision.Grant) bool { return x.Target == y.Target })
}

// TestLifeboatWords: the data plane knows the value of every word that a verdict
// may depend on, so that no word of the rules keeps it from remembering one.
func TestLifeboatWords(t *testing.T) {
	for _, f := range input.Fields() {
		service := &words{list: []string{f.Path}}
		g, err := gate.New(gate.Config{
			Decider: service, Timeout: time.Second, Log: slog.New(slog.DiscardHandler), Failed: func() {},
			Routes: []gate.Route{{Mode: gate.Lifeboat}}, FailMode: func(gate.Mode) {},
		})
		if err != nil {
			t.Fatal(err)
		}
		r := randomCall(rand.New(rand.NewPCG(1, 1)))
		settled(t, g, r)
		service.gone = true
		never := f.Path == "request.time" || f.Path == "findings"
		if v := settled(t, g, r); v.Allowed() == never {
			t.Errorf("%s: remembered %v, want %v", f.Path, v.Allowed(), !never)
		}
	}
}

// words allows everything, and says which words it read.
type words struct {
	decision.Decider
	list []string
	gone bool
}

func (w *words) Open(_ context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	if w.gone {
		return nil, nil, decision.ErrAway
	}
	return &decision.Verdict{
		ID: r.ExchangeID, Effect: decision.Allow, Grants: make([]decision.Grant, 1),
		Lifeboat: &decision.Lifeboat{NotAfter: time.Now().Add(time.Minute), InputsRead: w.list},
	}, noExchange{}, nil
}

type noExchange struct{ decision.Exchange }

func (noExchange) Settle(context.Context, decision.Outcome) error { return nil }
