package token

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws/jwsbb"
	"go.uber.org/goleak"

	"outrider.dev/outrider/decision"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testIssuer   = "https://issuer.example/oauth2/default"
	testAudience = "api://default"
)

// noon is the time at which the tests verify.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type object = map[string]any

// signers are made once: RSA keys take long.
var signers = sync.OnceValue(func() map[string]crypto.Signer {
	out := map[string]crypto.Signer{}
	for _, name := range []string{"rsa", "rsa2"} {
		out[name] = must(rsa.GenerateKey(rand.Reader, 2048))
	}
	out["p256"] = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	out["p384"] = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	out["p521"] = must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	out["ed"] = must(ed, err)
	return out
})

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// jwkOf renders the public key of a signer as a JWK with further members.
func jwkOf(signer crypto.Signer, members object) object {
	return keyObject(signer.Public(), members)
}

func keyObject(raw any, members object) object {
	k := must(jwk.Import(raw))
	out := object{}
	if err := json.Unmarshal(must(json.Marshal(k)), &out); err != nil {
		panic(err)
	}
	maps.Copy(out, members)
	return out
}

func jwksOf(keys ...object) []byte {
	return must(json.Marshal(object{"keys": keys}))
}

// allKeys is a set with every signer under its own name.
func allKeys() []byte {
	var keys []object
	for _, name := range slices.Sorted(maps.Keys(signers())) {
		keys = append(keys, jwkOf(signers()[name], object{"kid": name, "use": "sig"}))
	}
	return jwksOf(keys...)
}

func goodClaims() object {
	return object{
		"iss": testIssuer, "aud": testAudience, "sub": "alice",
		"exp": noon.Add(time.Hour).Unix(), "nbf": noon.Add(-time.Minute).Unix(), "iat": noon.Add(-time.Minute).Unix(),
		"scp": []string{"mcp:read"},
	}
}

// with returns the claims of goodClaims with changes; a nil value removes one.
func with(changes object) object {
	c := goodClaims()
	for k, v := range changes {
		if v == nil {
			delete(c, k)
			continue
		}
		c[k] = v
	}
	return c
}

func encode(v any) string {
	raw, ok := v.(string)
	if !ok {
		raw = string(must(json.Marshal(v)))
	}
	return base64.RawURLEncoding.EncodeToString([]byte(raw))
}

// mint signs header and claims, which are objects or raw JSON text.
func mint(alg string, key any, header, claims any) decision.Secret {
	signed := encode(header) + "." + encode(claims)
	sig := must(jwsbb.Sign(key, alg, []byte(signed), rand.Reader))
	return decision.Secret(signed + "." + base64.RawURLEncoding.EncodeToString(sig))
}

// mintAs signs good claims, changed, with the RSA signer of that name.
func mintAs(name string, changes object) decision.Secret {
	return mint("RS256", signers()[name], object{"alg": "RS256", "kid": name, "typ": "JWT"}, with(changes))
}

func inlineProvider(set []byte) Provider {
	return Provider{Issuer: testIssuer, Audiences: []string{testAudience}, JWKS: Keys{Inline: set}}
}

func newVerifier(t testing.TB, providers ...Provider) *Verifier {
	t.Helper()
	v, err := New(Config{Providers: providers, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return v
}

// start runs v until the test ends and waits for it.
func start(t testing.TB, v *Verifier) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- v.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func codeOf(err error) decision.Code {
	var e *decision.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return decision.CodeNone
}

func wantCode(t testing.TB, err error, want decision.Code) {
	t.Helper()
	if got := codeOf(err); got != want {
		t.Errorf("code %q (%v), want %q", got, err, want)
	}
}
