package token

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outrider.dev/outrider/decision"
)

func TestVerifyAcceptsEveryAlgorithm(t *testing.T) {
	v := newVerifier(t, inlineProvider(allKeys()))
	for alg, name := range map[string]string{
		"RS256": "rsa", "RS384": "rsa", "RS512": "rsa", "PS256": "rsa", "PS384": "rsa", "PS512": "rsa",
		"ES256": "p256", "ES384": "p384", "ES512": "p521", "EdDSA": "ed", "Ed25519": "ed",
	} {
		for _, kid := range []string{name, ""} {
			header := object{"alg": alg}
			if kid != "" {
				header["kid"] = kid
			}
			tok, err := v.Verify(mint(alg, signers()[name], header, goodClaims()))
			if err != nil {
				t.Errorf("%s, kid %q: %v", alg, kid, err)
				continue
			}
			if tok.Subject != "alice" || tok.Issuer != testIssuer || !tok.Expires.Equal(noon.Add(time.Hour)) {
				t.Errorf("%s, kid %q: read %+v", alg, kid, tok)
			}
		}
	}
}

// wrongToken is a token with the code that must refuse it.
type wrongToken struct {
	token decision.Secret
	want  decision.Code
}

func refuseAll(t *testing.T, v *Verifier, tests map[string]wrongToken) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tok, err := v.Verify(tt.token)
			wantCode(t, err, tt.want)
			if tok != nil {
				t.Errorf("a token was returned beside the error: %+v", tok)
			}
			if n := v.seen.EstimatedSize(); n != 0 {
				t.Errorf("%d refused tokens are remembered", n)
			}
		})
	}
}

