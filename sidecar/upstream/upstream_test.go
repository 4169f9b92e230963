package upstream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
	"outrider.dev/outrider/test/freeport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds a test that hangs; nothing waits for it.
const patience = 10 * time.Second

func newSender(t *testing.T) *Sender {
	t.Helper()
	s := NewSender(patience)
	t.Cleanup(s.Close)
	return s
}

// trusting returns a sender that trusts the certificate of a test server.
func trusting(t *testing.T, srv *httptest.Server) *Sender {
	t.Helper()
	s := newSender(t)
	s.transport.TLSClientConfig = srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	return s
}

// received is a server that keeps what came, and answers with the handler.
func received(t *testing.T, start func(http.Handler) *httptest.Server, h http.HandlerFunc) (srv *httptest.Server, got *http.Request, body *string) {
	t.Helper()
	got, body = &http.Request{}, new(string)
	srv = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		*got, *body = *r, string(raw)
		h(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv, got, body
}

func startHTTP2(h http.Handler) *httptest.Server {
	srv := httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	return srv
}

func grantTo(origin string) *decision.Grant {
	return &decision.Grant{
		Target:     decision.Target{Provider: "xai", Origin: origin, Path: "/v1/chat/completions"},
		Credential: decision.Credential{Header: decision.HeaderOp{Name: "Authorization", Value: decision.Secret("Bearer provider-key")}},
		Expires:    time.Now().Add(time.Minute),
	}
}

func wantCode(t *testing.T, err error, code decision.Code) {
	t.Helper()
	var refusal *decision.Error
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Fatalf("got %v, want a refusal with %s", err, code)
	}
	if strings.Contains(err.Error(), "provider-key") {
		t.Fatalf("the error tells the key: %v", err)
	}
}

func TestSend(t *testing.T) {
	for name, start := range map[string]func(http.Handler) *httptest.Server{
		"plain on loopback": httptest.NewServer,
		"TLS":               httptest.NewTLSServer,
		"TLS and HTTP/2":    startHTTP2,
	} {
		t.Run(name, func(t *testing.T) {
			srv, got, body := received(t, start, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Request-Id", "7")
				w.WriteHeader(http.StatusTeapot)
				_, _ = io.WriteString(w, "the answer")
			})
			agent := http.Header{
				"Authorization": {"Bearer agent-jwt"}, "Cookie": {"agent-cookie"}, "X-Api-Key": {"agent-key"}, "Connection": {"X-Hop"}, "X-Hop": {"agent-hop"},
				"Accept-Encoding": {"gzip"}, "Content-Type": {"application/json"}, "User-Agent": {"agent/1"}, "Traceparent": {"00-a-b-01"},
			}
			s := newSender(t)
			if srv.TLS != nil {
				s = trusting(t, srv)
			}
			resp, err := s.Send(t.Context(), grantTo(srv.URL), http.MethodPost, inbound.RequestHeader(agent), []byte(`{"a":1}`))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			raw, err := io.ReadAll(resp.Body)
			if err != nil || string(raw) != "the answer" || resp.StatusCode != http.StatusTeapot || resp.Header.Get("X-Request-Id") != "7" {
				t.Errorf("answered %d %q, %v", resp.StatusCode, raw, err)
			}
			want := http.Header{
				"Authorization": {"Bearer provider-key"}, "Accept-Encoding": {"identity"}, "Content-Length": {"7"},
				"Content-Type": {"application/json"}, "User-Agent": {"agent/1"}, "Traceparent": {"00-a-b-01"},
			}
			if diff := cmp.Diff(want, got.Header); diff != "" {
				t.Errorf("the upstream got:\n%s", diff)
			}
			if got.Method != http.MethodPost || got.RequestURI != "/v1/chat/completions" || *body != `{"a":1}` || got.Host != strings.TrimPrefix(strings.TrimPrefix(srv.URL, "http://"), "https://") {
				t.Errorf("the upstream got %s %s on %s: %s", got.Method, got.RequestURI, got.Host, *body)
			}
		})
	}
}

