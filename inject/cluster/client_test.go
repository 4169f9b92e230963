package cluster

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asked is a question that the server saw.
type asked struct{ method, path, contentType, token, body string }

// serve answers every question alike, and returns a client of it and what it saw.
func serve(t *testing.T, code int, answer string) (*Client, *asked, string) {
	t.Helper()
	var last asked
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		last = asked{r.Method, r.URL.EscapedPath(), r.Header.Get("Content-Type"), r.Header.Get("Authorization"), string(body)}
		w.Header().Set("Location", "https://elsewhere.example/")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	ca, token := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "token")
	put(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})))
	put(t, token, "first\n")
	c, err := New(Config{URL: srv.URL + "/", CA: ca, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, &last, token
}

func put(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRequests(t *testing.T) {
	c, last, _ := serve(t, http.StatusOK, `{"minor": "35", "big": 12345678901234567890}`)
	ctx := t.Context()
	for name, tt := range map[string]struct {
		ask  func() error
		want asked
	}{
		"version": {func() error { _, err := c.Minor(ctx); return err }, asked{"GET", "/version", "", "Bearer first", ""}},
		"secret": {
			func() error { _, err := c.Secret(ctx, "o", "a/../b"); return err },
			asked{"GET", "/api/v1/namespaces/o/secrets/a%2F..%2Fb", "", "Bearer first", ""},
		},
		"create":   {func() error { return c.CreateSecret(ctx, "o", Object{"a": 1}) }, asked{"POST", "/api/v1/namespaces/o/secrets", "application/json", "Bearer first", `{"a":1}`}},
		"update":   {func() error { return c.UpdateSecret(ctx, "o", "s", Object{}) }, asked{"PUT", "/api/v1/namespaces/o/secrets/s", "application/json", "Bearer first", `{}`}},
		"webhooks": {func() error { _, err := c.Webhooks(ctx, "w"); return err }, asked{"GET", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/w", "", "Bearer first", ""}},
		"patch": {
			func() error { return c.PatchWebhooks(ctx, "w", []any{Object{"op": "test"}}) },
			asked{"PATCH", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/w", "application/json-patch+json", "Bearer first", `[{"op":"test"}]`},
		},
		"event": {func() error { return c.CreateEvent(ctx, "prod", Object{}) }, asked{"POST", "/api/v1/namespaces/prod/events", "application/json", "Bearer first", `{}`}},
	} {
		if err := tt.ask(); err != nil || *last != tt.want {
			t.Errorf("%s: asked %+v, want %+v: %v", name, *last, tt.want, err)
		}
	}
	if minor, err := c.Minor(ctx); minor != 35 || err != nil {
		t.Errorf("minor %d, %v", minor, err)
	}
	secret, err := c.Secret(ctx, "o", "s")
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := json.Marshal(secret); err != nil || !strings.Contains(string(raw), "12345678901234567890") {
		t.Errorf("a number changed on its way: %s, %v", raw, err)
	}
}

// TestTokenIsReadAgain: the kubelet replaces it while the process runs.
func TestTokenIsReadAgain(t *testing.T) {
	c, last, token := serve(t, http.StatusOK, `{"minor": "28+"}`)
	put(t, token, "second")
	if minor, err := c.Minor(t.Context()); err != nil || minor != 28 || last.token != "Bearer second" {
		t.Errorf("%d, %v, %q", minor, err, last.token)
	}
	if err := os.Remove(token); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Minor(t.Context()); err == nil || !strings.Contains(err.Error(), "webhook.api.token") {
		t.Errorf("got %v", err)
	}
}

func TestAnswersThatAreErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		code   int
		answer string
		is     error
		want   string
	}{
		"missing":   {404, `{}`, ErrNotFound, "no such object"},
		"conflict":  {409, `{}`, ErrConflict, "meanwhile"},
		"forbidden": {403, `{"message": "secrets is forbidden"}`, nil, "answers 403: secrets is forbidden"},
		"long":      {500, `{"message": "` + strings.Repeat("x", 1000) + `"}`, nil, "xxx…"},
		"silent":    {500, ``, nil, "no reason given"},
		"no json":   {200, `<html>`, nil, "invalid character"},
		"elsewhere": {307, ``, nil, "answers 307"}, // the token follows no redirect
		"no number": {200, `{"minor": "x"}`, nil, "give sidecar.placement"},
	} {
		c, _, _ := serve(t, tt.code, tt.answer)
		_, err := c.Minor(t.Context())
		if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) || len(err.Error()) > 500 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewNamesBadFiles(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	put(t, empty, "nothing")
	for ca, want := range map[string]string{filepath.Join(dir, "none"): "webhook.api.ca: open", empty: "holds no certificate"} {
		if _, err := New(Config{URL: "https://x", CA: ca}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", ca, err)
		}
	}
}

func TestInCluster(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("KUBERNETES_SERVICE_PORT", "")
	if _, err := InCluster(); err == nil || !strings.Contains(err.Error(), "webhook.api") {
		t.Errorf("got %v", err)
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	if cfg, err := InCluster(); err != nil || cfg.URL != "https://[fd00::1]:443" || !strings.HasSuffix(cfg.Token, "/token") {
		t.Errorf("%+v, %v", cfg, err)
	}
}
