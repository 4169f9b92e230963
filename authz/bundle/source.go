package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"outrider.dev/outrider/authz/fetch"
	"outrider.dev/outrider/decision"
)

// timeout bounds one fetch, the archive included.
const timeout = 30 * time.Second

// Config is what a [Source] needs.
type Config struct {
	Policy    string // whose bundle it is, for logs
	URL       string // https; http on loopback only
	Every     time.Duration
	Bearer    func() (decision.Secret, error) // called for each question; nil: none
	Signature *Signature                      // nil: the bundle is not signed
	File      string                          // where the last good one is kept
	HTTP      *http.Client                    // nil: a client of its own; redirects are limited either way
	Log       *slog.Logger
}

// Source is a server's bundle.
type Source struct {
	cfg  Config
	http *http.Client
	etag string // of the bundle in use; Run's own

	mu      sync.Mutex
	trouble error // why the last question brought nothing
}

// New returns a source that asks nobody before [Source.Run].
func New(cfg Config) *Source {
	return &Source{cfg: cfg, http: fetch.Client(cfg.HTTP, timeout)}
}

// Refused is the error of a bundle that was read but not taken. It stays
// refused until one of the two is mended, so nobody hurries to ask again.
type Refused struct{ Err error }

// Error implements error.
func (r *Refused) Error() string { return "the bundle is not taken: " + r.Err.Error() }

// Unwrap returns why.
func (r *Refused) Unwrap() error { return r.Err }

// Run asks for the bundle at once and then again and again until ctx ends. What
// the server has is offered to take, which may have it already; when take
// returns without an error the bundle is kept on disk.
func (s *Source) Run(ctx context.Context, take func(context.Context, *Bundle) error) {
	defer s.http.CloseIdleConnections()
	failures := 0
	for {
		err := s.poll(ctx, take)
		if ctx.Err() != nil {
			return
		}
		s.note(err)
		pause := fetch.Jitter(s.cfg.Every)
		switch refused := (*Refused)(nil); {
		case err == nil:
			failures = 0
		case !errors.As(err, &refused): // whoever refused it has told so
			pause = min(pause, fetch.Backoff(failures))
			failures++
			s.cfg.Log.Warn("the bundle of a policy cannot be fetched; trying again", "policy", s.cfg.Policy, "error", err, "pause", pause.Round(time.Millisecond).String())
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Trouble says why there was no good answer to the last question, nil where
// there was one or none was asked yet.
func (s *Source) Trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}

func (s *Source) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = err
}

// poll asks once.
func (s *Source) poll(ctx context.Context, take func(context.Context, *Bundle) error) error {
	raw, etag, err := s.get(ctx)
	if err != nil {
		return err
	}
	if raw == nil { // it is the one in use
		s.confirm()
		return nil
	}
	b, err := Read(raw, s.cfg.Signature)
	if err != nil {
		return err
	}
	if err := take(ctx, b); err != nil {
		s.etag = "" // so that it is offered again
		return &Refused{err}
	}
	s.etag = etag
	if err := s.keep(raw); err != nil {
		s.cfg.Log.Warn("the bundle of a policy cannot be kept for the next start", "policy", s.cfg.Policy, "error", err)
	}
	return nil
}

// get fetches the archive, nil where the server has none but the one in use.
func (s *Source) get(ctx context.Context) (raw []byte, etag string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.cfg.URL, http.NoBody)
	if err != nil {
		return nil, "", errors.New("the URL cannot be asked")
	}
	req.Header.Set("Accept", "application/gzip, application/octet-stream")
	req.Header.Set("Accept-Encoding", "identity") // the archive is what is zipped
	if s.etag != "" {
		req.Header.Set("If-None-Match", s.etag)
	}
	if s.cfg.Bearer != nil {
		key, err := s.cfg.Bearer()
		if err != nil {
			return nil, "", fmt.Errorf("the bearer key: %w", err)
		}
		req.Header.Set("Authorization", "Bearer "+string(key))
	}
	res, err := s.http.Do(req)
	if err != nil {
		return nil, "", plain(err)
	}
	defer func() { _ = res.Body.Close() }() // only read
	switch {
	case res.StatusCode == http.StatusNotModified && s.etag != "":
		return nil, "", nil
	case res.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("the server answered status %d", res.StatusCode)
	}
	raw, err = io.ReadAll(io.LimitReader(res.Body, MaxBytes+1))
	if err != nil {
		return nil, "", plain(err)
	}
	return raw, res.Header.Get("ETag"), nil
}
