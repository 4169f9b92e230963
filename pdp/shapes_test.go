package pdp

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/pdp/route"
	"outrider.dev/outrider/strictjson"
)

const (
	tenant      = "11111111-1111-1111-1111-111111111111"
	application = "22222222-2222-2222-2222-222222222222"
	entraV1     = "https://sts.windows.net/" + tenant + "/"
	entraV2     = "https://login.microsoftonline.com/" + tenant + "/v2.0"
	okta        = "https://corp.okta.com/oauth2/default"
)

// shape is how an issuer writes a token, with the right to read.
type shape struct {
	policy string
	header map[string]any
	claims map[string]any
	reads  string // the claim that gives the right
	client string // what Principal.Client must be
	other  string // an audience that belongs to the issuer's other kind of token
}

func shapes() map[string]shape {
	id := "8e3c8b9f-0000-4000-8000-3b1f0c2d9f10"
	base := func(ver, iss, aud string, more map[string]any) map[string]any {
		out := map[string]any{"ver": ver, "iss": iss, "aud": aud, "tid": tenant, "oid": "o", "sub": "o", "uti": "u", "aio": "a"}
		maps.Copy(out, more)
		return out
	}
	uri := "api://" + application
	return map[string]shape{
		"Okta service app": {"okta", map[string]any{"kid": "k", "alg": "EdDSA"}, map[string]any{
			"ver": 1, "jti": "AT.x", "iss": okta, "aud": "api://default", "cid": "0oa1", "sub": "0oa1", "scp": []string{"mcp:read"},
		}, "scp", "0oa1", "https://corp.okta.com"},
		"Okta user": {"okta", map[string]any{"kid": "k", "alg": "EdDSA"}, map[string]any{
			"ver": 1, "jti": "AT.y", "iss": okta, "aud": "api://default", "cid": "0oa2", "uid": "00u", "sub": "ann@corp.example",
			"scp": []string{"openid", "mcp:read"}, "auth_time": 1,
		}, "scp", "0oa2", "0oa2"},
		"Entra v1, app role": {
			"entra",
			map[string]any{"typ": "JWT", "alg": "EdDSA", "kid": "k", "x5t": "k"},
			base("1.0", entraV1, uri, map[string]any{"appid": id, "appidacr": "1", "idtyp": "app", "roles": []string{"Tools.Read"}}), "roles", id, application,
		},
		"Entra v1, user": {
			"entra",
			map[string]any{"typ": "JWT", "alg": "EdDSA", "kid": "k", "x5t": "k"},
			base("1.0", entraV1, uri, map[string]any{"appid": id, "scp": "user_impersonation Tools.Read", "upn": "ann@corp.example"}), "scp", id, application,
		},
		"Entra v2, app role": {
			"entra",
			map[string]any{"typ": "JWT", "alg": "EdDSA", "kid": "k"},
			base("2.0", entraV2, application, map[string]any{"azp": id, "azpacr": "1", "roles": []string{"Tools.Read"}}), "roles", id, uri,
		},
		"Entra v2, user": {
			"entra",
			map[string]any{"typ": "JWT", "alg": "EdDSA", "kid": "k"},
			base("2.0", entraV2, application, map[string]any{"azp": id, "scp": "Tools.Read openid", "name": "Ann"}), "scp", id, uri,
		},
	}
}

// flaw is what is wrong with a token, and the refusal that it must get.
type flaw struct {
	change func(shape, map[string]any)
	code   decision.Code
}

func flaws() map[string]flaw {
	set := func(name string, v any) func(shape, map[string]any) {
		return func(_ shape, c map[string]any) { c[name] = v }
	}
	return map[string]flaw{
		"none":                    {func(shape, map[string]any) {}, decision.CodeNone},
		"expired":                 {set("exp", time.Now().Add(-time.Hour).Unix()), decision.CodeTokenExpired},
		"not yet valid":           {set("nbf", time.Now().Add(time.Hour).Unix()), decision.CodeTokenNotYetValid},
		"other tenant or domain":  {set("iss", "https://sts.windows.net/33333333-3333-3333-3333-333333333333/"), decision.CodeIssuerUnknown},
		"issuer without its end":  {func(_ shape, c map[string]any) { c["iss"] = strings.TrimSuffix(c["iss"].(string), "/") + "x" }, decision.CodeIssuerUnknown},
		"audience of the other":   {func(s shape, c map[string]any) { c["aud"] = s.other }, decision.CodeAudienceMismatch},
		"audience of a stranger":  {set("aud", "https://graph.microsoft.com"), decision.CodeAudienceMismatch},
		"no audience":             {func(_ shape, c map[string]any) { delete(c, "aud") }, decision.CodeAudienceMismatch},
		"no scope":                {func(s shape, c map[string]any) { delete(c, s.reads) }, decision.CodeNotAllowed},
		"another scope":           {func(s shape, c map[string]any) { c[s.reads] = []string{"profile"} }, decision.CodeNotAllowed},
		"scope as part of a word": {func(s shape, c map[string]any) { c[s.reads] = "mcp:reader Tools.ReadAll" }, decision.CodeNotAllowed},
		"scopes are an object":    {func(_ shape, c map[string]any) { c["scp"] = map[string]any{"mcp:read": true} }, decision.CodeTokenMalformed},
	}
}

