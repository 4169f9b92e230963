package decisionservice

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/pdp/route"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

func policyOf(t *testing.T, providers string) []config.Policy {
	t.Helper()
	loaded, err := config.Text("test", "apiVersion: outrider.dev/v1\nkind: AgentPolicy\nmetadata: {name: p}\n"+
		"spec: {traffic: {jwtAuthentication: {providers: ["+providers+"]}}}\n")
	if err != nil {
		t.Fatal(err)
	}
	return loaded.Policies
}

func TestProviderAsWritten(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		written string
		check   func(token.Provider) bool
	}{
		"remote": {`jwks: {remote: {url: "https://i/keys", cacheDuration: 10m}}`, func(p token.Provider) bool {
			return p.JWKS.URL == "https://i/keys" && p.JWKS.CacheDuration == 10*time.Minute && p.Introspection == nil && p.NotBefore.IsZero()
		}},
		"discovery": {"jwks: {discovery: {}}", func(p token.Provider) bool {
			return p.JWKS.Metadata == "https://i/.well-known/openid-configuration" && p.JWKS.CacheDuration == time.Hour && p.JWKS.URL == ""
		}},
		"discovery elsewhere": {`jwks: {discovery: {url: "https://m", cacheDuration: 2m}}`, func(p token.Provider) bool {
			return p.JWKS.Metadata == "https://m" && p.JWKS.CacheDuration == 2*time.Minute
		}},
		"file": {"jwks: {file: /k.json}", func(p token.Provider) bool { return p.JWKS.File == "/k.json" }},
		"not before": {"jwks: {file: /k.json}, notBefore: 2026-01-31T09:00:00+01:00", func(p token.Provider) bool {
			return p.NotBefore.Equal(time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC))
		}},
		"introspection": {`introspection: {url: "https://i/ask", clientID: c, secret: {file: ` + secret + `}}`, func(p token.Provider) bool {
			got, err := p.Introspection.Secret()
			return err == nil && string(got) == "s3cret" && p.Introspection.ClientID == "c" &&
				p.Introspection.URL == "https://i/ask" && p.Introspection.CacheDuration == 30*time.Second
		}},
	} {
		t.Run(name, func(t *testing.T) {
			doc := policyOf(t, `{issuer: "https://i", audiences: [a], `+tt.written+`}`)[0].Doc
			p, err := provider(doc.GetSpec().GetTraffic().GetJwtAuthentication().GetProviders()[0], route.Key)
			if err != nil || p.Issuer != "https://i" || len(p.Audiences) != 1 || !tt.check(p) {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}

// TestMissingSecret: a start says whose secret is missing; a check needs none.
func TestMissingSecret(t *testing.T) {
	t.Setenv("GATEWAY_SECRET", "")
	list := policyOf(t, `{issuer: "https://i", audiences: [a], introspection: {url: "https://i/ask", clientID: c, secret: {env: GATEWAY_SECRET}}}`)
	log := slog.New(slog.DiscardHandler)
	if _, err := verifier(list, log, route.Key, nil); err == nil || !strings.Contains(err.Error(), "GATEWAY_SECRET") || !strings.Contains(err.Error(), "https://i") {
		t.Errorf("error %v", err)
	}
	if _, err := verifier(list, log, unread, nil); err != nil {
		t.Errorf("a check: %v", err)
	}
	broken := func(string, *configv1.KeySource) (func() (decision.Secret, error), error) {
		return nil, errors.New("no key")
	}
	if _, err := verifier(policyOf(t, `{issuer: i, audiences: [a], jwks: {file: /k.json}}`), log, broken, nil); err != nil {
		t.Errorf("an issuer without introspection needs a key: %v", err)
	}
}

// TestPoliciesMustAgreeOnAnIssuer: one issuer has one source of keys.
func TestPoliciesMustAgreeOnAnIssuer(t *testing.T) {
	list := append(policyOf(t, `{issuer: "https://i", audiences: [a], jwks: {discovery: {}}}`),
		policyOf(t, `{issuer: "https://i", audiences: [b], jwks: {remote: {url: "https://i/keys"}}}`)...)
	if _, err := verifier(list, slog.New(slog.DiscardHandler), unread, nil); err == nil || !strings.Contains(err.Error(), "same jwks") {
		t.Errorf("error %v", err)
	}
}

// TestIntrospectionOverHTTP asks a real endpoint, with a secret that changes.
func TestIntrospectionOverHTTP(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(secret, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, encoded, _ := r.BasicAuth()
		if password, err := url.QueryUnescape(encoded); err != nil || password != "second+one" {
			http.Error(w, "who asks?", http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(w, `{"active":%t,"aud":"a","sub":"ann","scope":"mcp:read"}`, r.FormValue("token") == "good")
	}))
	defer srv.Close()
	list := policyOf(t, fmt.Sprintf(`{issuer: "https://i", audiences: [a], introspection: {url: %q, clientID: c, secret: {file: %s}}}`, srv.URL, secret))
	v, err := verifier(list, slog.New(slog.DiscardHandler), route.Key, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(bearer string, want decision.Code) {
		t.Helper()
		_, err := v.Introspect(decision.Secret(bearer), []string{"https://i"})
		var refusal *decision.Error
		if errors.As(err, &refusal); (err == nil) != (want == decision.CodeNone) || err != nil && refusal.Code != want {
			t.Errorf("%s: %v", bearer, err)
		}
	}
	ask("good", decision.CodeIssuerUnavailable) // the issuer does not know the secret
	write("second+one")
	ask("good", decision.CodeNone)
	ask("bad", decision.CodeTokenInactive)
}
