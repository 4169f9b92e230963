package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws/jwsbb"

	"outrider.dev/outrider/decision"
)

// clerk is an issuer's endpoint that verifies the assertions of its one client
// as RFC 7523 §3 wants, and knows the token "good".
type clerk struct {
	t        *testing.T
	public   crypto.PublicKey
	alg, kid string
	audience string
	seen     map[string]bool // jti
	refused  string          // why it refused the last question
}

func (c *clerk) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.ParseForm(); err != nil {
		return nil, err
	}
	status, answer := http.StatusOK, object{"active": false}
	if c.refused = c.check(req); c.refused != "" {
		status, answer = http.StatusUnauthorized, object{"error": "invalid_client"}
	} else if req.PostForm.Get("token") == "good" {
		answer = object{"active": true, "aud": testAudience, "sub": "ann", "scope": "mcp:read"}
	}
	return answered(req, status, must(json.Marshal(answer))), nil
}

// check says what is wrong with how the client proves itself.
func (c *clerk) check(req *http.Request) string {
	form := req.PostForm
	if req.Header.Get("Authorization") != "" || form.Get("client_secret") != "" {
		return "it sends two proofs"
	}
	if form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || form.Get("client_id") != testClient {
		return "it is no assertion of the client"
	}
	parts := strings.Split(form.Get("client_assertion"), ".")
	if len(parts) != 3 {
		return "it is no JWT"
	}
	var header, claims object
	for i, into := range []*object{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(raw, into) != nil {
			return "it cannot be read"
		}
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || jwsbb.Verify(c.public, c.alg, []byte(parts[0]+"."+parts[1]), signature) != nil {
		return "its signature is wrong"
	}
	kid, _ := header["kid"].(string)
	issued, _ := claims["iat"].(float64)
	ends, _ := claims["exp"].(float64)
	id, _ := claims["jti"].(string)
	switch now := float64(time.Now().Unix()); {
	case header["alg"] != c.alg || kid != c.kid || header["typ"] != "JWT":
		return "its header is wrong"
	case claims["iss"] != testClient || claims["sub"] != testClient || claims["aud"] != c.audience:
		return "it is of somebody else, or for somebody else"
	case issued > now || ends <= now || ends-issued > 300:
		return "its time is wrong"
	case len(id) < 16 || c.seen[id]:
		return "it came before"
	}
	c.seen[id] = true
	return ""
}

// asserting returns a verifier that asks c and proves itself by a key that is
// read anew for each question.
func (c *clerk) asserting(a *Assertion) (*Verifier, error) {
	return New(Config{
		Providers: []Provider{{
			Issuer: testIssuer, Audiences: []string{testAudience},
			Introspection: &Introspection{URL: testIntrospection, ClientID: testClient, Assertion: a},
		}},
		HTTP: &http.Client{Transport: c}, Now: func() time.Time { return noon },
	})
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(key any) string { return pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))) }

// privateJWK is the key as a JWK with more members.
func privateJWK(key any, more object) string { return string(must(json.Marshal(keyObject(key, more)))) }

func fixed(text *string) func() (decision.Secret, error) {
	return func() (decision.Secret, error) { return decision.Secret(*text), nil }
}

