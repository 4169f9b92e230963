// Package decisionservice turns configuration and policies into a running
// decision service: the engine with everything that it asks, and its listeners
// where the configuration names some.
//
// cmd/outrider-pdp runs it by itself, cmd/outrider beside a data plane in one
// process.
package decisionservice

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"outrider.dev/outrider/assemble/dataplane"
	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/pdp"
	"outrider.dev/outrider/pdp/route"
	"outrider.dev/outrider/pdp/server"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/telemetry"
)

// Options is what a command decides beside the configuration.
type Options struct {
	Open      bool // an agent that no policy selects passes
	Telemetry *telemetry.Telemetry
	Seen      func(audit.Record) // called for every record, may be nil
}

// Service is a decision service. Its engine answers from Run on.
type Service struct {
	Engine *pdp.Engine

	tokens *token.Verifier
	record *audit.Log
	server *server.Server // nil: in this process only
}

// New compiles the policies and opens state and listeners.
func New(loaded *config.Loaded, opt Options) (*Service, error) {
	cfg := loaded.Config
	policies, err := Compile(loaded.Policies)
	if err != nil {
		return nil, err
	}
	s := &Service{}
	if s.tokens, err = verifier(loaded.Policies, opt.Telemetry.Log, route.Key); err != nil {
		return nil, err
	}
	routes, err := route.New(cfg.GetLlm(), cfg.GetMcp())
	if err != nil {
		return nil, err
	}
	if s.record, err = audit.New(audit.Config{Dir: StateDir(cfg), Log: opt.Telemetry.Log}); err != nil {
		return nil, err
	}
	if err := opt.Telemetry.Metrics.WatchAuditLost(s.record.Lost); err != nil {
		return nil, err
	}
	body, err := dataplane.BodyLimits(cfg)
	if err != nil {
		return nil, err
	}
	s.Engine, err = pdp.New(pdp.Config{
		Policies: policies,
		Tokens:   s.tokens,
		Opaque:   s.tokens,
		Routes:   routes,
		Recorder: recorder{log: s.record, metrics: opt.Telemetry.Metrics, seen: opt.Seen},
		Limits:   body,
		Now:      time.Now,
		Open:     opt.Open,
	})
	if err != nil {
		return nil, err
	}
	opt.Telemetry.Health.Add("issuers", func(context.Context) error { return s.tokens.Ready() })
	if cfg.GetPdp() == nil {
		return s, nil
	}
	s.server, err = server.New(server.Config{
		Engine:  s.Engine,
		Listen:  cfg.GetPdp().GetListen(),
		Peers:   cfg.GetPdp().GetPeers(),
		MaxBody: body.Bytes,
		Admin:   dataplane.Admin(opt.Telemetry),
		Log:     opt.Telemetry.Log,
		Options: opt.Telemetry.GRPCServer(),
	})
	return s, err
}

// Addresses returns where the service listens, for people.
func (s *Service) Addresses() []string {
	if s.server == nil {
		return nil
	}
	return s.server.Addresses()
}

// Run keeps keys fresh, writes records and serves until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	work, running := errgroup.WithContext(ctx)
	work.Go(func() error { return s.tokens.Run(running) })
	if s.server != nil {
		work.Go(func() error { return s.server.Run(running) })
	}
	// Records are written until everything that makes them has ended.
	recording, stop := context.WithCancel(context.WithoutCancel(ctx))
	recorded := make(chan error, 1)
	go func() { recorded <- s.record.Run(recording) }()
	err := work.Wait()
	stop()
	return errors.Join(err, <-recorded)
}

// Compile compiles the policies' rules.
func Compile(list []config.Policy) (*authz.Set, error) {
	sources := make([]authz.Source, 0, len(list))
	for i := range list {
		p := &list[i]
		sources = append(sources, authz.Source{
			Doc:     p.Doc,
			Version: p.Version,
			At: func(path string) string {
				at, _ := p.Position(path)
				at.File = filepath.Base(at.File) // refusals name the place, and callers need not know the folder
				return at.String()
			},
			In: func(path, text string, line, column int) string {
				at, ok := p.Inside(path, text, line, column)
				if !ok {
					return ""
				}
				at.File = filepath.Base(at.File)
				return at.String()
			},
		})
	}
	return authz.NewSet(sources)
}

// StateDir returns the folder that survives restarts: the configured one, else
// one of the user.
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
