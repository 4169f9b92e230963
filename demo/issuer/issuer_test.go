package issuer

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func start(t *testing.T) *Issuer {
	t.Helper()
	i, err := Start(
		Client{ID: "reader", Secret: "r-secret", Scopes: []string{"mcp:read"}},
		Client{ID: "admin", Secret: "a-secret", Scopes: []string{"mcp:read", "mcp:admin"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i
}

// ask posts a token request and returns the status and the answer's members.
func ask(t *testing.T, i *Issuer, id, secret string, form url.Values) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.TokenURL(), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(id, secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	out := map[string]any{}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatalf("the answer is not JSON: %v", err)
	}
	return resp.StatusCode, out
}

func keys(t *testing.T, i *Issuer) jwk.Set {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.JWKS(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.Parse(raw)
	if err != nil {
		t.Fatalf("the key set cannot be read: %v", err)
	}
	return set
}

func grant(scope string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}
}

func TestTokensVerifyAndCarryTheirScopes(t *testing.T) {
	i := start(t)
	set := keys(t, i)
	for _, c := range []struct {
		id, secret, scope string
		want              []any
	}{
		{"reader", "r-secret", "mcp:read", []any{"mcp:read"}},
		{"admin", "a-secret", "mcp:read mcp:admin", []any{"mcp:read", "mcp:admin"}},
		{"admin", "a-secret", "", []any{"mcp:read", "mcp:admin"}},
	} {
		status, got := ask(t, i, c.id, c.secret, grant(c.scope))
		if status != http.StatusOK {
			t.Fatalf("%s: status %d: %v", c.id, status, got)
		}
		raw, _ := got["access_token"].(string)
		token, err := jwt.ParseString(raw, jwt.WithKeySet(set),
			jwt.WithIssuer(i.URL), jwt.WithAudience(Audience), jwt.WithValidate(true))
		if err != nil {
			t.Fatalf("%s: the token does not verify: %v", c.id, err)
		}
		var scp []any
		var cid string
		if err := token.Get("scp", &scp); err != nil || !reflect.DeepEqual(scp, c.want) {
			t.Errorf("%s: scp is %v (%v), want %v", c.id, scp, err, c.want)
		}
		if err := token.Get("cid", &cid); err != nil || cid != c.id {
			t.Errorf("%s: cid is %q (%v)", c.id, cid, err)
		}
		if sub, _ := token.Subject(); sub != c.id {
			t.Errorf("%s: sub is %q", c.id, sub)
		}
	}
}

func TestTokenRequestsThatAreRefused(t *testing.T) {
	i := start(t)
	for _, c := range []struct {
		name, id, secret string
		form             url.Values
		status           int
		error            string
	}{
		{"wrong secret", "reader", "a-secret", grant("mcp:read"), http.StatusUnauthorized, "invalid_client"},
		{"unknown client", "nobody", "", grant("mcp:read"), http.StatusUnauthorized, "invalid_client"},
		{"a scope beyond its own", "reader", "r-secret", grant("mcp:admin"), http.StatusBadRequest, "invalid_scope"},
		{
			"a grant that needs a person", "reader", "r-secret",
			url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "redirect_uri": {"http://127.0.0.1/"}},
			http.StatusBadRequest, "invalid_grant",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, got := ask(t, i, c.id, c.secret, c.form)
			if status != c.status || got["error"] != c.error {
				t.Errorf("got %d %v, want %d %s", status, got, c.status, c.error)
			}
			if got["access_token"] != nil {
				t.Error("a refused request got a token")
			}
		})
	}
}

func TestDiscoveryPointsToTheEndpoints(t *testing.T) {
	i := start(t)
	resp, err := http.Get(i.URL + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var doc map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"issuer": i.URL, "jwks_uri": i.JWKS(), "token_endpoint": i.TokenURL()} {
		if doc[name] != want {
			t.Errorf("%s is %v, want %s", name, doc[name], want)
		}
	}
	if i.Total() != 1 || i.Since(0)[0].Path != "/.well-known/openid-configuration" {
		t.Errorf("remembered %v", i.Since(0))
	}
	other, err := http.Get(i.URL + "/authorize")
	if err != nil {
		t.Fatal(err)
	}
	_ = other.Body.Close()
	if other.StatusCode != http.StatusNotFound {
		t.Errorf("/authorize answers %d, want 404: only client_credentials is served", other.StatusCode)
	}
}

// header reads the protected header of a compact token.
func header(t *testing.T, token string) map[string]any {
	t.Helper()
	first, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestForgeriesAreWrongInOneWayOnly(t *testing.T) {
	i := start(t)
	set := keys(t, i)
	for _, c := range []struct {
		name     string
		forgery  Forgery
		alg      string
		verifies bool // the signature, by our keys
		issuer   bool
		audience bool
		current  bool
	}{
		{"expired", Expired, "RS256", true, true, true, false},
		{"other audience", OtherAudience, "RS256", true, true, false, true},
		{"other issuer", OtherIssuer, "RS256", false, false, true, true},
		{"stranger's key", StrangerKey, "RS256", false, true, true, true},
		{"unsigned", Unsigned, "none", false, true, true, true},
		{"HMAC with the public key", HMAC, "HS256", false, true, true, true},
		{"bound to a key", Bound, "RS256", true, true, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw, err := i.Forge(c.forgery, "reader", "mcp:read")
			if err != nil {
				t.Fatal(err)
			}
			if alg := header(t, raw)["alg"]; alg != c.alg {
				t.Errorf("alg is %v, want %s", alg, c.alg)
			}
			if _, err := jwt.ParseString(raw, jwt.WithKeySet(set), jwt.WithValidate(false)); (err == nil) != c.verifies {
				t.Errorf("verification: %v, want success: %t", err, c.verifies)
			}
			token, err := jwt.ParseInsecure([]byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			if iss, _ := token.Issuer(); (iss == i.URL) != c.issuer {
				t.Errorf("issuer is %q, want ours: %t", iss, c.issuer)
			}
			aud, _ := token.Audience()
			if good := len(aud) == 1 && aud[0] == Audience; good != c.audience {
				t.Errorf("audience is %v, want good: %t", aud, c.audience)
			}
			exp, _ := token.Expiration()
			if current := exp.After(time.Now()); current != c.current {
				t.Errorf("it ends at %v, want current: %t", exp, c.current)
			}
			var scp []any
			if err := token.Get("scp", &scp); err != nil || len(scp) != 1 || scp[0] != "mcp:read" {
				t.Errorf("scp is %v (%v)", scp, err)
			}
		})
	}
}

// A careless verifier takes the HMAC forgery for good: the forgery is real.
func TestHMACForgeryWouldFoolACarelessVerifier(t *testing.T) {
	i := start(t)
	raw, err := i.Forge(HMAC, "reader", "mcp:admin")
	if err != nil {
		t.Fatal(err)
	}
	key, ok := keys(t, i).Key(0)
	if !ok {
		t.Fatal("no key")
	}
	pem, err := jwk.EncodePEM(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jwt.ParseString(raw, jwt.WithKey(jwa.HS256(), pem)); err != nil {
		t.Errorf("the forgery is not signed with the public key: %v", err)
	}
}
