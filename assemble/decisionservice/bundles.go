package decisionservice

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"outrider.dev/outrider/authz/bundle"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/pdp/route"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// served is a policy's bundle that a server has.
type served struct {
	*bundle.Source
	policy string
	spec   *configv1.RegoBundle
	key    []byte                        // that the bundle must be signed with
	now    atomic.Pointer[bundle.Bundle] // that the policy decides by; nil: none yet
	stop   context.CancelFunc            // nil: nobody asks the server yet
}

// bundles are the served bundles by policy. A map never changes; a reload makes
// another one, in which policies with the same bundle keep theirs.
type bundles map[string]*served

// now returns what the policies decide by.
func (b bundles) now() map[string]*bundle.Bundle {
	out := map[string]*bundle.Bundle{}
	for name, one := range b {
		if now := one.now.Load(); now != nil {
			out[name] = now
		}
	}
	return out
}

// bundlesOf finds the bundles that policies have from servers. One that was not
// asked for before begins with what there is: the bundle in use, if the same
// signature is asked of it, or the last good one on disk.
func (s *Service) bundlesOf(loaded *config.Loaded, before bundles) (bundles, error) {
	out := bundles{}
	for i := range loaded.Policies {
		p := &loaded.Policies[i]
		name, spec := p.Doc.GetMetadata().GetName(), p.Doc.GetSpec().GetRegoModules().GetBundle()
		if spec.GetUrl() == "" {
			continue
		}
		old := before[name]
		if old != nil && proto.Equal(old.spec, spec) && bytes.Equal(old.key, p.Rego.Key) {
			out[name] = old
			continue
		}
		fresh, err := s.newServed(loaded.Config, p)
		if err != nil {
			return nil, err
		}
		if old != nil && proto.Equal(old.spec.GetSignature(), spec.GetSignature()) && bytes.Equal(old.key, p.Rego.Key) {
			fresh.now.Store(old.now.Load())
		} else {
			s.readKept(fresh)
		}
		out[name] = fresh
	}
	return out, nil
}

func (s *Service) newServed(cfg *configv1.Config, p *config.Policy) (*served, error) {
	name, spec := p.Doc.GetMetadata().GetName(), p.Doc.GetSpec().GetRegoModules().GetBundle()
	by, err := signatureOf(p, route.Key)
	if err != nil {
		return nil, err
	}
	var bearer func() (decision.Secret, error)
	if spec.GetBearer() != nil {
		if bearer, err = route.Key(ownerOf(p, "bearer"), spec.GetBearer()); err != nil {
			return nil, err
		}
	}
	source := bundle.New(bundle.Config{
		Policy:    name,
		URL:       spec.GetUrl(),
		Every:     spec.GetPollInterval().AsDuration(),
		Bearer:    bearer,
		Signature: by,
		File:      filepath.Join(StateDir(cfg), "bundles", bundleName(name, spec)),
		Log:       s.opt.Telemetry.Log,
	})
	return &served{Source: source, policy: name, spec: spec, key: p.Rego.Key}, nil
}

// readKept begins with the last good bundle, if there is one.
func (s *Service) readKept(b *served) {
	kept, age, err := b.Kept()
	switch log := s.opt.Telemetry.Log; {
	case err != nil:
		log.Warn("the kept bundle of a policy cannot be used", "policy", b.policy, "error", err)
	case kept != nil:
		b.now.Store(kept)
		log.Info("a policy begins with its kept bundle", "policy", b.policy, "revision", kept.Revision, "age", age.Round(time.Second).String())
	default:
		log.Warn("a policy refuses every call until its bundle arrives", "policy", b.policy)
	}
}

// forget drops what sources begin with that nobody asks yet. It reports whether
// there was anything.
func (b bundles) forget() (some bool) {
	for _, one := range b {
		if one.stop == nil && one.now.Swap(nil) != nil {
			some = true
		}
	}
	return some
}

// followBundles asks the servers of next, and those of before no more that are not
// among them.
func (s *Service) followBundles(ctx context.Context, running *errgroup.Group, before, next bundles) {
	for name, old := range before {
		if next[name] != old && old.stop != nil {
			old.stop()
		}
	}
	for _, one := range next {
		if one.stop != nil {
			continue
		}
		var asking context.Context
		asking, one.stop = context.WithCancel(ctx)
		running.Go(func() error {
			one.Run(asking, func(ctx context.Context, b *bundle.Bundle) error { return s.offer(ctx, one, b) })
			return nil
		})
	}
}

// offered is a bundle that came, for the goroutine that reloads.
type offered struct {
	from   *served
	bundle *bundle.Bundle
	done   chan error
}

// offer waits until the bundle is what the policy decides by, or refused.
func (s *Service) offer(ctx context.Context, from *served, b *bundle.Bundle) error {
	if err := b.Follows(from.now.Load(), time.Now()); err != nil {
		s.opt.Telemetry.Log.Warn("the bundle of a policy is not taken", "policy", from.policy, "revision", b.Revision, "error", err)
		return err
	}
	o := offered{from, b, make(chan error, 1)}
	select {
	case s.offers <- o:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// bundleNote is what readiness says of bundles that are missing or old.
func (s *Service) bundleNote() string {
	var notes []string
	all := *s.bundles.Load()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		one := all[name]
		trouble := one.Trouble()
		switch now := one.now.Load(); {
		case now == nil:
			note := "policy " + name + " refuses every call until its bundle arrives"
			if trouble != nil {
				note += ": " + trouble.Error()
			}
			notes = append(notes, note)
		case trouble != nil:
			notes = append(notes, fmt.Sprintf("policy %s goes on with revision %q of its bundle: %v", name, now.Revision, trouble))
		}
	}
	return strings.Join(notes, "; ")
}
