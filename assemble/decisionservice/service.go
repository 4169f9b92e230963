// Package decisionservice turns configuration and policies into a running
// decision service: the engine with everything that it asks, and its listeners
// where the configuration names some.
//
// cmd/outrider-pdp runs it by itself, cmd/outrider beside a data plane in one
// process.
package decisionservice

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"outrider.dev/outrider/assemble/dataplane"
	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/authz/bundle"
	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/pdp"
	"outrider.dev/outrider/pdp/route"
	"outrider.dev/outrider/pdp/server"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
	"outrider.dev/outrider/strictjson"
	"outrider.dev/outrider/telemetry"
)

// Options is what a command decides beside the configuration.
type Options struct {
	Open      bool // an agent that no policy selects passes
	Telemetry *telemetry.Telemetry
	Seen      func(audit.Record) // called for every record, may be nil
	File      string             // of the configuration, which is read again when it changes; empty: never
}

// Service is a decision service. Its engine answers from Run on.
type Service struct {
	Engine *pdp.Engine

	opt     Options
	loaded  *config.Loaded                 // what the engine decides by
	paths   []string                       // that the configuration named when it was last read
	seen    [sha256.Size]byte              // fingerprint of what lies there
	tokens  atomic.Pointer[token.Verifier] // the engine's own
	bundles atomic.Pointer[bundles]        // that policies have from servers
	offers  chan offered                   // of bundles that came
	asked   map[string]pdp.Service         // that guards ask; the same as long as the service runs
	quiet   quiet                          // about those that do not answer
	record  *audit.Log
	server  *server.Server // nil: in this process only

	workloads *workloads             // whose tokens count at its listeners; nil: none
	notice    atomic.Pointer[string] // why the last reload was refused, nil when it was not
}

// New compiles the policies and opens state and listeners.
func New(loaded *config.Loaded, opt Options) (*Service, error) {
	cfg, tel := loaded.Config, opt.Telemetry
	s := &Service{opt: opt, loaded: loaded, offers: make(chan offered)}
	if _, err := os.UserCacheDir(); err != nil && cfg.GetPdp().GetState() == "" {
		return nil, errors.New("pdp.state is missing, and this user has no home folder to keep records and keys in: name a folder that only the decision service can write")
	}
	var err error
	if s.record, err = audit.New(audit.Config{Dir: StateDir(cfg), Log: tel.Log}); err != nil {
		return nil, err
	}
	if err := tel.Metrics.WatchAuditLost(s.record.Lost); err != nil {
		return nil, err
	}
	if s.asked, err = services(cfg.GetGuards(), route.Key); err != nil {
		return nil, err
	}
	served, err := s.bundlesOf(loaded, nil)
	if err != nil {
		return nil, err
	}
	decide, tokens, err := s.compile(loaded, nil, served)
	if err != nil {
		return nil, err
	}
	if s.Engine, err = pdp.New(decide); err != nil {
		return nil, err
	}
	s.tokens.Store(tokens)
	s.bundles.Store(&served)
	tel.Health.Add("issuers", func(context.Context) error { return s.tokens.Load().Ready() })
	tel.Health.Note("issuers without keys", s.issuersNote)
	tel.Health.Note("bundles", s.bundleNote)
	if opt.File != "" {
		s.paths, s.seen = loaded.Paths, fingerprint(loaded.Paths)
		tel.Health.Note("configuration", s.note)
	}
	if cfg.GetPdp() == nil {
		return s, nil
	}
	return s, s.serve(cfg, decide.Limits)
}

