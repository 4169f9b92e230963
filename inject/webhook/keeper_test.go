package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/inject/cluster"
)

// store is an API server of three objects.
type store struct {
	mu       sync.Mutex
	secret   cluster.Object // nil: not there
	hooks    cluster.Object
	version  int
	fail     error
	conflict bool // the next write comes second
	patched  int
}

func newStore() *store {
	return &store{hooks: cluster.Object{"webhooks": []any{
		cluster.Object{"name": "namespaces", "clientConfig": cluster.Object{"service": cluster.Object{}}},
		cluster.Object{"name": "pods", "clientConfig": cluster.Object{"url": "https://localhost:1/mutate", "caBundle": "b2xk"}},
	}}}
}

func clone(o cluster.Object) cluster.Object {
	raw, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	var out cluster.Object
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}

func (s *store) Secret(context.Context, string, string) (cluster.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return nil, s.fail
	}
	if s.secret == nil {
		return nil, cluster.ErrNotFound
	}
	return clone(s.secret), nil
}

func (s *store) CreateSecret(_ context.Context, _ string, secret cluster.Object) error {
	return s.write(secret, s.secret == nil)
}

func (s *store) UpdateSecret(_ context.Context, _, _ string, secret cluster.Object) error {
	return s.write(secret, secret["version"] == s.secret["version"])
}

func (s *store) write(secret cluster.Object, first bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conflict || !first {
		s.conflict = false
		return cluster.ErrConflict
	}
	s.version++
	secret["version"] = float64(s.version)
	s.secret = clone(secret)
	return nil
}

func (s *store) Webhooks(context.Context, string) (cluster.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return clone(s.hooks), s.fail
}

func (s *store) PatchWebhooks(_ context.Context, _ string, patch []any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.hooks["webhooks"].([]any)
	for _, p := range patch {
		op := p.(cluster.Object)
		n := int(op["path"].(string)[len("/webhooks/")] - '0')
		hook := list[n].(cluster.Object)
		if op["op"] == "test" && hook["name"] != op["value"] {
			return errors.New("the test failed")
		}
		if op["op"] == "add" {
			hook["clientConfig"].(cluster.Object)["caBundle"] = op["value"]
		}
	}
	s.patched++
	return nil
}

// bundle is what the API server believes of each webhook.
func (s *store) bundle(t *testing.T, n int) *x509.CertPool {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	text, _ := s.hooks["webhooks"].([]any)[n].(cluster.Object)["clientConfig"].(cluster.Object)["caBundle"].(string)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(raw)
	return pool
}

func newKeeper(s *store) *Keeper {
	return NewKeeper(Names{Namespace: "outrider", Service: "outrider-injector", Secret: "tls", Configuration: "outrider-injector"}, s, slog.New(slog.DiscardHandler))
}

// believed fails where the API server would not believe what the keeper serves.
func believed(t *testing.T, k *Keeper, s *store) *x509.Certificate {
	t.Helper()
	c, err := k.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		for _, name := range []string{"outrider-injector.outrider.svc", "localhost"} {
			if _, err := c.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: s.bundle(t, n), CurrentTime: k.now()}); err != nil {
				t.Fatalf("webhook %d: %v", n, err)
			}
		}
	}
	return c.Leaf
}

func TestKeeperMakesWhatIsMissing(t *testing.T) {
	s := newStore()
	k := newKeeper(s)
	if _, err := k.GetCertificate(nil); err == nil || k.Ready(t.Context()) == nil {
		t.Error("ready before it has begun")
	}
	if _, err := k.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	leaf := believed(t, k, s)
	if leaf.IsCA || k.Ready(t.Context()) != nil {
		t.Errorf("an authority serves, or it is not ready: %v", k.Ready(t.Context()))
	}
	data := s.secret["data"].(cluster.Object)
	if len(data) != 3 || s.secret["type"] != "Opaque" {
		t.Errorf("the Secret is %v", s.secret)
	}
	again, err := k.look(t.Context())
	if err != nil || again != lookEvery || s.version != 1 || s.patched != 1 {
		t.Errorf("a second look: %v, %v; %d writes, %d patches", again, err, s.version, s.patched)
	}
	other := newKeeper(s) // another replica
	if _, err := other.look(t.Context()); err != nil || !believed(t, other, s).Equal(leaf) {
		t.Errorf("another replica serves another certificate: %v", err)
	}
}