// TestCredentialStaysWithItsGrant: the header that a caller uses for several
// targets takes no credential from one to the next.
func TestCredentialStaysWithItsGrant(t *testing.T) {
	srv, got, _ := received(t, httptest.NewServer, func(http.ResponseWriter, *http.Request) {})
	s, header := newSender(t), http.Header{"Accept": {"application/json"}}
	for _, c := range []struct {
		credential decision.Credential
		want       string
	}{
		{decision.Credential{Header: decision.HeaderOp{Name: "Authorization", Value: decision.Secret("Bearer one")}}, "Bearer one"},
		{decision.Credential{}, ""},
		{decision.Credential{Header: decision.HeaderOp{Name: "Authorization", Value: decision.Secret("Bearer two")}}, "Bearer two"},
	} {
		g := grantTo(srv.URL)
		g.Credential = c.credential
		resp, err := s.Send(t.Context(), g, http.MethodGet, header, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got.Header.Get("Authorization") != c.want {
			t.Errorf("sent %q, want %q", got.Header.Get("Authorization"), c.want)
		}
	}
	if diff := cmp.Diff(http.Header{"Accept": {"application/json"}}, header); diff != "" {
		t.Errorf("the caller's header changed:\n%s", diff)
	}
}

// TestCredentialStandsAlone: no header of the agent's is taken for it, however
// it is written.
func TestCredentialStandsAlone(t *testing.T) {
	srv, got, _ := received(t, httptest.NewServer, func(http.ResponseWriter, *http.Request) {})
	g := grantTo(srv.URL)
	g.Credential.Header.Name = "X-Vendor-Auth"
	resp, err := newSender(t).Send(t.Context(), g, http.MethodGet, http.Header{"X_vendor_auth": {"agent"}, "X-Vendor-Auth": {"agent"}, "x-vendor_AUTH": {"agent"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	for name, values := range got.Header {
		if decision.SameHeader(name, "X-Vendor-Auth") && (len(values) != 1 || values[0] != "Bearer provider-key") {
			t.Errorf("sent %s: %q", name, values)
		}
	}
}

// TestUnsendable: what could become another call takes no connection, with TLS and
// without, and is no failure of the upstream.
func TestUnsendable(t *testing.T) {
	for _, origin := range []string{"http://127.0.0.1:11434", "https://api.example.com"} {
		for name, c := range map[string]struct {
			header http.Header
			path   string
		}{
			"a line end in a value":  {http.Header{"X": {"fine", "a\r\nY: hidden"}}, "/v1"},
			"a zero byte in a value": {http.Header{"X": {"hidden\x00"}}, "/v1"},
			"a line end in a name":   {http.Header{"X\r\nhidden": {"a"}}, "/v1"},
			"a space in a name":      {http.Header{"X hidden": {"a"}}, "/v1"},
			"no name":                {http.Header{"": {"hidden"}}, "/v1"},
			"a space in the query":   {nil, "/v1?hidden HTTP/1.1"},
			"a space as the query":   {nil, "/v1? "},
		} {
			t.Run(origin+" "+name, func(t *testing.T) {
				s := undialled(t)
				s.plain.dial = s.transport.DialContext
				g := grantTo(origin)
				g.Target.Path = c.path
				resp, err := s.Send(t.Context(), g, http.MethodPost, c.header, []byte("{}"))
				wantCode(t, err, decision.CodeInternal)
				if resp != nil || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), "xai") {
					t.Errorf("got %v, %v", resp, err)
				}
			})
		}
	}
}

// TestSpacesInPaths are escaped.
func TestSpacesInPaths(t *testing.T) {
	srv, got, _ := received(t, httptest.NewServer, func(http.ResponseWriter, *http.Request) {})
	g := grantTo(srv.URL)
	g.Target.Path = "/a b\xff"
	resp, err := newSender(t).Send(t.Context(), g, http.MethodGet, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got.RequestURI != "/a%20b%FF" {
		t.Errorf("asked for %q", got.RequestURI)
	}
}

// TestSendWithoutHeader: a nil header is an empty one.
func TestSendWithoutHeader(t *testing.T) {
	srv, got, body := received(t, httptest.NewServer, func(http.ResponseWriter, *http.Request) {})
	resp, err := newSender(t).Send(t.Context(), grantTo(srv.URL), http.MethodGet, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got.Header.Get("Authorization") != "Bearer provider-key" || *body != "" || got.ContentLength > 0 {
		t.Errorf("sent %v with %q", got.Header, *body)
	}
}

// TestRedirects: neither the call nor the agent goes where an upstream points.
func TestRedirects(t *testing.T) {
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		srv, _, _ := received(t, httptest.NewServer, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(status)
		})
		resp, err := newSender(t).Send(t.Context(), grantTo(srv.URL), http.MethodPost, nil, []byte("{}"))
		wantCode(t, err, decision.CodeUpstreamInvalid)
		if resp != nil || strings.Contains(err.Error(), elsewhere.URL) {
			t.Errorf("%d: got %v, %v", status, resp, err)
		}
	}
	if reached {
		t.Error("a redirect was followed")
	}
	srv, _, _ := received(t, httptest.NewServer, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })
	resp, err := newSender(t).Send(t.Context(), grantTo(srv.URL), http.MethodGet, nil, nil)
	if err != nil {
		t.Fatalf("304 is no redirect: %v", err)
	}
	_ = resp.Body.Close()
}

// TestCompressedAnswer: it comes as it is, so that whoever judges it sees that
// it cannot be judged.
func TestCompressedAnswer(t *testing.T) {
	srv, got, _ := received(t, httptest.NewServer, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, "\x1f\x8bzipped")
	})
	resp, err := newSender(t).Send(t.Context(), grantTo(srv.URL), http.MethodGet, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	if resp.Header.Get("Content-Encoding") != "gzip" || string(raw) != "\x1f\x8bzipped" || got.Header.Get("Accept-Encoding") != "" {
		t.Errorf("got %v %q, asked for %q", resp.Header, raw, got.Header.Get("Accept-Encoding"))
	}
}

