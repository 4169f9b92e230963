package pdp

import (
	"strings"
	"testing"

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