type signing struct {
	private ed25519.PrivateKey
	public  ed25519.PublicKey
}

func (s signing) jwks() []byte {
	return fmt.Appendf(nil, `{"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","kid":"k","x":%q}]}`, base64.RawURLEncoding.EncodeToString(s.public))
}

func (s signing) token(t *testing.T, header, claims map[string]any) string {
	t.Helper()
	var parts []string
	for _, v := range []any{header, claims} {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(raw))
	}
	signed := strings.Join(parts, ".")
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(s.private, []byte(signed)))
}

// exampleEngine decides by a policy of examples/policies as it is written, but
// for the keys.
func exampleEngine(t *testing.T, name string, jwks []byte) *Engine {
	t.Helper()
	loaded, err := config.Files("../examples/policies/" + name + "/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var providers []token.Provider
	for _, p := range loaded.Policies {
		for _, i := range p.Doc.GetSpec().GetTraffic().GetJwtAuthentication().GetProviders() {
			providers = append(providers, token.Provider{Issuer: i.GetIssuer(), Audiences: i.GetAudiences(), JWKS: token.Keys{Inline: jwks}})
		}
	}
	verifier, err := token.New(token.Config{Providers: providers})
	if err != nil {
		t.Fatal(err)
	}
	return engineWith(t, loaded.Policies, verifier, verifier)
}

// engineWith decides by the policies, with the servers of configYAML.
func engineWith(t *testing.T, policies []config.Policy, verified Tokens, opaque Introspector) *Engine {
	t.Helper()
	t.Setenv("FIRST_KEY", "key-of-first")
	t.Setenv("GITHUB_KEY", "key-of-github")
	var sources []authz.Source
	for _, p := range policies {
		sources = append(sources, authz.Source{Doc: p.Doc, Version: p.Version})
	}
	set, err := authz.NewSet(sources)
	if err != nil {
		t.Fatal(err)
	}
	served, err := config.Text("test", configYAML)
	if err != nil {
		t.Fatal(err)
	}
	routes, err := route.New(served.Config.GetLlm(), served.Config.GetMcp())
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{
		Policies: set, Tokens: verified, Opaque: opaque, Routes: routes, Recorder: &records{}, Now: time.Now,
		Limits: strictjson.Limits{Bytes: 1 << 20, Depth: 64},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestShapesOfTokens is every shape with every flaw, each asking for a tool
// that it may read with, one that it may not write with, and one that is denied.
func TestShapesOfTokens(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := signing{private, public}
	for _, name := range slices.Sorted(maps.Keys(shapes())) {
		s := shapes()[name]
		e := exampleEngine(t, s.policy, keys.jwks())
		for what, f := range flaws() {
			t.Run(name+"/"+what, func(t *testing.T) {
				claims := maps.Clone(s.claims)
				claims["iat"], claims["nbf"], claims["exp"] = time.Now().Add(-time.Minute).Unix(), time.Now().Add(-time.Minute).Unix(), time.Now().Add(time.Hour).Unix()
				f.change(s, claims)
				bearer := keys.token(t, s.header, claims)
				for tool, code := range map[string]decision.Code{
					"github__list_issues": decision.CodeNone, "github__create_issue": decision.CodeNotAllowed, "github__delete_repo": decision.CodeDeniedByRule,
				} {
					if f.code != decision.CodeNone && (f.code != decision.CodeNotAllowed || code == decision.CodeNone) {
						code = f.code
					}
					wantVerdict(t, e, bearer, tool, code)
				}
			})
		}
	}
}

func wantVerdict(t *testing.T, e *Engine, bearer, tool string, want decision.Code) {
	t.Helper()
	caller := decision.Caller{Agent: "devops", Labels: map[string]string{"app": "devops-copilot"}, Bearer: decision.Secret(bearer)}
	r := toolCall(t, "", tool, "{}")
	r.Caller = caller
	v, err := e.Check(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if v.Allowed() != (want == decision.CodeNone) || v.Reason.Code != want {
		t.Errorf("%s: %v %q (%s), want %q", tool, v.Effect, v.Reason.Code, v.Reason.Message, want)
	}
}

func TestShapesNameTheirClient(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := signing{private, public}
	for name, s := range shapes() {
		e := exampleEngine(t, s.policy, keys.jwks())
		claims := maps.Clone(s.claims)
		claims["exp"] = time.Now().Add(time.Hour).Unix()
		r := toolCall(t, keys.token(t, s.header, claims), "github__list_issues", "{}")
		r.Caller.Labels = map[string]string{"app": "devops-copilot"}
		c := e.newCall(r, false)
		for _, step := range []step{(*call).chosen, (*call).identify} {
			if reason := step(c); reason != nil {
				t.Fatalf("%s: %+v", name, reason)
			}
		}
		if p := c.principal; p.Client != s.client || p.Subject != s.claims["sub"] || p.Issuer != s.claims["iss"] {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