func TestAssertions(t *testing.T) {
	keys := signers()
	for name, tt := range map[string]struct {
		signer, written, alg, kid string
		as                        Assertion
	}{
		"RSA, PKCS 8":       {"rsa", pkcs8(keys["rsa"]), "RS256", "", Assertion{}},
		"RSA, PKCS 1":       {"rsa", pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(keys["rsa"].(*rsa.PrivateKey))), "RS256", "k1", Assertion{KeyID: "k1"}},
		"P-256, SEC 1":      {"p256", pemOf("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(keys["p256"].(*ecdsa.PrivateKey)))), "ES256", "", Assertion{}},
		"P-384":             {"p384", pkcs8(keys["p384"]), "ES384", "", Assertion{}},
		"P-521":             {"p521", pkcs8(keys["p521"]), "ES512", "", Assertion{}},
		"Ed25519":           {"ed", pkcs8(keys["ed"]), "EdDSA", "", Assertion{}},
		"JWK":               {"rsa", privateJWK(keys["rsa"], object{"kid": "own"}), "RS256", "own", Assertion{}},
		"JWK with an alg":   {"rsa", privateJWK(keys["rsa"], object{"alg": "PS384"}), "PS384", "", Assertion{}},
		"JWK, another kid":  {"p256", " \n" + privateJWK(keys["p256"], object{"kid": "own"}) + "\n", "ES256", "given", Assertion{KeyID: "given"}},
		"another audience":  {"ed", privateJWK(keys["ed"], object{"alg": "Ed25519"}), "EdDSA", "", Assertion{Audience: testIssuer}},
		"audience by issue": {"p256", pkcs8(keys["p256"]), "ES256", "", Assertion{Audience: "https://issuer.example/oauth2/token"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &clerk{t: t, public: keys[tt.signer].Public(), alg: tt.alg, kid: tt.kid, audience: testIntrospection, seen: map[string]bool{}}
			if tt.as.Audience != "" {
				c.audience = tt.as.Audience
			}
			tt.as.Key = fixed(&tt.written)
			v := must(c.asserting(&tt.as))
			for bearer, want := range map[string]decision.Code{"good": decision.CodeNone, "bad": decision.CodeTokenInactive, "worse": decision.CodeTokenInactive} {
				_, err := v.Introspect(decision.Secret(bearer), []string{testIssuer})
				wantCode(t, err, want)
			}
			if c.refused != "" || len(c.seen) != 3 {
				t.Errorf("%s, %d assertions", c.refused, len(c.seen))
			}
		})
	}
}

// TestKeysOfAssertionsChange: the key that is there counts. While it is none,
// nobody's token does.
func TestKeysOfAssertionsChange(t *testing.T) {
	keys := signers()
	written := pkcs8(keys["rsa"])
	c := &clerk{t: t, public: keys["rsa2"].Public(), alg: "RS256", audience: testIntrospection, seen: map[string]bool{}}
	v := must(c.asserting(&Assertion{Key: fixed(&written)}))
	ask := func(want decision.Code, refused string) {
		t.Helper()
		_, err := v.Introspect(decision.Secret("good"), []string{testIssuer})
		wantCode(t, err, want)
		if c.refused != refused {
			t.Errorf("refused because %q", c.refused)
		}
	}
	ask(decision.CodeIssuerUnavailable, "its signature is wrong")
	written = "nonsense"
	ask(decision.CodeIssuerUnavailable, "its signature is wrong")
	written = pkcs8(keys["rsa2"])
	ask(decision.CodeNone, "")
}

func TestKeysThatSignNothing(t *testing.T) {
	small := must(rsa.GenerateKey(rand.Reader, 1024))
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	keys := signers()
	for name, tt := range map[string]struct{ written, want string }{
		"nothing that is a key": {"s3cr3t", "cannot be read"},
		"an empty PEM":          {pemOf("PRIVATE KEY", []byte("s3cr3t")), "cannot be read"},
		"a public key":          {pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(keys["rsa"].Public()))), "no private key that signs"},
		"a public JWK":          {privateJWK(keys["p256"].Public(), nil), "no private key that signs"},
		"a secret":              {`{"kty":"oct","k":"czNjcjN0"}`, "no private key that signs"},
		"a set of keys":         {`{"keys":[` + privateJWK(keys["p256"], nil) + `]}`, "cannot be read"},
		"with a password":       {pemOf("ENCRYPTED PRIVATE KEY", []byte("s3cr3t")), "cannot be read"},
		"a small RSA key":       {pkcs8(small), "kind that is not used"},
		"another curve":         {pkcs8(p224), "kind that is not used"},
		"another alg":           {privateJWK(keys["p256"], object{"alg": "RS256"}), "does not fit"},
		"no alg at all":         {privateJWK(keys["rsa"], object{"alg": "none"}), "does not fit"},
		"HMAC":                  {privateJWK(keys["rsa"], object{"alg": "HS256"}), "does not fit"},
	} {
		_, err := (&clerk{}).asserting(&Assertion{Key: fixed(&tt.written)})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "introspection privateKeyJWT") {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), tt.written)) {
			t.Errorf("%s: the error tells the key", name)
		}
	}
}

// TestProofsOfClients: exactly one proof, and the same wherever an issuer is listed.
func TestProofsOfClients(t *testing.T) {
	written := pkcs8(signers()["p256"])
	key := fixed(&written)
	with := func(change func(*Introspection)) Provider {
		i := &Introspection{URL: testIntrospection, ClientID: testClient, Assertion: &Assertion{Key: key}}
		change(i)
		return Provider{Issuer: testIssuer, Audiences: []string{testAudience}, Introspection: i}
	}
	same := with(func(*Introspection) {})
	for name, tt := range map[string]struct {
		second Provider
		want   string
	}{
		"the same":         {same, ""},
		"both proofs":      {with(func(i *Introspection) { i.Secret = introspectionOf().Secret }), "one of secret and privateKeyJWT"},
		"no proof":         {with(func(i *Introspection) { i.Assertion = nil }), "one of secret and privateKeyJWT"},
		"a secret":         {with(func(i *Introspection) { i.Assertion, i.Secret = nil, introspectionOf().Secret }), "differs"},
		"another kid":      {with(func(i *Introspection) { i.Assertion.KeyID = "x" }), "differs"},
		"another audience": {with(func(i *Introspection) { i.Assertion.Audience = "x" }), "differs"},
		"its own address":  {with(func(i *Introspection) { i.Assertion.Audience = i.URL }), ""},
	} {
		_, err := New(Config{Providers: []Provider{same, tt.second}})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzSigningKey: whatever is given for a key is refused, or signs what its
// public half verifies.
func FuzzSigningKey(f *testing.F) {
	for _, name := range []string{"p256", "ed", "rsa"} {
		f.Add([]byte(pkcs8(signers()[name])))
		f.Add([]byte(privateJWK(signers()[name], object{"kid": "x"})))
	}
	f.Add([]byte(`{"kty":"EC","crv":"P-256","x":"","y":"","d":""}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		text := string(raw)
		if _, err := readSigningKey(raw); err != nil {
			return
		}
		a := &asserter{Assertion: Assertion{Key: fixed(&text), Audience: "a"}, client: "c"}
		signed, err := a.sign(noon)
		if err != nil {
			return
		}
		at := strings.LastIndexByte(signed, '.')
		signature := must(base64.RawURLEncoding.DecodeString(signed[at+1:]))
		if err := jwsbb.Verify(a.key.private.Public(), a.key.algorithm, []byte(signed[:at]), signature); err != nil {
			t.Errorf("what %q signed does not verify: %v", raw, err)
		}
		if _, err := jwk.Import(a.key.private.Public()); err != nil {
			t.Error(err)
		}
	})
}
