package token

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"outrider.dev/outrider/authz/fetch"
)

// Times of fetching. Tokens cause a fetch for an issuer at most once in minGap,
// with maxBurst at once where none did for long: keys may change twice.
const (
	minGap       = 10 * time.Second
	maxBurst     = 3
	maxWait      = 1500 * time.Millisecond // of one call for a fetch; data planes wait 2 s for all of the decision
	fetchTimeout = 5 * time.Second
	maxStale     = 24 * time.Hour // beyond the time of the refresh that failed
)

// source keeps the keys of one issuer. One loop fetches; calls read the set
// without a lock and may ask the loop for a fetch.
type source struct {
	issuer string
	every  time.Duration // 0: the keys are fixed
	fetch  func(context.Context) ([]byte, error)
	log    *slog.Logger

	set  atomic.Pointer[fetchedSet]
	wake chan struct{} // holds a value only while busy is set

	mu      sync.Mutex
	running bool
	busy    bool          // a fetch is asked for or under way
	done    chan struct{} // closed when it ends
	spent   time.Time     // until when the fetches that tokens caused use up their share
	lastErr error
}

type fetchedSet struct {
	*keySet
	until time.Time // too stale to use afterwards; zero: never
}

func newSource(p Provider, fetch func(context.Context) ([]byte, error), log *slog.Logger) (*source, error) {
	s := &source{
		issuer: p.Issuer, every: p.JWKS.CacheDuration, fetch: fetch, log: log,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	if len(p.JWKS.Inline) == 0 {
		return s, nil
	}
	keys, err := readKeys(p.JWKS.Inline)
	if err != nil {
		return nil, fmt.Errorf("issuer %q: jwks inline cannot be used: %w", p.Issuer, err)
	}
	s.every = 0
	s.set.Store(&fetchedSet{keySet: keys})
	return s, nil
}

// current returns the keys to verify with, nil when there are none yet or
// they are too old.
func (s *source) current() *keySet {
	set := s.set.Load()
	if set == nil || !set.until.IsZero() && time.Now().After(set.until) {
		return nil
	}
	return set.keySet
}

// ready is nil once there are keys.
func (s *source) ready() error {
	if s.current() != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lastErr == nil {
		return fmt.Errorf("issuer %q: its keys have not been fetched yet", s.issuer)
	}
	return fmt.Errorf("issuer %q: its keys cannot be fetched: %w", s.issuer, s.lastErr)
}

// asked reports whether the issuer was asked for its keys, however that ended.
func (s *source) asked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastErr != nil || s.set.Load() != nil
}

// refetch waits a bounded time for the fetch that is under way, or asks for
// one where the last is long enough ago. It reports whether one has ended.
func (s *source) refetch() bool {
	s.mu.Lock()
	if !s.running || !s.busy && !s.spend() {
		s.mu.Unlock()
		return false
	}
	if !s.busy {
		s.busy = true
		s.wake <- struct{}{} // never blocks: empty whenever busy is not set
	}
	done := s.done
	s.mu.Unlock()
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// spend takes one fetch from the share of tokens, if there is one left.
func (s *source) spend() bool {
	now := time.Now()
	if s.spent.Before(now) {
		s.spent = now
	}
	if s.spent.Sub(now) > (maxBurst-1)*minGap {
		return false
	}
	s.spent = s.spent.Add(minGap)
	return true
}

// inherit starts with the keys of old, and with no greater share than it has
// left. It is called before run.
func (s *source) inherit(old *source) {
	if s.every == 0 {
		return
	}
	s.set.Store(old.set.Load())
	old.mu.Lock()
	defer old.mu.Unlock()
	s.spent = old.spent
}

// run fetches at once, again after each cache duration, after a growing pause
// where that failed, and when refetch asks.
func (s *source) run(ctx context.Context) {
	if s.every == 0 {
		return
	}
	defer s.stop()
	failures := 0
	for {
		s.begin()
		err := s.refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		s.end(err)
		pause := fetch.Jitter(s.every)
		if err != nil {
			pause = min(pause, fetch.Backoff(failures))
			failures++
			s.log.Warn("keys of an issuer cannot be fetched; trying again", "issuer", s.issuer, "error", err, "pause", pause)
		} else {
			failures = 0
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-s.wake:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

func (s *source) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	raw, err := s.fetch(ctx)
	if err != nil {
		return err
	}
	keys, err := readKeys(raw)
	if err != nil {
		return fmt.Errorf("the answer cannot be used: %w", err)
	}
	s.set.Store(&fetchedSet{keySet: keys, until: time.Now().Add(s.every + maxStale)})
	return nil
}

// begin marks a fetch as under way; a request for one is met by it.
func (s *source) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.busy = true, true
	select {
	case <-s.wake:
	default:
	}
}

func (s *source) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy, s.lastErr = false, err
	close(s.done)
	s.done = make(chan struct{})
}

// stop lets waiting calls go on with what there is.
func (s *source) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.busy = false, false
	close(s.done)
	s.done = make(chan struct{})
	select {
	case <-s.wake:
	default:
	}
}