// TestKeeperFillsAnEmptySecret, keeping what else is in it.
func TestKeeperFillsAnEmptySecret(t *testing.T) {
	for name, data := range map[string]any{
		"empty": nil, "damaged": cluster.Object{keyCert: "!", "mine": "eA=="},
		"mismatched": cluster.Object{keyCert: base64.StdEncoding.EncodeToString([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")), "mine": "eA=="},
	} {
		s := newStore()
		s.secret = cluster.Object{"metadata": cluster.Object{"labels": cluster.Object{"a": "b"}}, "data": data}
		k := newKeeper(s)
		if _, err := k.look(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		believed(t, k, s)
		kept := s.secret["data"].(cluster.Object)["mine"]
		if s.secret["metadata"].(cluster.Object)["labels"] == nil || data != nil && kept != "eA==" {
			t.Errorf("%s: the Secret lost something: %v", name, s.secret)
		}
	}
}

// TestKeeperGivesWay to the replica that was first.
func TestKeeperGivesWay(t *testing.T) {
	s := newStore()
	s.conflict = true
	k := newKeeper(s)
	if again, err := k.look(t.Context()); err != nil || again != soonAgain || k.Ready(t.Context()) == nil {
		t.Errorf("%v, %v", again, err)
	}
	if _, err := k.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	believed(t, k, s)
}

// TestRotationUnderLoad: over a year, two replicas renew while the API server
// connects all the time, believing what its configuration says at each moment.
func TestRotationUnderLoad(t *testing.T) {
	s := newStore()
	clock := time.Now()
	replicas := []*Keeper{newKeeper(s), newKeeper(s)}
	serials := map[string]bool{}
	for _, k := range replicas {
		k.now = func() time.Time { return clock }
		for range 2 {
			if _, err := k.look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for step := range 73 {
		clock = clock.Add(5 * 24 * time.Hour)
		for n := range replicas {
			k := replicas[(n+step)%2]
			if _, err := k.look(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, other := range replicas {
				serials[believed(t, other, s).SerialNumber.String()] = true
			}
		}
	}
	if len(serials) < 5 || len(serials) > 8 {
		t.Errorf("%d certificates in a year", len(serials))
	}
	if n := len(authorities(materialOf(s.secret).bundle)); n > maxBundle {
		t.Errorf("%d authorities are believed", n)
	}
}

// TestServesThroughFailures: what counts still is served while the API server
// is away, and the failure is told only while there is nothing to serve.
func TestServesThroughFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		s.fail = errors.New("away")
		k := newKeeper(s)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- k.Run(ctx) }()
		time.Sleep(time.Second)
		if err := k.Ready(ctx); err == nil || !strings.Contains(err.Error(), "away") {
			t.Errorf("not ready because of %v", err)
		}
		set := func(err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.fail = err
		}
		set(nil)
		time.Sleep(5 * time.Second)
		leaf := believed(t, k, s)
		set(errors.New("away again"))
		time.Sleep(10 * time.Minute)
		if err := k.Ready(ctx); err != nil || !believed(t, k, s).Equal(leaf) {
			t.Errorf("not ready: %v", err)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestReviewsOverTLS: a client that believes the caBundle alone is answered,
// before and after a rotation.
func TestReviewsOverTLS(t *testing.T) {
	s := newStore()
	k := newKeeper(s)
	clock := time.Now()
	k.now = func() time.Time { return clock }
	if _, err := k.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	handler, _ := newHandler(t)
	srv := httptest.NewUnstartedServer(handler)
	raw := srv.Listener
	srv.Listener = tls.NewListener(raw, &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: k.GetCertificate})
	srv.Start()
	defer srv.Close()
	ask := func() string {
		client := &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "tcp", raw.Addr().String())
			},
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: s.bundle(t, 0), Time: func() time.Time { return clock }},
		}}
		defer client.CloseIdleConnections()
		resp, err := client.Post("https://outrider-injector.outrider.svc/mutate", "application/json", strings.NewReader(reviewOf("prod", bot, false)))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		var r review
		if err := json.NewDecoder(resp.Body).Decode(&r); err != nil || len(r.Response.Patch) == 0 {
			t.Fatalf("%v, %v", r, err)
		}
		return resp.TLS.PeerCertificates[0].SerialNumber.String()
	}
	first := ask()
	s.secret["data"] = cluster.Object{} // somebody empties the Secret: all is made anew at once
	if _, err := k.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := ask()
	clock = clock.Add(renewAfter + clockSlack)
	if again, err := k.look(t.Context()); err != nil || again != soonAgain {
		t.Fatalf("%v, %v", again, err)
	}
	if ask() != second { // the API server hears of the new authority first
		t.Error("the certificate changed too soon")
	}
	if _, err := k.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if third := ask(); second == first || third == second {
		t.Error("the certificate is the same")
	}
}
