package pdp

import (
	"slices"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
)

// plain is a policy whose allows may be remembered: rules and nothing else. The
// servers and the second provider of the tests' configuration need no key.
func plain(more string) string {
	return `
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: plain}
spec:
  agents: {matchLabels: {app: copilot}}
` + more
}

const readers = `  rules: [{name: readers, allow: {tools: ["list_*"]}, when: "'mcp:read' in scopes"}]
  traffic: {jwtAuthentication: {providers: [{issuer: "` + issuerURL + `", audiences: ["api"], jwks: {remote: {url: "` + issuerURL + `/keys"}}}]}}
`

// keyless is the tests' configuration without keys.
func keyless() string {
	cfg := strings.ReplaceAll(configYAML, ", key: {env: FIRST_KEY}", "")
	return strings.ReplaceAll(cfg, ", auth: {bearer: {env: GITHUB_KEY}}", "")
}

// at is a call at the path of one server, where tools have their own names.
func at(server string, r *decision.Request) *decision.Request {
	r.Server = server
	return r
}

// TestLifeboat: what may be remembered, and what it depends on.
func TestLifeboat(t *testing.T) {
	const llm = "  backend: {llm: {models: {allow: [\"gpt-*\"]}}}\n"
	list := func(t *testing.T) *decision.Request {
		t.Helper()
		return at("slack", toolCall(t, "reader", "list_things", `{"repo":"x"}`))
	}
	ask := func(t *testing.T) *decision.Request {
		t.Helper()
		return chat(t, "hi")
	}
	for name, c := range map[string]struct {
		cfg, policy string
		ask         func(*testing.T) *decision.Request
		words       string // that are read; "-": it may not be remembered
	}{
		"a tool":                     {keyless(), plain(readers), list, "scopes"},
		"a tool with a key":          {configYAML, plain(readers), func(t *testing.T) *decision.Request { return at("github", list(t)) }, "-"},
		"a tool under another name":  {keyless(), plain(readers), func(t *testing.T) *decision.Request { return toolCall(t, "reader", "slack__list_things", "{}") }, "-"},
		"arguments":                  {keyless(), plain(readers + "  variables: [{name: repo, expression: tool.args.repo}]\n"), list, "scopes"},
		"a rule on arguments":        {keyless(), plain(strings.Replace(readers, "'mcp:read' in scopes", "'mcp:read' in scopes && tool.args.repo == 'x'", 1)), list, "scopes,tool.args"},
		"a variable on arguments":    {keyless(), plain(strings.Replace(readers, "'mcp:read' in scopes", "'mcp:read' in scopes && variables.repo == 'x'", 1) + "  variables: [{name: repo, expression: tool.args.repo}]\n"), list, "scopes,tool.args"},
		"a rule on another tool":     {keyless(), plain(strings.Replace(readers, "rules: [", `rules: [{name: no-infra, deny: {tools: ["create_*"]}, when: "tool.args.repo == 'infra'"}, `, 1)), list, "scopes"},
		"a rule on the clock":        {keyless(), plain(strings.Replace(readers, "'mcp:read' in scopes", "request.time.getHours() >= 0", 1)), list, "-"},
		"a deny on the clock":        {keyless(), plain(strings.Replace(readers, "rules: [", `rules: [{name: night, deny: {tools: ["*"]}, when: "request.time.getHours() > 30"}, `, 1)), list, "-"},
		"a module":                   {keyless(), plain(readers + "  rego: |\n    package outrider\n    deny contains \"no\" if input.tool.name == \"merge\"\n"), list, "-"},
		"a guard":                    {keyless(), plain(readers + "  backend: {mcp: {guards: {request: [{type: PII, action: Redact}]}}}\n"), list, "-"},
		"a guard that observes":      {keyless(), plain(readers + "  backend: {mcp: {guards: {request: [{type: PII, action: Observe}]}}}\n"), list, "-"},
		"a guard of answers":         {keyless(), plain(readers + "  backend: {mcp: {guards: {response: [{type: PII, action: Redact}]}}}\n"), list, "-"},
		"a guard of LLM calls":       {keyless(), plain(readers + "  backend: {llm: {guards: {request: [{type: PII, action: Redact}]}}}\n"), list, "scopes"},
		"a rule on findings":         {keyless(), plain(strings.Replace(readers, "rules: [", `rules: [{name: found, deny: {tools: ["*"]}, when: "findings.size() > 0"}, `, 1)), list, "-"},
		"a rule on answers":          {keyless(), plain(strings.Replace(readers, "rules: [", `rules: [{name: back, deny: {tools: ["*"], phases: [Result]}, when: "scopes.size() > 9"}, `, 1)), list, "-"},
		"a mutation":                 {keyless(), plain(readers + `  mutations: [{name: m, match: {tools: ["list_*"]}, set: {argument: /limit, value: 5}}]` + "\n"), list, "-"},
		"a mutation of another tool": {keyless(), plain(readers + `  mutations: [{name: m, match: {tools: ["create_*"]}, set: {argument: /limit, value: 5}}]` + "\n"), list, "scopes"},
		"a handshake": {keyless(), plain(readers), func(t *testing.T) *decision.Request {
			r := list(t)
			r.Method, r.Tool = mcp.MethodInitialize, decision.Tool{}
			return r
		}, ""},
		"a list": {keyless(), plain(readers), func(t *testing.T) *decision.Request {
			r := list(t)
			r.Method, r.Tool = mcp.MethodToolsList, decision.Tool{}
			return r
		}, "-"},
		"a model":               {keyless(), plain(llm), ask, ""},
		"a model with a key":    {configYAML, plain(llm), ask, "-"},
		"a model with a limit":  {keyless(), plain(llm + "  traffic: {rateLimiting: [{match: {provider: first}, per: Agent, limits: [{requestsPerMinute: 9}]}]}\n"), ask, "-"},
		"the limit of another":  {keyless(), plain(llm + "  traffic: {rateLimiting: [{match: {provider: second}, per: Agent, limits: [{requestsPerMinute: 9}]}]}\n"), ask, ""},
		"a rule on providers":   {keyless(), plain(llm + "  rules: [{name: p, deny: {providers: [second]}, when: \"request.headers.x == 'y'\"}]\n"), ask, "request.headers"},
		"a provider is refused": {configYAML, plain(llm + "  rules: [{name: p, deny: {providers: [first]}}]\n"), ask, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := engineOf(t, false, c.cfg, c.policy)
			r := c.ask(t)
			r.HTTP.Headers = map[string]string{"x": "z"}
			v, _ := open(t, e, r)
			if !v.Allowed() {
				t.Fatalf("refused: %+v", v.Reason)
			}
			got := "-"
			if l := v.Lifeboat; l != nil {
				got = strings.Join(slices.Sorted(slices.Values(l.InputsRead)), ",")
				if l.NotAfter.After(time.Now().Add(lifeboatTime)) || !l.NotAfter.After(time.Now()) {
					t.Errorf("good until %v", l.NotAfter)
				}
			}
			if got != c.words {
				t.Errorf("got %q, want %q", got, c.words)
			}
			if v, err := e.Check(t.Context(), c.ask(t)); err != nil || v.Lifeboat != nil {
				t.Errorf("a program is told %+v, %v", v.Lifeboat, err)
			}
		})
	}
}

