package pdp

import (
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
)

const twoIssuersYAML = `
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: first}
spec:
  agents: {matchLabels: {app: copilot}}
  traffic:
    jwtAuthentication:
      mode: MODE
      surfaces: [MCP, LLM]
      providers:
        - {issuer: "https://a", audiences: [api], introspection: {url: "https://a/ask", clientID: c, secret: {env: S}}}
        - {issuer: "https://b", audiences: [api], jwks: {discovery: {}}}
  rules: [{name: all, allow: {tools: ["*"]}}]
---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: second}
spec:
  agents: {matchLabels: {app: copilot}}
  traffic:
    jwtAuthentication:
      providers: [{issuer: "https://a", audiences: [other], introspection: {url: "https://a/ask", clientID: c, secret: {env: S}}}]
  rules: [{name: all, allow: {tools: ["*"]}}]
---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: stranger}
spec:
  agents: {matchLabels: {app: other}}
  traffic:
    jwtAuthentication:
      providers: [{issuer: "https://stranger", audiences: [api], introspection: {url: "https://stranger/ask", clientID: c, secret: {env: S}}}]
  rules: [{name: all, allow: {tools: ["*"]}}]
`

// asked notes who was to find out about which token.
type asked struct {
	verified, introspected []string
	issuers                string
}

func (a *asked) Verify(bearer decision.Secret) (*token.Token, error) {
	a.verified = append(a.verified, string([]byte(bearer)))
	return nil, decision.Refuse(decision.CodeTokenSignature, "bad")
}

func (a *asked) Introspect(bearer decision.Secret, issuers []string) (*token.Token, error) {
	a.introspected = append(a.introspected, string([]byte(bearer)))
	a.issuers = strings.Join(issuers, " ")
	switch string([]byte(bearer)) {
	case "good":
		return &token.Token{Issuer: "https://a", Subject: "ann", Client: "svc", Audiences: []string{"api"}, Claims: map[string]any{}}, nil
	case "elsewhere":
		return &token.Token{Issuer: "https://stranger", Subject: "eve", Audiences: []string{"api"}, Claims: map[string]any{}}, nil
	}
	return nil, decision.Refuse(decision.CodeTokenInactive, "inactive")
}

func identified(t *testing.T, a *asked, mode string, r *decision.Request) (*decision.Principal, decision.Code) {
	t.Helper()
	loaded, err := config.Text("test", strings.ReplaceAll(twoIssuersYAML, "MODE", mode))
	if err != nil {
		t.Fatal(err)
	}
	c := engineWith(t, loaded.Policies, a, a).newCall(r, false)
	for _, step := range []step{(*call).chosen, (*call).identify} {
		if reason := step(c); reason != nil {
			return c.principal, reason.Code
		}
	}
	return c.principal, decision.CodeNone
}

// TestOpaqueTokens: only the issuers of the agent's own policies are asked, and
// nobody about what an LLM call carries, which may be a provider's key.
func TestOpaqueTokens(t *testing.T) {
	const jwt = "eyJhbGciOiJub25lIn0.e30."
	for name, tt := range map[string]struct {
		bearer, mode string
		llm          bool
		want         decision.Code
		subject      string
		introspected bool
		verified     bool
	}{
		"good":                   {"good", "Strict", false, decision.CodeNone, "ann", true, false},
		"inactive":               {"bad", "Strict", false, decision.CodeTokenInactive, "", true, false},
		"inactive, optional":     {"bad", "Optional", false, decision.CodeTokenInactive, "", true, false},
		"of an unlisted issuer":  {"elsewhere", "Strict", false, decision.CodeIssuerUnknown, "", true, false},
		"JWT":                    {jwt, "Strict", false, decision.CodeTokenSignature, "", false, true},
		"JWT on LLM":             {jwt, "Strict", true, decision.CodeTokenSignature, "", false, true},
		"opaque on LLM":          {"good", "Strict", true, decision.CodeTokenMissing, "", false, false},
		"opaque on LLM, allowed": {"sk-provider-key", "Optional", true, decision.CodeNone, "", false, false},
		"none":                   {"", "Strict", false, decision.CodeTokenMissing, "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := toolCall(t, tt.bearer, "github__list_issues", "{}")
			if tt.llm {
				r = chat(t, "hi")
				r.Caller.Bearer = decision.Secret(tt.bearer)
			}
			a := &asked{}
			p, code := identified(t, a, tt.mode, r)
			if code != tt.want || p.Subject != tt.subject {
				t.Errorf("code %q, subject %q", code, p.Subject)
			}
			if (len(a.introspected) > 0) != tt.introspected || (len(a.verified) > 0) != tt.verified {
				t.Errorf("introspected %d, verified %d", len(a.introspected), len(a.verified))
			}
			if tt.introspected && a.issuers != "https://a https://b" {
				t.Errorf("the issuers to ask are %q", a.issuers)
			}
		})
	}
}

