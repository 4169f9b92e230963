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
	"outrider.dev/outrider/pdp"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

const (
	// lookEvery is how often the files are looked at. Contents are compared,
	// so that a folder whose links are swapped is seen like an edited file.
	lookEvery = 2 * time.Second
	// keysTime bounds the wait for the keys of issuers that are new.
	keysTime = 10 * time.Second
)

// following keeps a service up to date. One goroutine does all of it.
type following struct {
	*Service
	running    errgroup.Group
	stopTokens context.CancelFunc // stops the verifier in use
}

// follow keeps the issuers' keys and the policies' bundles fresh and, where the
// configuration is a file, decides by what it says now, until ctx ends.
func (s *Service) follow(ctx context.Context) error {
	f := &following{Service: s}
	ctx, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		_ = f.running.Wait() // neither verifiers nor sources of bundles end with an error
	}()
	f.stopTokens = f.start(ctx, s.tokens.Load())
	s.followBundles(ctx, &f.running, nil, *s.bundles.Load())
	var look <-chan time.Time
	hangup := make(chan os.Signal, 1)
	if s.opt.File != "" {
		signal.Notify(hangup, syscall.SIGHUP)
		defer signal.Stop(hangup)
		ticker := time.NewTicker(lookEvery)
		defer ticker.Stop()
		look = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
			s.seen = fingerprint(s.paths)
			f.reload(ctx)
		case <-look:
			if now := fingerprint(s.paths); now != s.seen {
				s.seen = now
				f.reload(ctx)
			}
		case o := <-s.offers:
			o.done <- f.take(ctx, o)
		}
	}
}

// start runs a verifier until it is stopped.
func (f *following) start(ctx context.Context, v *token.Verifier) (stop context.CancelFunc) {
	ctx, stop = context.WithCancel(ctx)
	f.running.Go(func() error { return v.Run(ctx) })
	return stop
}

// reload decides by what the files say now, or says why it goes on as before.
func (f *following) reload(ctx context.Context) {
	log, reloads := f.opt.Telemetry.Log, f.opt.Telemetry.Metrics.Reloads
	next, err := f.read()
	if err == nil {
		err = f.change(ctx, next)
	}
	if err != nil {
		reason := err.Error()
		f.notice.Store(&reason)
		reloads.WithLabelValues("refused").Inc()
		log.Error("the configuration is not taken, and the one before stays", "error", reason)
		return
	}
	f.notice.Store(nil)
	reloads.WithLabelValues("applied").Inc()
	log.Info("the configuration is read anew", "policies", len(next.Policies))
}

// read reads the files.
func (f *following) read() (*config.Loaded, error) {
	next, err := config.Look(f.opt.File)
	if !slices.Equal(f.paths, next.Paths) {
		// Read again what was just summed up, so that no change gets lost.
		f.paths, f.seen = next.Paths, fingerprint(next.Paths)
		next, err = config.Look(f.opt.File)
	}
	if err != nil {
		return nil, err
	}
	if !proto.Equal(fixed(f.loaded.Config), fixed(next.Config)) {
		return nil, errors.New(f.opt.File + ": only policies, llm and mcp can change while running: restart for the rest")
	}
	return next, nil
}

// change decides by another configuration. After an error all stays.
func (f *following) change(ctx context.Context, next *config.Loaded) error {
	before := *f.bundles.Load()
	served, err := f.bundlesOf(next, before)
	if err != nil {
		return err
	}
	decide, tokens, err := f.compile(next, f.tokens.Load(), served)
	if err != nil {
		return err
	}
	stop := f.start(ctx, tokens)
	awaitKeys(ctx, tokens)
	if err := f.swap(decide, tokens, stop); err != nil {
		return err
	}
	f.loaded = next
	f.bundles.Store(&served)
	f.followBundles(ctx, &f.running, before, served)
	return nil
}

// take decides by a bundle that came, as one change of everything. After an
// error all stays.
func (f *following) take(ctx context.Context, o offered) error {
	all := *f.bundles.Load()
	if all[o.from.policy] != o.from {
		return errors.New("the policy asks for another one now")
	}
	if now := o.from.now.Load(); now != nil && now.Digest == o.bundle.Digest {
		return nil
	}
	log, reloads := f.opt.Telemetry.Log, f.opt.Telemetry.Metrics.Reloads
	have := all.now()
	have[o.from.policy] = o.bundle
	decide, tokens, err := f.compileNow(f.loaded, f.tokens.Load(), have)
	if err == nil { // its issuers are the same as before
		err = f.swap(decide, tokens, f.start(ctx, tokens))
	}
	if err != nil {
		reloads.WithLabelValues("refused").Inc()
		log.Error("the bundle of a policy is not taken, and all stays as before", "policy", o.from.policy, "revision", o.bundle.Revision, "error", err.Error())
		return err
	}
	o.from.now.Store(o.bundle)
	reloads.WithLabelValues("applied").Inc()
	log.Info("the bundle of a policy is taken", "policy", o.from.policy, "revision", o.bundle.Revision)
	return nil
}

// swap makes the engine decide by another state and by a verifier that runs.
func (f *following) swap(decide pdp.Config, tokens *token.Verifier, stop context.CancelFunc) error {
	if err := f.Engine.Replace(decide); err != nil {
		stop()
		return err
	}
	f.tokens.Store(tokens)
	f.stopTokens()
	f.stopTokens = stop
	return nil
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