// TestNoLifeboatForDenials, whatever they read.
func TestNoLifeboatForDenials(t *testing.T) {
	e, _ := engineOf(t, false, keyless(), plain(readers))
	for _, r := range []*decision.Request{
		at("slack", toolCall(t, "nobody", "list_things", "{}")), at("slack", toolCall(t, "", "list_things", "{}")), at("slack", toolCall(t, "reader", "merge", "{}")),
	} {
		if v, _ := open(t, e, r); v.Allowed() || v.Lifeboat != nil {
			t.Errorf("got %+v", v)
		}
	}
}

// dated believes every token until a time, and refuses "bad".
type dated struct{ until time.Time }

func (d dated) Verify(bearer decision.Secret) (*token.Token, error) {
	if string(bearer) == "bad" || strings.HasSuffix(string(bearer), ".bad") {
		return nil, decision.Refuse(decision.CodeTokenNotYetValid, "the token is not valid yet")
	}
	return &token.Token{Issuer: issuerURL, Subject: "s", Scopes: []string{"mcp:read"}, Audiences: []string{"api"}, Expires: d.until}, nil
}

// TestLifeboatEndsWithTheToken, whichever step looked at it.
func TestLifeboatEndsWithTheToken(t *testing.T) {
	now := time.Now()
	permissive := strings.Replace(strings.Replace(readers, `when: "'mcp:read' in scopes"`, `when: "true"`, 1), "{jwtAuthentication: {", "{jwtAuthentication: {mode: Permissive, ", 1)
	onLLM := readers + "  backend: {llm: {models: {allow: [\"gpt-*\"]}}}\n"
	call := func(bearer string) func(*testing.T) *decision.Request {
		return func(t *testing.T) *decision.Request {
			t.Helper()
			return at("slack", toolCall(t, bearer, "list_things", "{}"))
		}
	}
	withJWT := func(t *testing.T) *decision.Request { // which no rule asks for
		t.Helper()
		r := chat(t, "hi")
		r.Caller.Bearer = decision.Secret("eyJhbGciOiJub25lIn0.eyJ9.x")
		return r
	}
	for name, c := range map[string]struct {
		policy  string
		ask     func(*testing.T) *decision.Request
		expires time.Time
		want    time.Duration // from now; 0: it may not be remembered
	}{
		"in a minute":                {readers, call("x"), now.Add(time.Minute), lifeboatTime},
		"in ten seconds":             {readers, call("x"), now.Add(10 * time.Second), 10 * time.Second},
		"a moment ago":               {readers, call("x"), now.Add(-time.Second), 0}, // within the leeway
		"nobody knows":               {readers, call("x"), time.Time{}, lifeboatTime},
		"a token nobody asked for":   {onLLM, withJWT, now.Add(5 * time.Second), 5 * time.Second},
		"a bad token that may be":    {permissive, call("bad"), now.Add(time.Minute), 0},
		"a good token that may be":   {permissive, call("x"), now.Add(time.Minute), lifeboatTime},
		"no token where one may be ": {permissive, call(""), now.Add(time.Minute), lifeboatTime},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := engineOf(t, false, keyless(), plain(c.policy))
			cfg := e.state.Load().Config
			cfg.Tokens, cfg.Now = dated{c.expires}, func() time.Time { return now }
			if err := e.Replace(cfg); err != nil {
				t.Fatal(err)
			}
			v, _ := open(t, e, c.ask(t))
			if !v.Allowed() {
				t.Fatalf("refused: %+v", v.Reason)
			}
			if (v.Lifeboat == nil) != (c.want == 0) || v.Lifeboat != nil && v.Lifeboat.NotAfter.Sub(now) != c.want {
				t.Errorf("got %+v, want %v", v.Lifeboat, c.want)
			}
		})
	}
}
