package bench

import (
	"context"
	"fmt"
	"io"
	"testing"

	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/strictjson"
	"outrider.dev/outrider/telemetry"
)

// otherRules are rules on tools that the benchmarks never call.
func otherRules(n int) []string {
	var out []string
	for i := range n {
		effect := "allow"
		if i%2 == 1 {
			effect = "deny"
		}
		out = append(out, fmt.Sprintf("    - {name: other-%d, %s: {tools: [\"other_%d_*\"]}, when: \"'other' in scopes && claims.team == 'a'\"}\n", i, effect, i))
	}
	return out
}

// load reads the setup as the commands do.
func load(b *testing.B, s setup) *config.Loaded {
	b.Helper()
	loaded, err := config.Text("bench", s.config()+"---\n"+s.policy())
	if err != nil {
		b.Fatal(err)
	}
	return loaded
}

func inside(b *testing.B, keys *signer) setup {
	b.Helper()
	return setup{
		agent: "127.0.0.1:0", admin: "127.0.0.1:0", farSide: "http://127.0.0.1:1",
		pdp: fmt.Sprintf("{state: %q}", b.TempDir()), jwks: keys.jwks(b),
	}
}

// startService runs a decision service in this process until the end of the
// benchmark.
func startService(b *testing.B, s setup) *decisionservice.Service {
	b.Helper()
	tel, err := telemetry.New(telemetry.Options{Service: "bench", Version: "bench", Log: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	service, err := decisionservice.New(load(b, s), decisionservice.Options{Telemetry: tel})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
		tel.Close(context.Background())
	})
	return service
}

// toolCall is the question about a call of the first tool.
func toolCall(b *testing.B, bearer string) *decision.Request {
	b.Helper()
	raw := []byte(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"` + toolName(0) + `","arguments":{"repo":"acme/shop","limit":10}}}`)
	m, err := mcp.Read(raw, nil, strictjson.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	return &decision.Request{
		ExchangeID: decision.NewID(),
		Surface:    decision.MCP,
		Method:     m.Method.Name,
		Caller:     decision.Caller{Agent: "bench", Labels: map[string]string{"app": "bench"}, Bearer: decision.Secret(bearer)},
		Face:       decision.FullFace(),
		Body:       decision.Body{Dialect: mcp.Dialect, Raw: raw, Segments: m.Segments},
		Tool:       decision.Tool{Exposed: m.Tool, ArgsStart: m.ArgsStart, ArgsEnd: m.ArgsEnd},
	}
}

// BenchmarkRules is the policy decision alone: the rules about a call whose
// principal is known.
func BenchmarkRules(b *testing.B) {
	keys := newSigner(b)
	for _, n := range []int{2, 20, 200, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := inside(b, keys)
			s.rules = otherRules(n)
			set, err := decisionservice.Compile(load(b, s).Policies)
			if err != nil {
				b.Fatal(err)
			}
			r := toolCall(b, "")
			r.Tool.Server, r.Tool.Name = "tools", r.Tool.Exposed
			selection := set.Select(&r.Caller)
			who := principal()
			b.ReportAllocs()
			for b.Loop() {
				if !selection.Judge(input.New(r, who)).Allow {
					b.Fatal("refused")
				}
			}
		})
	}
}

func principal() *decision.Principal {
	return &decision.Principal{
		Agent: "bench", Subject: "ann", Issuer: benchIssuer, Scopes: []string{"mcp:read", "llm"},
		Claims: map[string]any{"iss": benchIssuer, "sub": "ann", "scp": []any{"mcp:read", "llm"}},
	}
}

// BenchmarkCheck is a whole question in process: token from memory, rules,
// record.
func BenchmarkCheck(b *testing.B) {
	keys := newSigner(b)
	for _, n := range []int{2, 20, 200, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := inside(b, keys)
			s.rules = otherRules(n)
			engine := startService(b, s).Engine
			r := toolCall(b, keys.token(b, "ann"))
			r.Tool.Server, r.Tool.Name = "tools", r.Tool.Exposed
			b.ReportAllocs()
			for b.Loop() {
				if v, err := engine.Check(b.Context(), r); err != nil || !v.Allowed() {
					b.Fatal(v, err)
				}
			}
		})
	}
}

// BenchmarkFilterTools judges a list of 1,000 tools.
func BenchmarkFilterTools(b *testing.B) {
	keys := newSigner(b)
	set, err := decisionservice.Compile(load(b, inside(b, keys)).Policies)
	if err != nil {
		b.Fatal(err)
	}
	var tools, bare []decision.Tool
	for i := range 1000 {
		name := toolName(i)
		tools = append(tools, decision.Tool{Server: "tools", Name: name, Definition: []byte(definition(name))})
		bare = append(bare, decision.Tool{Server: "tools", Name: name})
	}
	r := toolCall(b, keys.token(b, "ann"))
	r.Method, r.Tool = mcp.MethodToolsList, decision.Tool{}
	b.Run("rules", func(b *testing.B) {
		selection := set.Select(&r.Caller)
		b.ReportAllocs()
		for b.Loop() {
			selection.Visible(input.New(r, principal()), bare)
		}
	})
	engine := startService(b, inside(b, keys)).Engine
	for name, list := range map[string][]decision.Tool{"names": bare, "definitions": tools} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v, err := engine.FilterTools(b.Context(), r, list); err != nil || !v.Visible(0) || v.Visible(3) {
					b.Fatal(v, err)
				}
			}
		})
	}
}

// BenchmarkColdToken verifies RS256 tokens that were never seen before.
func BenchmarkColdToken(b *testing.B) {
	const distinct = 64
	keys := newSigner(b)
	var tokens []decision.Secret
	for i := range distinct {
		tokens = append(tokens, decision.Secret(keys.token(b, fmt.Sprint(i))))
	}
	var verifier *token.Verifier
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if i%distinct == 0 { // one that has seen none of them
			b.StopTimer()
			verifier = newVerifier(b, keys)
			b.StartTimer()
		}
		if _, err := verifier.Verify(tokens[i%distinct]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func newVerifier(b *testing.B, keys *signer) *token.Verifier {
	b.Helper()
	v, err := token.New(token.Config{Providers: []token.Provider{{
		Issuer: benchIssuer, Audiences: []string{benchAudience}, JWKS: token.Keys{Inline: []byte(keys.jwks(b))},
	}}})
	if err != nil {
		b.Fatal(err)
	}
	return v
}