// TestNoProxyFromEnvironment: a proxy would see prompts and keys.
func TestNoProxyFromEnvironment(t *testing.T) {
	proxied := make(chan struct{}, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied <- struct{}{} }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	var dialled string
	s := newSender(t)
	s.transport.DialContext = func(_ context.Context, _, addr string) (net.Conn, error) {
		dialled = addr
		return nil, errors.New("no network here")
	}
	_, err := s.Send(t.Context(), grantTo("https://api.example.com"), http.MethodPost, nil, nil)
	wantCode(t, err, decision.CodeUpstreamUnavailable)
	if dialled != "api.example.com:443" || len(proxied) > 0 {
		t.Errorf("dialled %q", dialled)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	called := false
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.StartTLS()
	defer srv.Close()
	_, err := newSender(t).Send(t.Context(), grantTo(srv.URL), http.MethodPost, nil, nil)
	wantCode(t, err, decision.CodeUpstreamUnavailable)
	if called {
		t.Error("a server with an unknown certificate got the call")
	}
}

func TestTimeouts(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
	}))
	defer srv.Close()
	defer close(release)

	s := NewSender(20 * time.Millisecond)
	defer s.Close()
	_, err := s.Send(t.Context(), grantTo(srv.URL), http.MethodPost, nil, []byte("{}"))
	wantCode(t, err, decision.CodeUpstreamTimeout)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = newSender(t).Send(ctx, grantTo(srv.URL), http.MethodPost, nil, []byte("{}"))
	wantCode(t, err, decision.CodeUpstreamTimeout)

	ctx, leave := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, leave)
	_, err = newSender(t).Send(ctx, grantTo(srv.URL), http.MethodPost, nil, []byte("{}"))
	wantCode(t, err, decision.CodeUpstreamUnavailable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the cause is lost: %v", err)
	}
}

// TestBrokenUpstreams: what is no answer is an error, never half of one.
func TestBrokenUpstreams(t *testing.T) {
	for name, says := range map[string]string{
		"nothing":              "",
		"no HTTP":              "SSH-2.0-OpenSSH_9.9\r\n",
		"half a status":        "HTTP/1.1 2",
		"half a header":        "HTTP/1.1 200 OK\r\nContent-Ty",
		"too large a header":   "HTTP/1.1 200 OK\r\nX-Large: " + strings.Repeat("x", maxHeaderBytes+4096) + "\r\n\r\n",
		"two content lengths":  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"an unknown transport": "HTTP/1.1 200 OK\r\nTransfer-Encoding: rot13\r\n\r\nab",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newSender(t).Send(t.Context(), grantTo("http://"+saying(t, says)), http.MethodPost, nil, []byte("{}"))
			wantCode(t, err, decision.CodeUpstreamUnavailable)
			if !strings.Contains(err.Error(), "xai") {
				t.Errorf("the error does not say who: %v", err)
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		_, err := newSender(t).Send(t.Context(), grantTo("http://"+freeport.For(t)), http.MethodPost, nil, nil)
		wantCode(t, err, decision.CodeUpstreamUnavailable)
	})
}

// saying is the address of a server that reads a request, says its words and
// hangs up.
func saying(t *testing.T, words string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			_, _ = io.WriteString(conn, words)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}
