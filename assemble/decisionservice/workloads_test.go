package decisionservice

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// cluster signs tokens as an API server does.
type cluster struct {
	key *ecdsa.PrivateKey
	set []byte
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := jwk.Import(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(map[string]any{"keys": []any{public}})
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{key: key, set: set}
}

// token is one that the kubelet would project into prod's pod bot-1, changed.
func (c *cluster) token(t *testing.T, change func(claims map[string]any)) decision.Secret {
	t.Helper()
	now := time.Now()
	claims := map[string]any{
		"iss": "https://kubernetes.default.svc.cluster.local", "aud": []string{"outrider"}, "sub": "system:serviceaccount:prod:bot",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"kubernetes.io": map[string]any{
			"namespace": "prod", "serviceaccount": map[string]any{"name": "bot", "uid": "u"}, "pod": map[string]any{"name": "bot-1", "uid": "p"},
			"node": map[string]any{"name": "n"},
		},
	}
	if change != nil {
		change(claims)
	}
	raw, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jws.Sign(raw, jws.WithKey(jwa.ES256(), c.key))
	if err != nil {
		t.Fatal(err)
	}
	return decision.Secret(signed)
}

// believing returns workloads that run until the test ends.
func believing(t *testing.T, keys *configv1.WorkloadKeys) *workloads {
	t.Helper()
	w, err := newWorkloads(&configv1.Workloads{Issuer: "https://kubernetes.default.svc.cluster.local", Audience: "outrider", Jwks: keys}, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for began := time.Now(); w.tokens.Ready() != nil; time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal(w.tokens.Ready())
		}
	}
	return w
}

func TestServiceAccounts(t *testing.T) {
	c := newCluster(t)
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, c.set, 0o600); err != nil {
		t.Fatal(err)
	}
	w := believing(t, &configv1.WorkloadKeys{File: file})
	who, err := w.ServiceAccount(c.token(t, nil))
	if err != nil || who.String() != "service account prod/bot (pod bot-1)" {
		t.Fatalf("%s, %v", who, err)
	}
	k8s := func(claims map[string]any) map[string]any {
		own := maps.Clone(claims["kubernetes.io"].(map[string]any))
		claims["kubernetes.io"] = own
		return own
	}
	for name, tt := range map[string]struct {
		change func(map[string]any)
		code   decision.Code // empty: believed
	}{
		"without a pod":           {func(m map[string]any) { delete(k8s(m), "pod") }, ""},
		"a strange pod":           {func(m map[string]any) { k8s(m)["pod"] = map[string]any{"name": "a\nb"} }, ""},
		"another audience":        {func(m map[string]any) { m["aud"] = "https://kubernetes.default.svc" }, decision.CodeAudienceMismatch},
		"no audience":             {func(m map[string]any) { delete(m, "aud") }, decision.CodeAudienceMismatch},
		"another issuer":          {func(m map[string]any) { m["iss"] = "https://elsewhere" }, decision.CodeIssuerUnknown},
		"expired":                 {func(m map[string]any) { m["exp"] = time.Now().Add(-time.Hour).Unix() }, decision.CodeTokenExpired},
		"a user's":                {func(m map[string]any) { delete(m, "kubernetes.io"); m["sub"] = "ann" }, decision.CodeTokenMalformed},
		"another subject":         {func(m map[string]any) { m["sub"] = "system:serviceaccount:prod:admin" }, decision.CodeTokenMalformed},
		"another namespace":       {func(m map[string]any) { k8s(m)["namespace"] = "dev" }, decision.CodeTokenMalformed},
		"a namespace with a path": {func(m map[string]any) { k8s(m)["namespace"] = "prod/x"; m["sub"] = "system:serviceaccount:prod/x:bot" }, decision.CodeTokenMalformed},
		"an account of a list":    {func(m map[string]any) { k8s(m)["serviceaccount"] = []any{"bot"} }, decision.CodeTokenMalformed},
		"no account":              {func(m map[string]any) { k8s(m)["serviceaccount"] = map[string]any{"name": ""} }, decision.CodeTokenMalformed},
	} {
		who, err := w.ServiceAccount(c.token(t, tt.change))
		var refusal *decision.Error
		switch {
		case tt.code == "" && (err != nil || !who.Proven()):
			t.Errorf("%s: %v", name, err)
		case tt.code != "" && (!errors.As(err, &refusal) || refusal.Code != tt.code || who.Proven()):
			t.Errorf("%s: %s, %v, want %s", name, who, err, tt.code)
		}
	}
	if _, err := w.ServiceAccount(newCluster(t).token(t, nil)); err == nil {
		t.Error("another cluster's token is believed")
	}
	if _, err := w.ServiceAccount(nil); err == nil {
		t.Error("no token is believed")
	}
}

// TestKeysOfTheCluster: the API server tells its keys to those who show a
// token, which goes nowhere else.
func TestKeysOfTheCluster(t *testing.T) {
	c := newCluster(t)
	leaked := atomic.Bool{}
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked.Store(leaked.Load() || r.Header.Get("Authorization") != "")
		_, _ = w.Write(c.set)
	}))
	defer elsewhere.Close()
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer mine":
			w.WriteHeader(http.StatusForbidden)
		case r.URL.Path == "/away":
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		default:
			_, _ = w.Write(c.set)
		}
	}))
	defer api.Close()
	dir := t.TempDir()
	ca, token := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "token")
	for file, content := range map[string]string{token: "mine\n", ca: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw}))} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"/openid/v1/jwks", "/away"} {
		w := believing(t, &configv1.WorkloadKeys{Url: api.URL + path, Ca: ca, Token: token})
		if _, err := w.ServiceAccount(c.token(t, nil)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if leaked.Load() {
		t.Error("the token was shown to another server")
	}
}

func TestWorkloadsNameBadFiles(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for ca, want := range map[string]string{filepath.Join(dir, "none"): "pdp.workloads.jwks.ca: open", empty: "holds no certificate"} {
		_, err := newWorkloads(&configv1.Workloads{Issuer: "i", Audience: "a", Jwks: &configv1.WorkloadKeys{Url: "https://x", Ca: ca}}, nil, time.Now)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", ca, err)
		}
	}
	if w, err := newWorkloads(nil, nil, time.Now); w != nil || err != nil {
		t.Errorf("%v, %v", w, err)
	}
}
