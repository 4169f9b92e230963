package token

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"outrider.dev/outrider/authz/fetch"
)

// Verifier verifies tokens of the configured issuers. Its methods are safe
// for concurrent use.
type Verifier struct {
	issuers map[string]*issuer
	sources []*source
	http    *http.Client
	ownHTTP bool
	now     func() time.Time
	seen    *memory
}

// New checks the configuration and returns a Verifier that refuses the tokens
// of remote issuers until Run has fetched their keys, or has some of
// [Config.Previous].
func New(cfg Config) (*Verifier, error) {
	providers, err := merge(cfg.Providers)
	if err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	v := &Verifier{issuers: map[string]*issuer{}, http: fetch.Client(cfg.HTTP, fetchTimeout), ownHTTP: cfg.HTTP == nil, now: cfg.Now}
	for _, p := range providers {
		if err := v.add(p, cfg.Log); err != nil {
			return nil, err
		}
	}
	if cfg.Previous != nil {
		v.takeOver(cfg.Previous)
		return v, nil
	}
	v.seen, err = newMemory()
	return v, err
}

// add makes an issuer of its settings.
func (v *Verifier) add(p Provider, log *slog.Logger) error {
	iss := &issuer{name: p.Issuer, audiences: p.Audiences, leeway: p.Leeway, notBefore: p.NotBefore, jwks: p.JWKS}
	v.issuers[p.Issuer] = iss
	if p.Introspection != nil {
		iss.introspection = newIntrospector(p, v.http, log)
	}
	if p.JWKS.empty() {
		return nil
	}
	var err error
	if iss.keys, err = newSource(p, fetcher(v.http, p), log); err != nil {
		return err
	}
	v.sources = append(v.sources, iss.keys)
	return nil
}

// takeOver makes what old knows this Verifier's own: keys where issuer and
// source are the same, and all verified tokens. A remembered token never counts
// by itself: each use holds it against the issuer as configured now.
func (v *Verifier) takeOver(old *Verifier) {
	v.seen = old.seen
	for name, iss := range v.issuers {
		was := old.issuers[name]
		if was == nil || iss.keys == nil || was.keys == nil || !sameSource(iss.jwks, was.jwks) {
			continue
		}
		iss.keys.inherit(was.keys)
	}
}

// Run keeps the issuers' keys fresh until ctx ends, then returns nil. It is
// called once; nothing that it starts outlives it.
func (v *Verifier) Run(ctx context.Context) error {
	var group errgroup.Group
	for _, s := range v.sources {
		group.Go(func() error {
			s.run(ctx)
			return nil
		})
	}
	err := group.Wait()
	<-ctx.Done()
	if v.ownHTTP {
		v.http.CloseIdleConnections()
	}
	return err
}

// Ready is nil once some issuer's keys are there, if there is one, and all the
// others have been asked: tokens of those that did not answer are refused, and
// nobody else has to wait for them. Else the error names each that has none.
func (v *Verifier) Ready() error {
	var errs []error
	asked := true
	for _, s := range v.sources {
		err := s.ready()
		errs = append(errs, err)
		asked = asked && (err == nil || s.asked())
	}
	missing := errors.Join(errs...)
	if known := len(v.sources) > 0 && slices.Contains(errs, nil); known && asked {
		return nil
	}
	return missing
}

// Missing names the issuers that have no keys, each with its last error; empty
// where all have some.
func (v *Verifier) Missing() string {
	var out []string
	for _, s := range v.sources {
		if err := s.ready(); err != nil {
			out = append(out, err.Error())
		}
	}
	return strings.Join(out, "; ")
}
