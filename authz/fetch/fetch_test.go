package fetch

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestRedirects(t *testing.T) {
	mux := http.NewServeMux()
	tls := httptest.NewTLSServer(mux)
	defer tls.Close()
	plain := httptest.NewServer(mux)
	defer plain.Close()
	mux.HandleFunc("/found", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("/moved", http.RedirectHandler("/found", http.StatusFound))
	mux.Handle("/down", http.RedirectHandler(plain.URL+"/found", http.StatusFound))
	mux.Handle("/away", http.RedirectHandler("http://elsewhere.example/found", http.StatusFound))
	mux.Handle("/file", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	for _, tc := range []struct {
		srv        *httptest.Server
		path, want string
	}{
		{tls, "/found", ""},
		{tls, "/moved", ""},
		{tls, "/down", "without TLS"},
		{tls, "/away", "without TLS"},
		{tls, "/file", "without TLS"},
		{tls, "/loop", "more than 5 redirects"},
		{plain, "/moved", ""},
		{plain, "/down", ""},
		{plain, "/away", "without TLS"},
	} {
		res, err := Client(tc.srv.Client(), time.Minute).Get(tc.srv.URL + tc.path)
		if err == nil {
			res.Body.Close()
		}
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s%s: got %v, want %q", tc.srv.URL, tc.path, err, tc.want)
		}
	}
}

func TestClientCopiesTheBase(t *testing.T) {
	base := &http.Client{}
	c := Client(base, time.Minute)
	if base.Timeout != 0 || base.CheckRedirect != nil {
		t.Error("the caller's client was changed")
	}
	if c.Timeout != time.Minute {
		t.Errorf("timeout %s", c.Timeout)
	}
	if Client(nil, time.Minute).Transport == http.DefaultTransport {
		t.Error("the process-wide transport is used")
	}
}

func TestSafe(t *testing.T) {
	for raw, want := range map[string]bool{
		"https://a.example": true, "http://127.0.0.1:1/x": true, "http://localhost": true, "http://[::1]": true,
		"http://a.example": false, "http://127.0.0.1.example": false, "ftp://127.0.0.1": false, "file:///x": false, "": false,
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if Safe(u) != want {
			t.Errorf("%s: %v", raw, !want)
		}
	}
}

func TestBackoffGrowsWithinBounds(t *testing.T) {
	for failures := range 100 {
		d := Backoff(failures)
		if d < firstBackoff/2 || d > MaxBackoff {
			t.Errorf("after %d failures: %s", failures, d)
		}
		if failures > 6 && d < MaxBackoff/2 {
			t.Errorf("after %d failures only %s", failures, d)
		}
	}
}

func TestJitterIsALittleLess(t *testing.T) {
	for range 100 {
		if d := Jitter(time.Minute); d > time.Minute || d <= 54*time.Second {
			t.Errorf("got %s", d)
		}
	}
}