// TestPermissiveStillAsks: a bad token counts as absent, a good one counts.
func TestPermissiveStillAsks(t *testing.T) {
	loaded, err := config.Text("test", strings.ReplaceAll(strings.Split(twoIssuersYAML, "---")[0], "MODE", "Permissive"))
	if err != nil {
		t.Fatal(err)
	}
	for bearer, client := range map[string]string{"good": "svc", "bad": ""} {
		a := &asked{}
		c := engineWith(t, loaded.Policies, a, a).newCall(toolCall(t, bearer, "github__list_issues", "{}"), false)
		for _, step := range []step{(*call).chosen, (*call).identify} {
			if reason := step(c); reason != nil {
				t.Errorf("%s: %+v", bearer, reason)
			}
		}
		if c.principal.Client != client {
			t.Errorf("%s: %+v", bearer, c.principal)
		}
	}
}

// TestNamedSubject: a token of another subject than the asker names counts as a
// bad one.
func TestNamedSubject(t *testing.T) {
	for _, tt := range []struct {
		mode, bearer, named string
		want                decision.Code
		subject             string
	}{
		{"Strict", "good", "ann", decision.CodeNone, "ann"},
		{"Strict", "good", "bob", decision.CodeSubjectMismatch, ""},
		{"Optional", "good", "bob", decision.CodeSubjectMismatch, ""},
		{"Permissive", "good", "bob", decision.CodeNone, ""},
		{"Optional", "", "bob", decision.CodeNone, ""}, // naming proves nothing
		{"Strict", "", "bob", decision.CodeTokenMissing, ""},
		{"Strict", "bad", "ann", decision.CodeTokenInactive, ""},
	} {
		loaded, err := config.Text("test", strings.ReplaceAll(strings.Split(twoIssuersYAML, "---")[0], "MODE", tt.mode))
		if err != nil {
			t.Fatal(err)
		}
		r := toolCall(t, tt.bearer, "github__list_issues", "{}")
		r.Caller.Subject = tt.named
		a := &asked{}
		c := engineWith(t, loaded.Policies, a, a).newCall(r, false)
		code := decision.CodeNone
		for _, step := range []step{(*call).chosen, (*call).identify} {
			if reason := step(c); reason != nil {
				code = reason.Code
			}
		}
		if code != tt.want || c.who.Subject != tt.subject {
			t.Errorf("%+v: %q, subject %q", tt, code, c.who.Subject)
		}
	}
}

const triedTokensYAML = `
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: in-force}
spec:
  agents: {matchLabels: {app: copilot}}
  rules: [{name: reads, allow: {tools: ["list_*"]}}]
---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: tried}
spec:
  agents: {matchLabels: {app: copilot}}
  enforcement: Observe
  traffic:
    jwtAuthentication:
      mode: MODE
      providers: [{issuer: "https://a", audiences: [AUDIENCE], introspection: {url: "https://a/ask", clientID: c, secret: {env: S}}}]
    rateLimiting: [{per: Identity, limits: [{requestsPerMinute: 1}]}]
  rules: [{name: ann-reads, allow: {tools: ["list_*"]}, when: "principal.subject == 'ann'"}]
`

