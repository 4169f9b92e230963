package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
)

// server serves one bundle with its ETag, as OPA's bundle services do.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	raw    []byte
	status int           // instead of the bundle
	bearer string        // that it asks for
	hang   chan struct{} // when set, answers wait for it
	asked  int
	hits   int // answered from the client's own copy
}

func serve(t *testing.T, raw []byte) *server {
	t.Helper()
	s := &server{raw: raw}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	raw, status, bearer, hang := s.raw, s.status, s.bearer, s.hang
	s.asked++
	s.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
		return
	}
	sum := sha256.Sum256(raw)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	switch {
	case bearer != "" && r.Header.Get("Authorization") != "Bearer "+bearer:
		w.WriteHeader(http.StatusUnauthorized)
	case status != 0:
		w.WriteHeader(status)
	case r.Header.Get("If-None-Match") == tag:
		s.set(func() { s.hits++ })
		w.WriteHeader(http.StatusNotModified)
	default:
		w.Header().Set("ETag", tag)
		_, _ = w.Write(raw)
	}
}

func (s *server) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *server) count() (asked, hits int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked, s.hits
}

// polling is a source with what it offered.
type polling struct {
	*Source
	log     lockedBuffer
	offers  chan *Bundle
	refuse  chan error // what take answers, once each; empty: nil
	stopped chan struct{}
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func poll(t *testing.T, cfg Config) *polling {
	t.Helper()
	p := &polling{offers: make(chan *Bundle, 100), refuse: make(chan error, 1), stopped: make(chan struct{})}
	cfg.Policy, cfg.Log = "p", slog.New(slog.NewTextHandler(&p.log, nil))
	if cfg.Every == 0 {
		cfg.Every = 10 * time.Millisecond
	}
	if cfg.File == "" {
		cfg.File = filepath.Join(t.TempDir(), "state", "bundles", "p.tar.gz")
	}
	p.Source = New(cfg)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer close(p.stopped)
		p.Run(ctx, func(_ context.Context, b *Bundle) error {
			p.offers <- b
			select {
			case err := <-p.refuse:
				return err
			default:
				return nil
			}
		})
	}()
	t.Cleanup(func() { stop(); <-p.stopped })
	return p
}

