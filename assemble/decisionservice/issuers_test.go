package decisionservice

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
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

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
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
	private := filepath.Join(t.TempDir(), "private.pem")
	writePrivateKey(t, private)
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
		"introspection by a key": {`introspection: {url: "https://i/ask", clientID: c, privateKeyJWT: {key: {file: ` + private + `}, keyID: k1, audience: "https://i"}}`, func(p token.Provider) bool {
			got, err := p.Introspection.Assertion.Key()
			return err == nil && strings.HasPrefix(string(got), "-----BEGIN PRIVATE KEY-----\n") && p.Introspection.Secret == nil &&
				p.Introspection.Assertion.KeyID == "k1" && p.Introspection.Assertion.Audience == "https://i"
		}},
		"introspection": {`introspection: {url: "https://i/ask", clientID: c, secret: {file: ` + secret + `}}`, func(p token.Provider) bool {
			got, err := p.Introspection.Secret()
			return err == nil && string(got) == "s3cret" && p.Introspection.ClientID == "c" &&
				p.Introspection.URL == "https://i/ask" && p.Introspection.CacheDuration == 30*time.Second
		}},
	} {
		t.Run(name, func(t *testing.T) {
			doc := policyOf(t, `{issuer: "https://i", audiences: [a], `+tt.written+`}`)[0].Doc
			p, err := provider(doc.GetSpec().GetTraffic().GetJwtAuthentication().GetProviders()[0], readIssuerKeys())
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
	if _, err := verifier(list, log, readIssuerKeys(), nil); err == nil || !strings.Contains(err.Error(), "GATEWAY_SECRET") || !strings.Contains(err.Error(), "https://i") {
		t.Errorf("error %v", err)
	}
	if _, err := verifier(list, log, uncheckedIssuerKeys(), nil); err != nil {
		t.Errorf("a check: %v", err)
	}
	broken := func(string, *configv1.KeySource) (func() (decision.Secret, error), error) {
		return nil, errors.New("no key")
	}
	if _, err := verifier(policyOf(t, `{issuer: i, audiences: [a], jwks: {file: /k.json}}`), log, issuerKeys{broken, broken}, nil); err != nil {
		t.Errorf("an issuer without introspection needs a key: %v", err)
	}
}

// writePrivateKey writes a new private key to a file and returns its public half.
func writePrivateKey(t *testing.T, file string) ed25519.PublicKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return public
}

// TestIntrospectionByAKey asks an endpoint that takes nobody's word for who
// asks, with a key that changes.
func TestIntrospectionByAKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "private.pem")
	public := writePrivateKey(t, file)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, err := jwt.Parse([]byte(r.FormValue("client_assertion")), jwt.WithKey(jwa.EdDSA(), public),
			jwt.WithIssuer("c"), jwt.WithSubject("c"), jwt.WithAudience("http://"+r.Host+"/ask"), jwt.WithRequiredClaim("exp"), jwt.WithRequiredClaim("jti"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(w, `{"active":%t,"aud":"a","sub":"ann"}`, r.FormValue("token") == "good" && claims != nil)
	}))
	defer srv.Close()
	list := policyOf(t, fmt.Sprintf(`{issuer: "https://i", audiences: [a], introspection: {url: %q, clientID: c, privateKeyJWT: {key: {file: %s}}}}`, srv.URL+"/ask", file))
	v, err := verifier(list, slog.New(slog.DiscardHandler), readIssuerKeys(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if tok, err := v.Introspect(decision.Secret("good"), []string{"https://i"}); err != nil || tok.Subject != "ann" {
		t.Fatalf("%+v, %v", tok, err)
	}
	public = writePrivateKey(t, file)
	if err := os.Chtimes(file, time.Time{}, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	var refusal *decision.Error
	if _, err := v.Introspect(decision.Secret("bad"), []string{"https://i"}); !errors.As(err, &refusal) || refusal.Code != decision.CodeTokenInactive {
		t.Errorf("with the new key: %v", err)
	}
	if err := os.WriteFile(file, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := verifier(list, slog.New(slog.DiscardHandler), readIssuerKeys(), nil); err == nil || !strings.Contains(err.Error(), "privateKeyJWT: the private key cannot be read") {
		t.Errorf("a start with a bad key: %v", err)
	}
	if _, err := verifier(list, slog.New(slog.DiscardHandler), uncheckedIssuerKeys(), nil); err != nil {
		t.Errorf("a check needs no key: %v", err)
	}
}

// TestOneProofOfAClient: a question proves who asks in one way.
func TestOneProofOfAClient(t *testing.T) {
	for proof, want := range map[string]string{
		"": "none of secret or privateKeyJWT is given", ", privateKeyJWT: {}": "key is missing",
		", secret: {env: A}, privateKeyJWT: {key: {env: B}}": "secret and privateKeyJWT are given together",
	} {
		_, err := config.Text("test", "apiVersion: outrider.dev/v1\nkind: AgentPolicy\nmetadata: {name: p}\n"+
			`spec: {traffic: {jwtAuthentication: {providers: [{issuer: "https://i", audiences: [a], introspection: {url: "https://i/ask", clientID: c`+proof+"}}]}}}\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", proof, err)
		}
	}
}

// TestPoliciesMustAgreeOnAnIssuer: one issuer has one source of keys.
func TestPoliciesMustAgreeOnAnIssuer(t *testing.T) {
	list := append(policyOf(t, `{issuer: "https://i", audiences: [a], jwks: {discovery: {}}}`),
		policyOf(t, `{issuer: "https://i", audiences: [b], jwks: {remote: {url: "https://i/keys"}}}`)...)
	if _, err := verifier(list, slog.New(slog.DiscardHandler), uncheckedIssuerKeys(), nil); err == nil || !strings.Contains(err.Error(), "same jwks") {
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
	v, err := verifier(list, slog.New(slog.DiscardHandler), readIssuerKeys(), nil)
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
