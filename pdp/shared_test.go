package pdp

import (
	"strings"
	"testing"

	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
)

// signed believes one token, which names ann.
type signed struct{ believed string }

func (s signed) Verify(bearer decision.Secret) (*token.Token, error) {
	if string([]byte(bearer)) != s.believed {
		return nil, decision.Refuse(decision.CodeTokenSignature, "bad")
	}
	return &token.Token{Issuer: "https://a", Subject: "ann", Audiences: []string{"api"}, Claims: map[string]any{}}, nil
}

const onMCP = `{mode: MODE, providers: [{issuer: "https://a", audiences: [api], jwks: {discovery: {}}}]}`

// TestSharedGateway: what comes through a gateway that agents share is proven
// on both surfaces, whatever the policies demand.
func TestSharedGateway(t *testing.T) {
	const good, forged = "eyJhbGciOiJSUzI1NiJ9.e30.Z29vZA", "eyJhbGciOiJSUzI1NiJ9.e30.ZXZpbA"
	for name, tt := range map[string]struct {
		demand, bearer, identity string
		mcp, llm                 decision.Code
		subject                  string
	}{
		"no token":             {onMCP, "", "", decision.CodeTokenMissing, decision.CodeTokenMissing, ""},
		"good":                 {onMCP, good, "", "", "", "ann"},
		"forged":               {onMCP, forged, "", decision.CodeTokenSignature, decision.CodeTokenSignature, ""},
		"an SDK's placeholder": {onMCP, "sk-unused", "", decision.CodeTokenSignature, decision.CodeTokenMissing, ""},
		"no issuers":           {"", good, "", decision.CodeIssuerUnknown, decision.CodeIssuerUnknown, ""},
		"nobody asks":          {"", "", "", decision.CodeTokenMissing, decision.CodeTokenMissing, ""},
		"certificate":          {"", "", "spiffe://corp/ns/prod/sa/bot", "", "", ""},
		"certificate, forged":  {"", forged, "spiffe://corp/ns/prod/sa/bot", "", "", ""},
	} {
		for _, mode := range []string{"Strict", "Optional", "Permissive"} {
			demand := "{}"
			if tt.demand != "" {
				demand = "{jwtAuthentication: " + strings.ReplaceAll(tt.demand, "MODE", mode) + "}"
			}
			loaded, err := config.Text("test", strings.ReplaceAll(`
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: shared}
spec:
  traffic: DEMAND
  rules: [{name: all, allow: {tools: ["*"]}}]
`, "DEMAND", demand))
			if err != nil {
				t.Fatal(err)
			}
			for _, asked := range []struct {
				r    *decision.Request
				want decision.Code
			}{{toolCall(t, tt.bearer, "github__list_issues", "{}"), tt.mcp}, {chat(t, "hi"), tt.llm}} {
				asked.r.Caller.Bearer, asked.r.Caller.Shared, asked.r.Caller.Identity = decision.Secret(tt.bearer), true, tt.identity
				c := engineWith(t, loaded.Policies, signed{good}, nil).newCall(asked.r, false)
				c.decide(t.Context())
				if c.verdict.Reason.Code != asked.want || asked.want == "" && c.who.Subject != tt.subject {
					t.Errorf("%s, %s, %s: %q for %q, want %q for %q", name, mode, asked.r.Surface,
						c.verdict.Reason.Code, c.who.Subject, asked.want, tt.subject)
				}
			}
		}
	}
}