func (p *polling) next(t *testing.T) *Bundle {
	t.Helper()
	select {
	case b := <-p.offers:
		return b
	case <-time.After(10 * time.Second):
		t.Fatalf("nothing was offered: %v", p.Trouble())
		return nil
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatal("not within ten seconds: " + what)
}

// TestPolling: a bundle is offered once, and again when it changed; in between
// the server is asked with the ETag.
func TestPolling(t *testing.T) {
	first, second := usual(), usual()
	second.revision = "r2"
	srv := serve(t, pack(t, first, nil))
	p := poll(t, Config{URL: srv.URL})
	if b := p.next(t); b.Revision != "r1" {
		t.Fatalf("got %q", b.Revision)
	}
	eventually(t, "the server says that nothing changed", func() bool { _, hits := srv.count(); return hits > 2 })
	srv.set(func() { srv.raw = pack(t, second, nil) })
	if b := p.next(t); b.Revision != "r2" {
		t.Fatalf("got %q", b.Revision)
	}
	eventually(t, "the server says that nothing changed", func() bool { asked, hits := srv.count(); return asked-hits == 2 && hits > 5 })
	if p.Trouble() != nil || len(p.offers) > 0 {
		t.Errorf("trouble %v, %d offers", p.Trouble(), len(p.offers))
	}
}

// TestBadAnswers: nothing that a server answers instead of a good bundle is
// offered, and why is told.
func TestBadAnswers(t *testing.T) {
	own, other := newSigner(t), newSigner(t)
	good := pack(t, usual(), own)
	for _, tc := range []struct {
		name string
		srv  func(*server)
		want string
	}{
		{"missing", func(s *server) { s.status = http.StatusNotFound }, "the server answered status 404"},
		{"failing", func(s *server) { s.status = http.StatusInternalServerError }, "the server answered status 500"},
		{"no access", func(s *server) { s.bearer = "another" }, "the server answered status 401"},
		{"unsigned", func(s *server) { s.raw = pack(t, usual(), nil) }, "is not signed"},
		{"signed by somebody else", func(s *server) { s.raw = pack(t, usual(), other) }, "failed to verify JWT signature"},
		{"truncated", func(s *server) { s.raw = good[:len(good)-10] }, "is damaged or ends too early"},
		{"too large", func(s *server) { s.raw = make([]byte, MaxBytes+1) }, "is larger than"},
		{"a page", func(s *server) { s.raw = []byte("<html>") }, "is no gzipped archive"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv := serve(t, good)
			p := poll(t, Config{URL: srv.URL + "/x?key=not-to-be-shown", Signature: &own.verify, Bearer: func() (decision.Secret, error) { return decision.Secret("not-to-be-shown"), nil }})
			p.next(t)
			srv.set(func() { tc.srv(srv) })
			srv.CloseClientConnections()
			eventually(t, "the trouble is told", func() bool { err := p.Trouble(); return err != nil && strings.Contains(err.Error(), tc.want) })
			if len(p.offers) > 0 {
				t.Error("a bad bundle was offered")
			}
			if kept, _, err := p.Kept(); err != nil || kept.Revision != "r1" {
				t.Errorf("kept %v, %v", kept, err)
			}
			if strings.Contains(p.log.String()+p.Trouble().Error(), "not-to-be-shown") {
				t.Errorf("a key is shown: %v, %s", p.Trouble(), &p.log)
			}
			srv.set(func() { srv.raw, srv.status, srv.bearer = good, 0, "" })
			eventually(t, "all is well again", func() bool { return p.Trouble() == nil })
		})
	}
}

// TestHang: a server that does not answer holds up nobody, not even the end.
func TestHang(t *testing.T) {
	srv := serve(t, nil)
	srv.hang = make(chan struct{})
	p := poll(t, Config{URL: srv.URL})
	eventually(t, "the server is asked", func() bool { asked, _ := srv.count(); return asked == 1 })
	if p.Trouble() != nil || len(p.offers) > 0 {
		t.Errorf("trouble %v", p.Trouble())
	}
}

// TestTimeout: a fetch ends by itself.
func TestTimeout(t *testing.T) {
	srv := serve(t, nil)
	srv.hang = make(chan struct{})
	s := New(Config{URL: srv.URL, HTTP: srv.Client()})
	if s.http.Timeout != timeout {
		t.Errorf("a fetch may take %s", s.http.Timeout)
	}
	s.http.Timeout = 20 * time.Millisecond
	if _, _, err := s.get(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("got %v", err)
	}
}

// TestNotModifiedUnasked: a server cannot make a source go on with nothing.
func TestNotModifiedUnasked(t *testing.T) {
	srv := serve(t, nil)
	srv.status = http.StatusNotModified
	if _, _, err := New(Config{URL: srv.URL}).get(t.Context()); err == nil || err.Error() != "the server answered status 304" {
		t.Errorf("got %v", err)
	}
}

