package token

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"outrider.dev/outrider/decision"
)

// issuerStore is the storage of a real OIDC issuer, made to speak as Okta
// does: JWT access tokens with an scp array and a cid.
type issuerStore struct{ *storage.Storage }

func (s issuerStore) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	c, err := s.Storage.ClientCredentials(ctx, id, secret)
	return jwtClient{c}, err
}

func (s issuerStore) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return &oidc.JWTTokenRequest{Subject: id, Audience: []string{testAudience}, Scopes: scopes}, nil
}

func (s issuerStore) GetPrivateClaimsFromScopes(_ context.Context, _, clientID string, scopes []string) (map[string]any, error) {
	return map[string]any{"scp": scopes, "cid": clientID}, nil
}

type jwtClient struct{ op.Client }

func (jwtClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

// realIssuer starts an OIDC issuer and returns its address.
func realIssuer(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	issuer := "http://" + srv.Listener.Addr().String()
	store := issuerStore{storage.NewStorage(storage.NewUserStore(issuer))}
	provider, err := op.NewProvider(&op.Config{CryptoKey: [32]byte{1}}, store, op.StaticIssuer(issuer), op.WithAllowInsecure())
	if err != nil {
		t.Fatalf("starting the issuer: %v", err)
	}
	srv.Config.Handler = provider
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

// obtain gets an access token by client_credentials.
func obtain(t *testing.T, srv *httptest.Server, scopes ...string) decision.Secret {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(scopes, " ")}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("sid1", "verysecret")
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		t.Fatalf("the issuer answered status %d without a token: %v", res.StatusCode, err)
	}
	return decision.Secret(answer.AccessToken)
}

func TestRealIssuer(t *testing.T) {
	srv := realIssuer(t)
	v, err := New(Config{Providers: []Provider{{
		Issuer: srv.URL, Audiences: []string{testAudience}, JWKS: Keys{URL: srv.URL + "/keys"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	bearer := obtain(t, srv, "mcp:read", "mcp:write")
	_, err = v.Verify(bearer)
	wantCode(t, err, decision.CodeIssuerUnavailable)
	start(t, v)
	waitReady(t, v)

	tok, err := v.Verify(bearer)
	if err != nil {
		t.Fatalf("a token of a real issuer: %v", err)
	}
	want := &Token{Issuer: srv.URL, Subject: "sid1", Audiences: []string{testAudience}, Scopes: []string{"mcp:read", "mcp:write"}}
	got := &Token{Issuer: tok.Issuer, Subject: tok.Subject, Audiences: tok.Audiences, Scopes: tok.Scopes}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("token (-want +got):\n%s", diff)
	}
	if tok.Claims["cid"] != "sid1" {
		t.Errorf("claims.cid is %v", tok.Claims["cid"])
	}
	if left := time.Until(tok.Expires); left <= 0 || left > 10*time.Minute {
		t.Errorf("expires in %s", left)
	}
	_, err = v.Verify(obtain(t, realIssuer(t), "mcp:read"))
	wantCode(t, err, decision.CodeIssuerUnknown)
}

func waitReady(t *testing.T, v *Verifier) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); v.Ready() != nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not ready: %v", v.Ready())
		}
	}
}
