package road

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/demo/issuer"
)

// TestDiscoveredKeys verifies by keys that the issuer's own metadata names.
func TestDiscoveredKeys(t *testing.T) {
	discovered := func(s *setup) {
		s.policy = strings.Replace(policy, "jwks: {remote: {url: $jwks}}", "jwks: {discovery: {}}", 1)
	}
	eachWay(t, func(t *testing.T, r *Road) {
		r.post(t, pathMCP, toolCall("github__list_issues", `{"repo":"a/b"}`), bearer(r.token(t, scopeRead))...).wantPassed(t)
		for _, f := range []issuer.Forgery{issuer.StrangerKey, issuer.OtherIssuer, issuer.Unsigned} {
			bad, err := believed.Forge(f, "reader", scopeRead)
			if err != nil {
				t.Fatal(err)
			}
			if a := r.post(t, pathMCP, toolCall("github__list_issues", `{"repo":"a/b"}`), bearer(bad)...); a.status != http.StatusUnauthorized {
				t.Errorf("forgery %v: %d %s", f, a.status, a.body)
			}
		}
		r.wantArrivals(t, 1)
	}, discovered)
}

// introspector is an issuer's introspection endpoint (RFC 7662).
type introspector struct {
	asked   atomic.Int64
	revoked atomic.Bool
}

const (
	introspectorClient = "outrider"
	introspectorSecret = "s3cr3t-of-the-client"
	opaqueToken        = "opaque-0123456789"
)

func (i *introspector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.asked.Add(1)
	if id, secret, ok := r.BasicAuth(); !ok || id != introspectorClient || secret != introspectorSecret {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	answer := map[string]any{"active": false}
	if r.FormValue("token") == opaqueToken && !i.revoked.Load() {
		answer = map[string]any{
			"active": true, "iss": believed.URL, "sub": "reader", "client_id": "reader", "aud": issuer.Audience,
			"scope": scopeRead, "exp": time.Now().Add(time.Hour).Unix(),
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// TestIntrospectedTokens asks the issuer about a token that is no JWT: once
// while the answer counts, and never about what an LLM call carries.
func TestIntrospectedTokens(t *testing.T) {
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			asked := &introspector{}
			server := httptest.NewServer(asked)
			t.Cleanup(server.Close)
			s := newSetup(t)
			secret := s.write(t, "introspection.key", introspectorSecret)
			s.policy = strings.Replace(policy, "jwks: {remote: {url: $jwks}}", "jwks: {remote: {url: $jwks}}, introspection: {url: "+
				server.URL+", clientID: "+introspectorClient+", secret: {file: "+secret+"}, cacheDuration: 1s}", 1)
			r := w.build(t, s)
			call := func(token string) *answer {
				return r.post(t, pathMCP, toolCall("github__list_issues", `{"repo":"a/b"}`), bearer(token)...)
			}
			for range 3 {
				call(opaqueToken).wantPassed(t)
			}
			if n := asked.asked.Load(); n != 1 {
				t.Errorf("the issuer was asked %d times in a second", n)
			}
			call("opaque-unknown").wantRefused(t, decision.CodeTokenInactive)
			if a := r.post(t, pathMCP, toolCall("github__create_issue", `{"repo":"a/b"}`), bearer(opaqueToken)...); !strings.Contains(string(a.body), "Unknown tool") {
				t.Errorf("a scope that the issuer did not tell: %d %s", a.status, a.body)
			}
			before := asked.asked.Load()
			r.post(t, pathChat, chat("grok-4", "hi"), bearer(opaqueToken)...).wantPassed(t)
			if asked.asked.Load() != before {
				t.Error("the issuer was shown the credential of an LLM call")
			}
			for _, got := range s.arrived() {
				if strings.Contains(got.Header.Get("Authorization"), opaqueToken) {
					t.Errorf("%s received the agent's token", got.at)
				}
			}
			asked.revoked.Store(true)
			eventually(t, "a revoked token is refused once its answer is old", func() bool {
				return call(opaqueToken).status == http.StatusUnauthorized
			})
		})
	}
}

// TestSilentIssuer: an issuer that does not answer is named before the data
// plane gives the question up, and costs a policy that observes no call.
func TestSilentIssuer(t *testing.T) {
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			ended := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				select {
				case <-ended:
				case <-r.Context().Done():
				}
			}))
			t.Cleanup(server.Close)
			t.Cleanup(func() { close(ended) })
			s := newSetup(t)
			secret := s.write(t, "introspection.key", introspectorSecret)
			introspection := "introspection: {url: " + server.URL + ", clientID: " + introspectorClient + ", secret: {file: " + secret + "}}"
			s.policy = strings.Replace(policy, "jwks: {remote: {url: $jwks}}", "jwks: {remote: {url: $jwks}}, "+introspection, 1)
			r := w.build(t, s)
			call := func(r *Road) *answer {
				return r.post(t, pathMCP, toolCall("github__list_issues", `{"repo":"a/b"}`), bearer(opaqueToken)...)
			}
			call(r).wantRefused(t, decision.CodeIssuerUnavailable)

			s = newSetup(t)
			s.policy = `---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: enforced}
spec:
  rules: [{name: all, allow: {tools: ["*"]}}]
---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: tried}
spec:
  enforcement: Observe
  traffic: {jwtAuthentication: {providers: [{issuer: "https://silent.example", audiences: [api], ` + introspection + `}]}}
`
			call(w.build(t, s)).wantPassed(t)
		})
	}
}
