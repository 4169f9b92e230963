package server

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

const (
	peerKey  = "0123456789abcdef0123456789abcdef"
	otherKey = "fedcba9876543210fedcba9876543210"
)

func keyed(key string, agents ...string) *configv1.Peer {
	return &configv1.Peer{Key: &configv1.KeySource{Env: key}, Agents: agents}
}

// beyond starts REST on every address of the machine.
func beyond(t *testing.T, e *engine, files *configv1.TLS, peers ...*configv1.Peer) string {
	t.Helper()
	r := start(t, config(t, e, &configv1.PDPListen{Http: "0.0.0.0:0", Tls: files}, peers...))
	base := r.Addresses()[0]
	return "https://127.0.0.1" + base[strings.LastIndex(base, ":"):]
}

// browse is a client of REST that shows a certificate of issuer, if any.
func (a *authority) browse(t *testing.T, issuer *authority, change func(*x509.Certificate)) *http.Client {
	t.Helper()
	cfg := &tls.Config{RootCAs: a.pool(), MinVersion: tls.VersionTLS12}
	if issuer != nil {
		pair, err := tls.X509KeyPair(issuer.issue(t, change))
		if err != nil {
			t.Fatal(err)
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	transport := &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// said is an answer of REST; code 0 where no connection came about.
type said struct {
	code   int
	body   string
	header http.Header
	proto  int
}

func answerTo(t *testing.T, c *http.Client, method, url, body string, change func(http.Header)) said {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if change != nil {
		change(r.Header)
	}
	resp, err := c.Do(r)
	if err != nil {
		return said{}
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return said{resp.StatusCode, string(raw), resp.Header, resp.ProtoMajor}
}

func bearer(values ...string) func(http.Header) {
	return func(h http.Header) {
		for _, v := range values {
			h.Add("Authorization", v)
		}
	}
}

const questionOf = `{"request": {"surface": "mcp", "method": "tools/list", "exchangeId": "exchange-1", "caller": {"agent": "AGENT"}}}`

// TestRESTBeyondLoopback asks in every way to prove who asks, and none.
func TestRESTBeyondLoopback(t *testing.T) {
	ca, foreign := newAuthority(t), newAuthority(t)
	base := beyond(t, &engine{}, ca.files(t, ca),
		&configv1.Peer{Spiffe: "spiffe://corp/ns/*", Agents: []string{"from-identity"}}, keyed(otherKey, "z"), keyed(peerKey, "a", "b"))
	id := named(t, "spiffe://corp/ns/prod/sa/a")
	for name, tt := range map[string]struct {
		issuer *authority
		change func(*x509.Certificate)
		header func(http.Header)
		agent  string
		code   int // 0: no connection
		reason string
	}{
		"nothing":                     {nil, nil, nil, "a", 401, "token_missing"},
		"a certificate":               {ca, id, nil, "a", 200, ""},
		"a certificate, filled in":    {ca, id, nil, "", 200, ""},
		"a certificate, another":      {ca, id, nil, "b", 200, "peer_refused"},
		"a certificate of another CA": {foreign, id, nil, "a", 0, ""},
		"an expired certificate":      {ca, func(c *x509.Certificate) { id(c); c.NotAfter = time.Now().Add(-time.Minute) }, nil, "a", 0, ""},
		"a nameless certificate":      {ca, nil, nil, "a", 403, "peer_refused"},
		"two names":                   {ca, named(t, "spiffe://corp/ns/prod/sa/a", "spiffe://corp/ns/prod/sa/b"), nil, "a", 403, "peer_refused"},
		"of an unlisted peer":         {ca, named(t, "spiffe://evil/ns/prod/sa/a"), nil, "a", 200, "peer_refused"},
		"a key":                       {nil, nil, bearer("Bearer " + peerKey), "a", 200, ""},
		"a key, another spelling":     {nil, nil, bearer("bearer   " + peerKey), "b", 200, ""},
		"a key, another agent":        {nil, nil, bearer("Bearer " + peerKey), "z", 200, "peer_refused"},
		"another's key":               {nil, nil, bearer("Bearer " + otherKey), "a", 200, "peer_refused"},
		"a wrong key":                 {nil, nil, bearer("Bearer " + peerKey + "0"), "a", 401, "peer_unproven"},
		"another scheme":              {nil, nil, bearer("Basic " + peerKey), "a", 401, "peer_unproven"},
		"no scheme":                   {nil, nil, bearer(peerKey), "a", 401, "peer_unproven"},
		"an empty key":                {nil, nil, bearer("Bearer "), "a", 401, "peer_unproven"},
		"two keys":                    {nil, nil, bearer("Bearer "+peerKey, "Bearer "+otherKey), "a", 401, "peer_unproven"},
		"certificate and wrong key":   {ca, id, bearer("Bearer nonsense"), "a", 200, ""},
		"a web page with a key":       {nil, nil, func(h http.Header) { bearer("Bearer " + peerKey)(h); h.Set("Origin", "https://evil.example") }, "a", 403, "origin_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			got := answerTo(t, ca.browse(t, tt.issuer, tt.change), http.MethodPost, base+"/v1/check", strings.Replace(questionOf, "AGENT", tt.agent, 1), tt.header)
			if got.code != tt.code || tt.reason != "" && !strings.Contains(got.body, `"`+tt.reason+`"`) || tt.reason == "" && tt.code == 200 && !strings.Contains(got.body, "EFFECT_ALLOW") {
				t.Fatalf("got %d %s, want %d %s", got.code, got.body, tt.code, tt.reason)
			}
			if tt.code == 401 && (got.header.Get("WWW-Authenticate") == "" || got.header.Get("Content-Type") != "application/problem+json") {
				t.Errorf("the headers are %v", got.header)
			}
			if strings.Contains(got.body, peerKey) || strings.Contains(got.body, "s3cr3t") {
				t.Errorf("a secret is told: %s", got.body)
			}
		})
	}
}

// TestOnlyHealthIsOpen: beyond loopback everything but health asks for a proof,
// and strangers hear nothing in detail.
func TestOnlyHealthIsOpen(t *testing.T) {
	ca := newAuthority(t)
	base := beyond(t, &engine{}, ca.files(t, nil), keyed(peerKey, "a"))
	c := ca.browse(t, nil, nil)
	s, err := New(config(t, &engine{}, &configv1.PDPListen{}))
	if err != nil {
		t.Fatal(err)
	}
	table, err := s.routes(true)
	if err != nil {
		t.Fatal(err)
	}
	for path, one := range table {
		got := answerTo(t, c, one.method, base+path, "", nil)
		if health := path == "/healthz" || path == "/readyz"; (got.code == 200) != health || !health && got.code != 401 {
			t.Errorf("%s: %d", path, got.code)
		} else if health && got.body != "admin "+path+" for strangers" {
			t.Errorf("%s tells %q", path, got.body)
		}
		if got.proto != 2 {
			t.Errorf("%s came by HTTP/%d", path, got.proto)
		}
		if got := answerTo(t, c, one.method, base+path, "", bearer("Bearer "+peerKey)); got.code == 401 || got.code == 403 {
			t.Errorf("%s, with a key: %d %s", path, got.code, got.body)
		}
	}
	if got := answerTo(t, c, http.MethodGet, "http"+strings.TrimPrefix(base, "https")+"/healthz", "", nil); got.code == 200 {
		t.Error("it answers in the clear")
	}
}

// TestKeysOnLoopback: once a peer has a key, nobody asks without one there
// either. A key is no token of a user: it is not passed on.
func TestKeysOnLoopback(t *testing.T) {
	r := start(t, config(t, &engine{}, &configv1.PDPListen{Http: "127.0.0.1:0"}, keyed(peerKey, "a")))
	base, c := r.Addresses()[0], http.DefaultClient
	t.Cleanup(c.CloseIdleConnections)
	q := strings.Replace(questionOf, "AGENT", "a", 1)
	if got := answerTo(t, c, http.MethodPost, base+"/v1/check", q, nil); got.code != 401 {
		t.Errorf("without a key: %d", got.code)
	}
	if got := answerTo(t, c, http.MethodPost, base+"/v1/check", q, bearer("Bearer "+peerKey)); got.code != 200 {
		t.Errorf("with a key: %d %s", got.code, got.body)
	}
	if got := answerTo(t, c, http.MethodGet, base+"/readyz", "", nil); got.code != 200 {
		t.Errorf("health: %d", got.code)
	}
	if r.engine.events.refused.Load() != 1 {
		t.Errorf("%d refusals are counted", r.engine.events.refused.Load())
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+peerKey)
	if _, reason := r.service.prove(request); reason != nil || request.Header.Get("Authorization") != "" {
		t.Errorf("the key goes on: %v", reason)
	}
}

// TestAdminListener serves health and metrics, and nothing else.
func TestAdminListener(t *testing.T) {
	for address, public := range map[string]bool{"127.0.0.1:0": false, "0.0.0.0:0": true} {
		r := start(t, config(t, &engine{}, &configv1.PDPListen{Admin: address}))
		base := r.Addresses()[0]
		base = "http://127.0.0.1" + base[strings.LastIndex(base, ":"):]
		got := answerTo(t, http.DefaultClient, http.MethodGet, base+"/metrics", "", nil)
		if got.code != 200 || strings.HasSuffix(got.body, "for strangers") != public {
			t.Errorf("%s: %+v", address, got)
		}
		if got := answerTo(t, http.DefaultClient, http.MethodPost, base+"/v1/check", restQuestion, nil); strings.Contains(got.body, "EFFECT") {
			t.Errorf("%s answers questions: %+v", address, got)
		}
		http.DefaultClient.CloseIdleConnections()
	}
}

// FuzzProve: of all headers only the very key opens, alone and as Bearer, and
// what opened does not go on.
func FuzzProve(f *testing.F) {
	for _, h := range []string{"Bearer " + peerKey, "bearer  " + peerKey + " ", "Basic " + peerKey, peerKey, "Bearer", "", "Bearer " + peerKey + ", Bearer " + otherKey} {
		f.Add(h, "")
		f.Add(h, h)
	}
	s, err := New(config(f, &engine{}, &configv1.PDPListen{}, keyed(peerKey, "a")))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		r := &http.Request{Header: http.Header{"Authorization": {first}}}
		if second != "" {
			r.Header.Add("Authorization", second)
		}
		id, reason := s.service.prove(r)
		scheme, value, _ := strings.Cut(first, " ")
		opens := strings.EqualFold(scheme, "bearer") && strings.TrimSpace(value) == peerKey && second == ""
		if id.Proven() != opens || (reason == nil) != opens || (r.Header.Get("Authorization") == "" && first != "") != opens {
			t.Fatalf("%q, %q: %s, %+v", first, second, id, reason)
		}
	})
}
