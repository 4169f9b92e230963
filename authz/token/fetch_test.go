package token

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/fetch"
)

// fetchFrom fetches with a client that trusts the test's certificates.
func fetchFrom(t *testing.T, srv *httptest.Server, url string) ([]byte, error) {
	t.Helper()
	c := fetch.Client(srv.Client(), fetchTimeout)
	return fromURL(c, url)(context.Background())
}

func TestRedirects(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("plain"))
	}))
	defer plain.Close()
	mux := http.NewServeMux()
	tls := httptest.NewTLSServer(mux)
	defer tls.Close()
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("keys")) })
	mux.Handle("/moved", http.RedirectHandler("/keys", http.StatusFound))
	mux.Handle("/down", http.RedirectHandler(plain.URL, http.StatusFound))
	mux.Handle("/away", http.RedirectHandler("http://issuer.example/keys", http.StatusFound))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	mux.Handle("/file", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	for path, wantErr := range map[string]string{
		"/keys": "", "/moved": "",
		"/down": "without TLS", "/away": "without TLS", "/file": "without TLS", "/loop": "redirects",
		"/none": "status 404",
	} {
		raw, err := fetchFrom(t, tls, tls.URL+path)
		switch {
		case wantErr == "" && (err != nil || string(raw) != "keys"):
			t.Errorf("%s: %q, %v", path, raw, err)
		case wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr)):
			t.Errorf("%s: error %v, want %q", path, err, wantErr)
		}
	}
}

func TestLoopbackRedirectToLoopback(t *testing.T) {
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	defer srv.Close()
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("keys")) })
	mux.Handle("/moved", http.RedirectHandler("/keys", http.StatusFound))
	if raw, err := fetchFrom(t, srv, srv.URL+"/moved"); err != nil || string(raw) != "keys" {
		t.Errorf("%q, %v", raw, err)
	}
}

func TestAnswerIsBounded(t *testing.T) {
	for size, ok := range map[int]bool{maxJWKS: true, maxJWKS + 1: false} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat("x", size)))
		}))
		if _, err := fetchFrom(t, srv, srv.URL); (err == nil) != ok {
			t.Errorf("%d bytes: %v", size, err)
		}
		srv.Close()
	}
}
