package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
)

// undialled is a sender that must not reach for the network.
func undialled(t *testing.T) *Sender {
	t.Helper()
	s := newSender(t)
	s.transport.DialContext = func(_ context.Context, _, addr string) (net.Conn, error) {
		t.Errorf("dialled %s", addr)
		return nil, errors.New("no network here")
	}
	return s
}

func TestGrantExpires(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		expires time.Time
		refused bool
	}{
		"in a minute":     {now.Add(time.Minute), false},
		"now":             {now, false},
		"never":           {time.Time{}, false},
		"a moment ago":    {now.Add(-1), true},
		"long ago":        {time.Unix(0, 0), true},
		"before all time": {time.Unix(-1<<40, 0), true},
	} {
		t.Run(name, func(t *testing.T) {
			s := undialled(t)
			s.now = func() time.Time { return now }
			g := grantTo("https://api.example.com")
			g.Expires = c.expires
			if !c.refused {
				if err := s.check(g); err != nil {
					t.Fatal(err)
				}
				return
			}
			_, err := s.Send(t.Context(), g, http.MethodPost, nil, nil)
			wantCode(t, err, decision.CodeUpstreamUnavailable)
		})
	}
}

// TestTargetsRefused: nothing is dialled for a target that a data plane must
// not call, however it is written.
func TestTargetsRefused(t *testing.T) {
	for name, target := range map[string]decision.Target{
		"plain http beyond loopback":       {Origin: "http://api.example.com"},
		"plain http on all addresses":      {Origin: "http://0.0.0.0:80"},
		"a name that begins like loopback": {Origin: "http://127.evil.example"},
		"a name with loopback in front":    {Origin: "http://127.0.0.1.evil.example"},
		"localhost of somebody":            {Origin: "http://localhost.evil.example"},
		"loopback as a user":               {Origin: "http://127.0.0.1@evil.example"},
		"loopback as user and password":    {Origin: "http://127.0.0.1:80@evil.example"},
		"a user on https":                  {Origin: "https://user:pass@api.example.com"},
		"a path in the origin":             {Origin: "https://api.example.com/v1"},
		"a query in the origin":            {Origin: "https://api.example.com?x"},
		"a fragment in the origin":         {Origin: "https://api.example.com#x"},
		"a path that goes on with a host":  {Origin: "https://api.example.com", Path: ".evil.example/v1"},
		"a path that makes it a user":      {Origin: "https://api.example.com", Path: "@evil.example/v1"},
		"a path that is a port":            {Origin: "https://api.example.com", Path: ":8443/v1"},
		"no origin":                        {},
		"no scheme":                        {Origin: "api.example.com"},
		"no host":                          {Origin: "https://"},
		"a port only":                      {Origin: "https://:443"},
		"another scheme":                   {Origin: "ftp://api.example.com"},
		"a file":                           {Origin: "file:///etc/passwd"},
		"a socket":                         {Origin: "unix:///run/docker.sock"},
		"capitals in the scheme":           {Origin: "HTTPS://api.example.com"},
		"a space":                          {Origin: "https://api.example.com "},
		"a line break":                     {Origin: "https://api.example.com\r\nX: y"},
		"a bad path":                       {Origin: "https://api.example.com", Path: "/%zz"},
	} {
		t.Run(name, func(t *testing.T) {
			target.Provider = "xai"
			g := grantTo("")
			g.Target = target
			resp, err := undialled(t).Send(t.Context(), g, http.MethodPost, nil, []byte("{}"))
			wantCode(t, err, decision.CodeInternal)
			if resp != nil {
				t.Fatal("answered")
			}
		})
	}
}

func TestTargetsAccepted(t *testing.T) {
	for _, origin := range []string{
		"https://api.example.com", "https://api.example.com:8443", "https://192.0.2.1", "https://[2001:db8::1]:443",
		"http://127.0.0.1:11434", "http://localhost:8080", "http://[::1]:8080", "http://127.8.8.8",
	} {
		for _, path := range []string{"", "/", "/v1/chat/completions", "/mcp?tenant=a"} {
			g := grantTo(origin)
			g.Target.Path = path
			if err := newSender(t).check(g); err != nil {
				t.Errorf("%s%s: %v", origin, path, err)
			}
		}
	}
}

// FuzzTarget: an accepted target is called at the host of its origin, and
// without TLS only on loopback.
func FuzzTarget(f *testing.F) {
	f.Add("https://api.example.com", "/v1")
	f.Add("http://127.0.0.1:80@evil.example", "/")
	f.Add("http://localhost", "@evil.example")
	f.Add("https://[::1%25lo]:443", "//evil.example")
	f.Add("http://127.0.0.1\\@evil.example", "/\\evil.example")
	s := NewSender(time.Second)
	f.Fuzz(func(t *testing.T, origin, path string) {
		if s.check(&decision.Grant{Target: decision.Target{Origin: origin, Path: path}}) != nil {
			return
		}
		before, err := url.Parse(origin)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(origin + path)
		if err != nil {
			return // refused when the request is made
		}
		if u.Host != before.Host || u.User != nil || u.Scheme != before.Scheme {
			t.Fatalf("%q and %q are called at %s", origin, path, u)
		}
		if u.Scheme != "https" && (u.Scheme != "http" || !decision.LoopbackHost(u.Hostname())) {
			t.Fatalf("%q is called without TLS", origin)
		}
	})
}