// TestRefusedOffer: what is not taken is not kept, and offered again.
func TestRefusedOffer(t *testing.T) {
	srv := serve(t, pack(t, usual(), nil))
	state := filepath.Join(t.TempDir(), "b.tar.gz")
	p := &polling{}
	p.Source = New(Config{URL: srv.URL, File: state, Log: slog.New(slog.NewTextHandler(&p.log, nil))})
	why := errors.New("line 3")
	refuse := func(context.Context, *Bundle) error { return why }
	for range 2 {
		err := p.poll(t.Context(), refuse)
		if refused := (*Refused)(nil); !errors.As(err, &refused) || !errors.Is(err, why) || err.Error() != "the bundle is not taken: line 3" {
			t.Fatalf("got %v", err)
		}
	}
	if b, _, err := p.Kept(); b != nil || err != nil {
		t.Errorf("kept %v, %v", b, err)
	}
	if err := p.poll(t.Context(), func(context.Context, *Bundle) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if b, _, err := p.Kept(); b == nil || err != nil {
		t.Errorf("not kept: %v", err)
	}
}

// TestKept: the last good bundle survives, private to its owner, and is
// verified when it is read back.
func TestKept(t *testing.T) {
	own := newSigner(t)
	srv := serve(t, pack(t, usual(), own))
	file := filepath.Join(t.TempDir(), "state", "bundles", "p.tar.gz")
	p := poll(t, Config{URL: srv.URL, File: file, Signature: &own.verify})
	p.next(t)
	eventually(t, "the bundle is kept", func() bool { b, _, err := p.Kept(); return b != nil && err == nil })
	for path, want := range map[string]fs.FileMode{file: 0o600, filepath.Dir(file): 0o700 | fs.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	again := New(Config{File: file, Signature: &own.verify})
	if b, age, err := again.Kept(); err != nil || b.Revision != "r1" || age > time.Minute {
		t.Errorf("kept %v, %s, %v", b, age, err)
	}
	if b, _, err := New(Config{File: file, Signature: &newSigner(t).verify}).Kept(); err == nil {
		t.Errorf("kept %v by another signer", b)
	}
	if b, _, err := New(Config{File: file + ".absent"}).Kept(); b != nil || err != nil {
		t.Errorf("kept %v, %v where nothing is", b, err)
	}
}

// TestKeptAge: the age counts from when the server last said that this is it.
func TestKeptAge(t *testing.T) {
	srv := serve(t, pack(t, usual(), nil))
	file := filepath.Join(t.TempDir(), "b.tar.gz")
	s := New(Config{URL: srv.URL, File: file, Log: slog.New(slog.DiscardHandler)})
	take := func(context.Context, *Bundle) error { return nil }
	if err := s.poll(t.Context(), take); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	if _, age, _ := s.Kept(); age < 47*time.Hour {
		t.Errorf("age %s", age)
	}
	if err := s.poll(t.Context(), take); err != nil {
		t.Fatal(err)
	}
	if _, age, _ := s.Kept(); age > time.Hour {
		t.Errorf("age %s after the server confirmed it", age)
	}
}

// TestNoStateFolder: a bundle that cannot be kept is used all the same.
func TestNoStateFolder(t *testing.T) {
	srv := serve(t, pack(t, usual(), nil))
	blocker := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocker, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := poll(t, Config{URL: srv.URL, File: filepath.Join(blocker, "b.tar.gz")})
	p.next(t)
	eventually(t, "the log tells", func() bool { return strings.Contains(p.log.String(), "cannot be kept") })
	if p.Trouble() != nil {
		t.Errorf("trouble %v", p.Trouble())
	}
}

// TestBearer: the key is read for each question, and its loss is told.
func TestBearer(t *testing.T) {
	srv := serve(t, pack(t, usual(), nil))
	srv.bearer = "first"
	var mu sync.Mutex
	key, lost := "first", error(nil)
	p := poll(t, Config{URL: srv.URL, Bearer: func() (decision.Secret, error) {
		mu.Lock()
		defer mu.Unlock()
		return decision.Secret(key), lost
	}})
	p.next(t)
	srv.set(func() { srv.bearer = "second" })
	eventually(t, "the old key is refused", func() bool { return p.Trouble() != nil })
	mu.Lock()
	key = "second"
	mu.Unlock()
	eventually(t, "the new key is used", func() bool { return p.Trouble() == nil })
	mu.Lock()
	lost = errors.New("key file: gone")
	mu.Unlock()
	eventually(t, "the loss is told", func() bool { err := p.Trouble(); return err != nil && strings.Contains(err.Error(), "key file: gone") })
}
