package decisionservice

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/config"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

const (
	// lookEvery is how often the files are looked at. Contents are compared,
	// so that a folder whose links are swapped is seen like an edited file.
	lookEvery = 2 * time.Second
	// keysTime bounds the wait for the keys of issuers that are new.
	keysTime = 10 * time.Second
)

// follow keeps the issuers' keys fresh and, where the configuration is a
// file, decides by what it says now, until ctx ends.
func (s *Service) follow(ctx context.Context) error {
	var running errgroup.Group
	stop := start(ctx, &running, s.tokens.Load())
	defer func() {
		stop()
		_ = running.Wait() // a verifier ends without an error
	}()
	if s.opt.File == "" {
		<-ctx.Done()
		return nil
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		asked := false
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
			asked = true
		case <-look.C:
		}
		now := fingerprint(s.paths)
		if now == s.seen && !asked {
			continue
		}
		s.seen = now
		stop = s.reload(ctx, &running, stop)
	}
}

// start runs a verifier until it is stopped.
func start(ctx context.Context, running *errgroup.Group, v *token.Verifier) (stop context.CancelFunc) {
	ctx, stop = context.WithCancel(ctx)
	running.Go(func() error { return v.Run(ctx) })
	return stop
}

// reload decides by what the files say now, or says why it goes on as before.
// It returns what stops the verifier in use.
func (s *Service) reload(ctx context.Context, running *errgroup.Group, stop context.CancelFunc) context.CancelFunc {
	log, reloads := s.opt.Telemetry.Log, s.opt.Telemetry.Metrics.Reloads
	next, stopNext, err := s.replace(ctx, running)
	if err != nil {
		reason := err.Error()
		s.notice.Store(&reason)
		reloads.WithLabelValues("refused").Inc()
		log.Error("the configuration is not taken, and the one before stays", "error", reason)
		return stop
	}
	s.loaded = next
	s.notice.Store(nil)
	reloads.WithLabelValues("applied").Inc()
	log.Info("the configuration is read anew", "policies", len(next.Policies))
	stop()
	return stopNext
}

func (s *Service) replace(ctx context.Context, running *errgroup.Group) (*config.Loaded, context.CancelFunc, error) {
	next, err := config.Look(s.opt.File)
	if !slices.Equal(s.paths, next.Paths) {
		// Read again what was just summed up, so that no change gets lost.
		s.paths, s.seen = next.Paths, fingerprint(next.Paths)
		next, err = config.Look(s.opt.File)
	}
	if err != nil {
		return nil, nil, err
	}
	if !proto.Equal(fixed(s.loaded.Config), fixed(next.Config)) {
		return nil, nil, errors.New(s.opt.File + ": only policies, llm and mcp can change while running: restart for the rest")
	}
	decide, tokens, err := s.compile(next, s.tokens.Load())
	if err != nil {
		return nil, nil, err
	}
	stop := start(ctx, running, tokens)
	awaitKeys(ctx, tokens)
	if err := s.Engine.Replace(decide); err != nil {
		stop()
		return nil, nil, err
	}
	s.tokens.Store(tokens)
	return next, stop, nil
}

// fixed is the part of a configuration that a running service cannot change.
func fixed(c *configv1.Config) *configv1.Config {
	out := proto.CloneOf(c)
	out.Llm, out.Mcp, out.Policies = nil, nil, nil
	return out
}

// awaitKeys gives the issuers that are new the time to be reached, so that no
// good token is refused meanwhile. One that cannot be reached holds up nobody:
// its tokens are refused until it can.
func awaitKeys(ctx context.Context, v *token.Verifier) {
	const step = 20 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, keysTime)
	defer cancel()
	for v.Ready() != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(step):
		}
	}
}

// note is what readiness says of the configuration.
func (s *Service) note() string {
	if reason := s.notice.Load(); reason != nil {
		return "the last change was refused: " + *reason
	}
	return ""
}