// serve opens the listeners that the configuration names.
func (s *Service) serve(cfg *configv1.Config, limits strictjson.Limits) (err error) {
	tel := s.opt.Telemetry
	if s.workloads, err = newWorkloads(cfg.GetPdp().GetWorkloads(), tel.Log, time.Now); err != nil {
		return err
	}
	settings := server.Config{
		Engine:    s.Engine,
		Listen:    cfg.GetPdp().GetListen(),
		Peers:     cfg.GetPdp().GetPeers(),
		Operators: cfg.GetPdp().GetOperators(),
		MaxBody:   limits.Bytes,
		Depth:     limits.Depth,
		Keys:      route.Key,
		Admin:     func(public bool) http.Handler { return dataplane.Admin(tel, public) },
		Log:       tel.Log,
		Events:    events{tel.Metrics},
		Options:   tel.GRPCServer(decisionv1.DecisionService_Exchange_FullMethodName),
		Trace:     tel.Question(),
	}
	if s.workloads != nil {
		settings.Workloads = s.workloads
		tel.Health.Add("workloads", func(context.Context) error { return s.workloads.tokens.Ready() })
	}
	if s.server, err = server.New(settings); err != nil {
		return err
	}
	return tel.Metrics.WatchWaiting(s.server.Waiting)
}

// compile makes of a configuration what the engine decides by. Keys and tokens
// that still count are taken over from the verifier before, which may be nil.
// What a bundle would begin with is forgotten where it does not compile: the
// server may have a better one.
func (s *Service) compile(loaded *config.Loaded, before *token.Verifier, served bundles) (pdp.Config, *token.Verifier, error) {
	decide, tokens, err := s.compileNow(loaded, before, served.now())
	if err != nil && served.forget() {
		s.opt.Telemetry.Log.Warn("bundles that policies would begin with cannot be used", "error", err)
		return s.compileNow(loaded, before, served.now())
	}
	return decide, tokens, err
}

// compileNow is compile with the bundles that are given, by policy.
func (s *Service) compileNow(loaded *config.Loaded, before *token.Verifier, have map[string]*bundle.Bundle) (pdp.Config, *token.Verifier, error) {
	cfg := loaded.Config
	policies, err := compileWith(loaded.Policies, have, "its bundle has not arrived yet")
	if err != nil {
		return pdp.Config{}, nil, err
	}
	tokens, err := verifier(loaded.Policies, s.opt.Telemetry.Log, readIssuerKeys(), before)
	if err != nil {
		return pdp.Config{}, nil, err
	}
	routes, err := route.New(cfg.GetLlm(), cfg.GetMcp())
	if err != nil {
		return pdp.Config{}, nil, err
	}
	body, err := dataplane.BodyLimits(cfg)
	if err != nil {
		return pdp.Config{}, nil, err
	}
	key, err := GuardKey(cfg)
	if err != nil {
		return pdp.Config{}, nil, err
	}
	return pdp.Config{
		Policies: policies,
		GuardKey: key,
		Services: s.asked,
		Tokens:   tokens,
		Opaque:   tokens,
		Routes:   routes,
		Recorder: recorder{log: s.record, events: s.opt.Telemetry.Log, metrics: s.opt.Telemetry.Metrics, seen: s.opt.Seen, quiet: &s.quiet},
		Limits:   body,
		Now:      time.Now,
		Open:     s.opt.Open,
	}, tokens, nil
}

// Addresses returns where the service listens, for people.
func (s *Service) Addresses() []string {
	if s.server == nil {
		return nil
	}
	return s.server.Addresses()
}

// Served lists what is served at each listener, by its field of the
// configuration.
func (s *Service) Served() map[string][]string {
	if s.server == nil {
		return nil
	}
	return s.server.Served()
}

// Run keeps keys fresh, writes records and serves until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	defer closeAll(s.asked)
	work, running := errgroup.WithContext(ctx)
	work.Go(func() error { return s.follow(running) })
	if s.server != nil {
		work.Go(func() error { return s.server.Run(running) })
	}
	if s.workloads != nil {
		work.Go(func() error { return s.workloads.run(running) })
	}
	// Records are written until everything that makes them has ended.
	recording, stop := context.WithCancel(context.WithoutCancel(ctx))
	recorded := make(chan error, 1)
	go func() { recorded <- s.record.Run(recording) }()
	err := work.Wait()
	stop()
	return errors.Join(err, <-recorded)
}

// StateDir returns the folder that survives restarts: the configured one, else
// one of the user. Without a home folder it is one that others may have made:
// [New] keeps nothing there.
func StateDir(cfg *configv1.Config) string {
	if dir := cfg.GetPdp().GetState(); dir != "" {
		return dir
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "outrider")
}