func TestUnreadableTokens(t *testing.T) {
	v := newVerifier(t, inlineProvider(allKeys()))
	good := string(mintAs("rsa", nil))
	rsaKey := signers()["rsa"]
	rs := func(header object) decision.Secret {
		return mint("RS256", rsaKey, header, goodClaims())
	}
	raw := func(claims string) decision.Secret {
		return mint("RS256", rsaKey, object{"alg": "RS256", "kid": "rsa"}, claims)
	}
	exp := noon.Add(time.Hour).Unix()
	refuseAll(t, v, map[string]wrongToken{
		"absent":                     {nil, decision.CodeTokenMissing},
		"empty":                      {decision.Secret{}, decision.CodeTokenMissing},
		"a placeholder key":          {decision.Secret("sk-placeholder"), decision.CodeTokenMalformed},
		"two parts":                  {decision.Secret("e30.e30"), decision.CodeTokenMalformed},
		"four parts":                 {decision.Secret(good + ".e30"), decision.CodeTokenMalformed},
		"encrypted":                  {decision.Secret("e30.e30.e30.e30.e30"), decision.CodeTokenMalformed},
		"many dots":                  {decision.Secret(strings.Repeat(".", 9000)), decision.CodeTokenMalformed},
		"too long":                   {mintAs("rsa", object{"pad": strings.Repeat("x", maxToken)}), decision.CodeTokenMalformed},
		"scheme in front":            {decision.Secret("Bearer " + good), decision.CodeTokenMalformed},
		"line break inside":          {decision.Secret(good[:len(good)-4] + "\n" + good[len(good)-4:]), decision.CodeTokenMalformed},
		"padding":                    {decision.Secret(good + "="), decision.CodeTokenMalformed},
		"header is a list":           {mint("RS256", rsaKey, "[]", goodClaims()), decision.CodeTokenMalformed},
		"header with duplicate alg":  {mint("RS256", rsaKey, `{"alg":"RS256","alg":"none","kid":"rsa"}`, goodClaims()), decision.CodeTokenMalformed},
		"kid is a number":            {rs(object{"alg": "RS256", "kid": 1}), decision.CodeTokenMalformed},
		"alg is a number":            {rs(object{"alg": 256, "kid": "rsa"}), decision.CodeTokenMalformed},
		"crit":                       {rs(object{"alg": "RS256", "kid": "rsa", "crit": []string{"b64"}, "b64": true}), decision.CodeTokenMalformed},
		"enc":                        {rs(object{"alg": "RS256", "kid": "rsa", "enc": "A256GCM"}), decision.CodeTokenMalformed},
		"zip":                        {rs(object{"alg": "RS256", "kid": "rsa", "zip": "DEF"}), decision.CodeTokenMalformed},
		"nested":                     {rs(object{"alg": "RS256", "kid": "rsa", "cty": "jwt"}), decision.CodeTokenMalformed},
		"logout token":               {rs(object{"alg": "RS256", "kid": "rsa", "typ": "logout+jwt"}), decision.CodeTokenMalformed},
		"typed as media type":        {rs(object{"alg": "RS256", "kid": "rsa", "typ": "application/dpop+JWT"}), decision.CodeTokenMalformed},
		"payload is text":            {raw(`"hello"`), decision.CodeTokenMalformed},
		"payload with trailer":       {raw(`{"iss":"` + testIssuer + `"} {}`), decision.CodeTokenMalformed},
		"duplicate claim":            {raw(fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d,"scp":["a"],"scp":["b"]}`, testIssuer, testAudience, exp)), decision.CodeTokenMalformed},
		"duplicate, escaped":         {raw(fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d,"scp":["a"],"\u0073cp":["b"]}`, testIssuer, testAudience, exp)), decision.CodeTokenMalformed},
		"duplicate below":            {raw(fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d,"x":{"y":[{"z":1,"z":2}]}}`, testIssuer, testAudience, exp)), decision.CodeTokenMalformed},
		"invalid UTF-8":              {raw(fmt.Sprintf("{\"iss\":%q,\"aud\":%q,\"exp\":%d,\"x\":\"\xff\"}", testIssuer, testAudience, exp)), decision.CodeTokenMalformed},
		"too deep":                   {raw(fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d,"x":%s%s}`, testIssuer, testAudience, exp, strings.Repeat("[", maxDepth), strings.Repeat("]", maxDepth))), decision.CodeTokenMalformed},
		"exp out of range":           {raw(fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":1e999}`, testIssuer, testAudience)), decision.CodeTokenMalformed},
		"iss is a list":              {mintAs("rsa", object{"iss": []string{testIssuer}}), decision.CodeTokenMalformed},
		"sub is a number":            {mintAs("rsa", object{"sub": 7}), decision.CodeTokenMalformed},
		"no exp":                     {mintAs("rsa", object{"exp": nil}), decision.CodeTokenMalformed},
		"exp is text":                {mintAs("rsa", object{"exp": "tomorrow"}), decision.CodeTokenMalformed},
		"exp is null":                {raw(fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":null}`, testIssuer, testAudience)), decision.CodeTokenMalformed},
		"exp in milliseconds":        {mintAs("rsa", object{"exp": noon.Add(time.Hour).UnixMilli()}), decision.CodeTokenMalformed},
		"exp below zero":             {mintAs("rsa", object{"exp": -1}), decision.CodeTokenMalformed},
		"nbf is text":                {mintAs("rsa", object{"nbf": "now"}), decision.CodeTokenMalformed},
		"aud is a number":            {mintAs("rsa", object{"aud": 1}), decision.CodeTokenMalformed},
		"aud with a number":          {mintAs("rsa", object{"aud": []any{testAudience, 1}}), decision.CodeTokenMalformed},
		"scp is an object":           {mintAs("rsa", object{"scp": object{"mcp:read": true}}), decision.CodeTokenMalformed},
		"scope with a number inside": {mintAs("rsa", object{"scope": []any{1}}), decision.CodeTokenMalformed},
	})
}

func TestWrongTokens(t *testing.T) {
	v := newVerifier(t, inlineProvider(allKeys()))
	good := string(mintAs("rsa", nil))
	rsaKey := signers()["rsa"]
	rs := func(header object) decision.Secret {
		return mint("RS256", rsaKey, header, goodClaims())
	}
	publicDER := must(x509.MarshalPKIXPublicKey(rsaKey.Public()))
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER})
	publicJWK := must(json.Marshal(jwkOf(rsaKey, object{"kid": "rsa", "use": "sig"})))
	hmac := func(alg string, key []byte) decision.Secret {
		return mint(alg, key, object{"alg": alg, "kid": "rsa"}, goodClaims())
	}
	none := func(alg string) decision.Secret {
		return decision.Secret(encode(object{"alg": alg}) + "." + encode(goodClaims()) + ".")
	}
	refuseAll(t, v, map[string]wrongToken{
		"bound to a certificate":      {mintAs("rsa", object{"cnf": object{"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}}), decision.CodeTokenBound},
		"bound to a DPoP key":         {mintAs("rsa", object{"cnf": object{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}), decision.CodeTokenBound},
		"bound in a way of its own":   {mintAs("rsa", object{"cnf": object{}}), decision.CodeTokenBound},
		"cnf is text":                 {mintAs("rsa", object{"cnf": "x"}), decision.CodeTokenBound},
		"other issuer":                {mintAs("rsa", object{"iss": "https://elsewhere.example"}), decision.CodeIssuerUnknown},
		"issuer with a slash more":    {mintAs("rsa", object{"iss": testIssuer + "/"}), decision.CodeIssuerUnknown},
		"no issuer":                   {mintAs("rsa", object{"iss": nil}), decision.CodeIssuerUnknown},
		"unsigned of another issuer":  {decision.Secret(encode(object{"alg": "none"}) + "." + encode(object{"iss": "x"}) + "."), decision.CodeIssuerUnknown},
		"alg none":                    {none("none"), decision.CodeTokenAlgorithm},
		"alg None":                    {none("None"), decision.CodeTokenAlgorithm},
		"alg absent":                  {rs(object{"kid": "rsa"}), decision.CodeTokenAlgorithm},
		"alg in lower case":           {rs(object{"alg": "rs256", "kid": "rsa"}), decision.CodeTokenAlgorithm},
		"HMAC with the public PEM":    {hmac("HS256", publicPEM), decision.CodeTokenAlgorithm},
		"HMAC with the public DER":    {hmac("HS512", publicDER), decision.CodeTokenAlgorithm},
		"HMAC with the public JWK":    {hmac("HS384", publicJWK), decision.CodeTokenAlgorithm},
		"ES256K":                      {rs(object{"alg": "ES256K", "kid": "p256"}), decision.CodeTokenAlgorithm},
		"ES256 on an RSA key":         {mint("ES256", signers()["p256"], object{"alg": "ES256", "kid": "rsa"}, goodClaims()), decision.CodeTokenAlgorithm},
		"RS256 on an EC key":          {rs(object{"alg": "RS256", "kid": "p256"}), decision.CodeTokenAlgorithm},
		"ES256 on a P-384 key":        {mint("ES256", signers()["p256"], object{"alg": "ES256", "kid": "p384"}, goodClaims()), decision.CodeTokenAlgorithm},
		"unknown key":                 {rs(object{"alg": "RS256", "kid": "rotated"}), decision.CodeTokenKeyUnknown},
		"signed by another key":       {mint("RS256", signers()["rsa2"], object{"alg": "RS256", "kid": "rsa"}, goodClaims()), decision.CodeTokenSignature},
		"RS256 signature named PS256": {rs(object{"alg": "PS256", "kid": "rsa"}), decision.CodeTokenSignature},
		"no signature":                {decision.Secret(good[:strings.LastIndex(good, ".")+1]), decision.CodeTokenSignature},
		"payload swapped":             {swapPayload(good, with(object{"sub": "admin"})), decision.CodeTokenSignature},
		"expired":                     {mintAs("rsa", object{"exp": noon.Add(-time.Minute).Unix()}), decision.CodeTokenExpired},
		"expired at the leeway":       {mintAs("rsa", object{"exp": noon.Add(-30 * time.Second).Unix()}), decision.CodeTokenExpired},
		"exp zero":                    {mintAs("rsa", object{"exp": 0}), decision.CodeTokenExpired},
		"nbf later":                   {mintAs("rsa", object{"nbf": noon.Add(31 * time.Second).Unix()}), decision.CodeTokenNotYetValid},
		"iat later":                   {mintAs("rsa", object{"iat": noon.Add(time.Minute).Unix()}), decision.CodeTokenNotYetValid},
		"Ed25519 on an RSA key":       {rs(object{"alg": "Ed25519", "kid": "rsa"}), decision.CodeTokenAlgorithm},
		"Ed448":                       {rs(object{"alg": "Ed448", "kid": "ed"}), decision.CodeTokenAlgorithm},
		"other audience":              {mintAs("rsa", object{"aud": "api://other"}), decision.CodeAudienceMismatch},
		"no audience":                 {mintAs("rsa", object{"aud": nil}), decision.CodeAudienceMismatch},
		"audience in a case":          {mintAs("rsa", object{"aud": strings.ToUpper(testAudience)}), decision.CodeAudienceMismatch},
	})
}

func swapPayload(token string, claims object) decision.Secret {
	parts := strings.Split(token, ".")
	return decision.Secret(parts[0] + "." + encode(claims) + "." + parts[2])
}

func TestErrorsHoldNothingOfTheToken(t *testing.T) {
	v := newVerifier(t, inlineProvider(allKeys()))
	for _, bearer := range []decision.Secret{
		mintAs("rsa", object{"iss": "https://marker.example"}),
		mintAs("rsa", object{"aud": "marker"}),
		mintAs("rsa", object{"scp": object{"marker": 1}}),
		mint("RS256", signers()["rsa"], object{"alg": "marker"}, goodClaims()),
		mint("RS256", signers()["rsa"], object{"alg": "RS256"}, `{"marker":1,"marker":2}`),
		mint("RS256", signers()["rsa"], object{"alg": "RS256"}, `{"x":marker}`),
		decision.Secret("marker"),
	} {
		_, err := v.Verify(bearer)
		if err == nil || strings.Contains(err.Error(), "marker") {
			t.Errorf("error %v shows a part of the token", err)
		}
	}
}

func TestHeaderKeysAreNotUsed(t *testing.T) {
	v := newVerifier(t, inlineProvider(jwksOf(jwkOf(signers()["rsa"], object{"kid": "rsa"}))))
	own := jwkOf(signers()["rsa2"], nil)
	for _, header := range []object{
		{"alg": "RS256", "jwk": own},
		{"alg": "RS256", "kid": "rsa", "jwk": own},
		{"alg": "RS256", "kid": "rsa", "jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/cert"},
	} {
		_, err := v.Verify(mint("RS256", signers()["rsa2"], header, goodClaims()))
		wantCode(t, err, decision.CodeTokenSignature)
		if _, err := v.Verify(mint("RS256", signers()["rsa"], header, goodClaims())); err != nil {
			t.Errorf("the issuer's own signature beside %v: %v", header, err)
		}
	}
}

func TestAccessTokenTypes(t *testing.T) {
	v := newVerifier(t, inlineProvider(allKeys()))
	for _, typ := range []string{"JWT", "at+jwt", "AT+JWT", "application/at+jwt", "JOSE"} {
		bearer := mint("RS256", signers()["rsa"], object{"alg": "RS256", "kid": "rsa", "typ": typ}, goodClaims())
		if _, err := v.Verify(bearer); err != nil {
			t.Errorf("typ %q: %v", typ, err)
		}
	}
}

func TestLeeway(t *testing.T) {
	p := inlineProvider(allKeys())
	p.Leeway = time.Minute
	v := newVerifier(t, p)
	for _, claims := range []object{
		{"exp": noon.Add(-59 * time.Second).Unix()},
		{"exp": float64(noon.Add(-time.Minute).Unix()) + 0.5},
		{"nbf": noon.Add(time.Minute).Unix()},
		{"iat": noon.Add(time.Minute).Unix()},
	} {
		if _, err := v.Verify(mintAs("rsa", claims)); err != nil {
			t.Errorf("%v within the leeway: %v", claims, err)
		}
	}
	_, err := v.Verify(mintAs("rsa", object{"exp": noon.Add(-time.Minute).Unix()}))
	wantCode(t, err, decision.CodeTokenExpired)
}

func TestAudiences(t *testing.T) {
	a, b := inlineProvider(allKeys()), inlineProvider(allKeys())
	a.Audiences, b.Audiences = []string{"api://a"}, []string{"api://b"}
	v := newVerifier(t, a, b)
	tok, err := v.Verify(mintAs("rsa", object{"aud": []string{"api://x", "api://b"}}))
	if err != nil {
		t.Fatalf("audience of the second listing: %v", err)
	}
	if err := tok.For(b.Audiences); err != nil {
		t.Errorf("For its own audiences: %v", err)
	}
	wantCode(t, tok.For(a.Audiences), decision.CodeAudienceMismatch)
	if err := tok.For(nil); err != nil {
		t.Errorf("For no audiences: %v", err)
	}
	_, err = v.Verify(mintAs("rsa", object{"aud": "api://x"}))
	wantCode(t, err, decision.CodeAudienceMismatch)

	b.Audiences = nil
	if _, err := newVerifier(t, a, b).Verify(mintAs("rsa", object{"aud": nil})); err != nil {
		t.Errorf("one listing takes any audience: %v", err)
	}
}

func TestRememberedTokenIsCheckedAgain(t *testing.T) {
	now := noon
	v, err := New(Config{Providers: []Provider{inlineProvider(allKeys())}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	bearer := mintAs("rsa", nil)
	first := must(v.Verify(bearer))
	if again := must(v.Verify(bearer)); again != first {
		t.Error("the second call verified anew")
	}
	now = noon.Add(-time.Hour)
	_, err = v.Verify(bearer)
	wantCode(t, err, decision.CodeTokenNotYetValid)
	now = noon
	must(v.Verify(bearer))
	now = noon.Add(2 * time.Hour)
	_, err = v.Verify(bearer)
	wantCode(t, err, decision.CodeTokenExpired)
	if n := v.seen.EstimatedSize(); n != 0 {
		t.Errorf("%d expired tokens are remembered", n)
	}
}

func TestWithdrawnKeyEndsRememberedTokens(t *testing.T) {
	v := newVerifier(t, inlineProvider(allKeys()))
	bearer := mintAs("rsa", nil)
	must(v.Verify(bearer))
	source := v.sources[0]

	same := must(readKeys(allKeys()))
	source.set.Store(&fetchedSet{keySet: same})
	if r, _ := v.recall(v.seen.place(bearer)); r == nil {
		t.Error("the same keys, published again, do not carry the token")
	}
	// The same name with other key material must not carry the token.
	other := must(readKeys(jwksOf(jwkOf(signers()["rsa2"], object{"kid": "rsa"}))))
	source.set.Store(&fetchedSet{keySet: other})
	_, err := v.Verify(bearer)
	wantCode(t, err, decision.CodeTokenSignature)
	if n := v.seen.EstimatedSize(); n != 0 {
		t.Errorf("%d tokens of a withdrawn key are remembered", n)
	}
	// The same material, now for another algorithm only, must not either.
	narrowed := must(readKeys(jwksOf(jwkOf(signers()["rsa"], object{"kid": "rsa", "alg": "PS256"}))))
	source.set.Store(&fetchedSet{keySet: narrowed})
	_, err = v.Verify(bearer)
	wantCode(t, err, decision.CodeTokenAlgorithm)
}

func TestConcurrentVerify(t *testing.T) {
	v := newVerifier(t, inlineProvider(allKeys()))
	good, bad := mintAs("rsa", nil), mintAs("rsa", object{"aud": "x"})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				if _, err := v.Verify(good); err != nil {
					t.Errorf("good token: %v", err)
				}
				_, err := v.Verify(bad)
				wantCode(t, err, decision.CodeAudienceMismatch)
			}
		})
	}
	wg.Wait()
}

func TestScopesAndNumbersOfAToken(t *testing.T) {
	v := newVerifier(t, inlineProvider(allKeys()))
	tok := must(v.Verify(mintAs("rsa", object{
		"scp": "mcp:read mcp:write", "scope": []string{"mcp:write", "openid"}, "roles": []string{"Data Admin"}, "n": 9007199254740993,
	})))
	if diff := cmp.Diff([]string{"mcp:read", "mcp:write", "openid", "Data Admin"}, tok.Scopes); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{"mcp:read", "mcp:write"}, tok.Claims["scp"]); diff != "" {
		t.Errorf("claims.scp (-want +got):\n%s", diff)
	}
	if tok.Claims["n"] != int64(9007199254740993) {
		t.Errorf("claims.n is %v, not exact", tok.Claims["n"])
	}
}