// TestTriedTokens: what an observing policy says of a token is recorded and
// changes nothing; whom the token names counts for that policy only.
func TestTriedTokens(t *testing.T) {
	for name, tt := range map[string]struct {
		mode, audience, bearer string
		want                   []decision.Code
		subject                string
	}{
		"good":               {"Strict", "api", "good", nil, "ann"},
		"missing":            {"Strict", "api", "", []decision.Code{decision.CodeTokenMissing, decision.CodeNotAllowed}, ""},
		"missing, optional":  {"Optional", "api", "", []decision.Code{decision.CodeNotAllowed}, ""},
		"bad":                {"Strict", "api", "bad", []decision.Code{decision.CodeTokenInactive, decision.CodeNotAllowed}, ""},
		"bad, permissive":    {"Permissive", "api", "bad", []decision.Code{decision.CodeNotAllowed}, ""},
		"meant for another":  {"Strict", "other", "good", []decision.Code{decision.CodeAudienceMismatch, decision.CodeNotAllowed}, ""},
		"of another issuer":  {"Strict", "api", "elsewhere", []decision.Code{decision.CodeIssuerUnknown, decision.CodeNotAllowed}, ""},
		"nothing is refused": {"Strict", "api", "anything", []decision.Code{decision.CodeTokenInactive, decision.CodeNotAllowed}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			loaded, err := config.Text("test", strings.NewReplacer("MODE", tt.mode, "AUDIENCE", tt.audience).Replace(triedTokensYAML))
			if err != nil {
				t.Fatal(err)
			}
			a := &asked{}
			e := engineWith(t, loaded.Policies, a, a)
			var codes []decision.Code
			c := e.newCall(toolCall(t, tt.bearer, "github__list_issues", "{}"), false)
			if c.decide(t.Context()); !c.verdict.Allowed() {
				t.Fatalf("an observing policy refused: %+v", c.verdict.Reason)
			}
			for _, o := range c.observed {
				codes = append(codes, o.Reason.Code)
				if o.Policy != "tried" || o.Version == "" {
					t.Errorf("observed without its policy: %+v", o)
				}
			}
			if !slices.Equal(codes, tt.want) || c.tried.Subject != tt.subject {
				t.Errorf("observed %v of %q, want %v of %q", codes, c.tried.Subject, tt.want, tt.subject)
			}
			if c.principal.Issuer != "" || c.principal.Subject != "" {
				t.Errorf("the enforcing policy believes a token that it never asked for: %+v", c.principal)
			}
		})
	}
}

// TestTriedLimitCountsByTheTriedIdentity: the limit of an observing policy is
// kept for whom its own token names.
func TestTriedLimitCountsByTheTriedIdentity(t *testing.T) {
	loaded, err := config.Text("test", strings.NewReplacer("MODE", "Optional", "AUDIENCE", "api").Replace(triedTokensYAML))
	if err != nil {
		t.Fatal(err)
	}
	a := &asked{}
	e := engineWith(t, loaded.Policies, a, a)
	for i, bearer := range []string{"good", "", "good"} {
		c := e.newCall(toolCall(t, bearer, "github__list_issues", "{}"), false)
		c.decide(t.Context())
		limited := slices.ContainsFunc(c.observed, func(o authz.Observation) bool {
			return o.Reason.Code == decision.CodeRateLimited && o.Policy == "tried"
		})
		if limited != (i == 2) || !c.verdict.Allowed() {
			t.Errorf("call %d: %+v, observed %+v", i, c.verdict.Reason, c.observed)
		}
	}
}
