package token

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/errgroup"

	"outrider.dev/outrider/decision"
)

// Bounds of the memory for verified tokens. A remembered token weighs its
// length, and at least minWeight, which bounds their number as well.
const (
	maxRemembered = 10_000
	minWeight     = 2 << 10
)

// Verifier verifies tokens of the configured issuers. Its methods are safe
// for concurrent use.
type Verifier struct {
	issuers map[string]*issuer
	sources []*source
	http    *http.Client
	ownHTTP bool
	now     func() time.Time
	seen    *otter.Cache[[sha256.Size]byte, *remembered]
}

// issuer is one issuer with what all policies together accept of it.
type issuer struct {
	audiences []string
	leeway    time.Duration
	keys      *source
}

// remembered is a token that was verified once, with what a later call must
// check again. The token itself is not kept.
type remembered struct {
	token  *Token
	start  time.Time // the later of nbf and iat
	key    fingerprint
	issuer *issuer
	weight uint32
}

// New checks the configuration and returns a Verifier that refuses the tokens
// of remote issuers until Run has fetched their keys.
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
	seen, err := otter.New(&otter.Options[[sha256.Size]byte, *remembered]{
		MaximumWeight: maxRemembered * minWeight,
		Weigher:       func(_ [sha256.Size]byte, r *remembered) uint32 { return r.weight },
		Executor:      func(fn func()) { fn() }, // no goroutine that outlives its caller
	})
	if err != nil {
		return nil, fmt.Errorf("cache of verified tokens: %w", err)
	}
	v := &Verifier{issuers: map[string]*issuer{}, http: client(cfg.HTTP), ownHTTP: cfg.HTTP == nil, now: cfg.Now, seen: seen}
	for _, p := range providers {
		fetch := fromURL(v.http, p.JWKS.URL)
		if p.JWKS.File != "" {
			fetch = fromFile(p.JWKS.File)
		}
		keys, err := newSource(p, fetch, cfg.Log)
		if err != nil {
			return nil, err
		}
		v.sources = append(v.sources, keys)
		v.issuers[p.Issuer] = &issuer{audiences: p.Audiences, leeway: p.Leeway, keys: keys}
	}
	return v, nil
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

// Ready is nil once every issuer has keys; else it names each that waits,
// with its last error.
func (v *Verifier) Ready() error {
	var errs []error
	for _, s := range v.sources {
		errs = append(errs, s.ready())
	}
	return errors.Join(errs...)
}

// Verify returns what the token says, or a [*decision.Error] with the reason
// for refusing it. It waits up to two seconds where the issuer's keys are
// being fetched.
func (v *Verifier) Verify(bearer decision.Secret) (*Token, error) {
	if len(bearer) == 0 {
		return nil, decision.Refuse(decision.CodeTokenMissing, "no token came with the call: send it as Authorization: Bearer")
	}
	sum := sha256.Sum256(bearer)
	if r, ok := v.seen.GetIfPresent(sum); ok && r.keyCurrent() {
		err := r.inTime(v.now())
		if err == nil {
			return r.token, nil
		}
		v.seen.Invalidate(sum)
		return nil, err
	}
	r, err := v.verify(bearer)
	if err != nil {
		v.seen.Invalidate(sum) // its key was withdrawn
		return nil, err
	}
	v.seen.Set(sum, r)
	return r.token, nil
}

func (v *Verifier) verify(bearer []byte) (*remembered, error) {
	p, err := parse(bearer)
	if err != nil {
		return nil, err
	}
	iss, ok := v.issuers[p.issuer]
	if !ok {
		return nil, decision.Refuse(decision.CodeIssuerUnknown,
			"the token's issuer is not one that the policy lists: list its exact iss under jwtAuthentication.providers, or get a token from a listed issuer")
	}
	if !accepted(p.algorithm) {
		return nil, decision.Refuse(decision.CodeTokenAlgorithm,
			"the token's algorithm is not accepted: sign with RS256, PS256, ES256 (or their 384 and 512 forms) or EdDSA")
	}
	r := &remembered{issuer: iss, weight: uint32(max(minWeight, len(bearer)))} //nolint:gosec // at most maxToken
	if r.key, err = iss.signer(p); err != nil {
		return nil, err
	}
	if err := r.read(p); err != nil {
		return nil, err
	}
	if err := r.inTime(v.now()); err != nil {
		return nil, err
	}
	return r, r.token.For(iss.audiences)
}

// signer verifies the signature, if need be with keys fetched for it.
func (i *issuer) signer(p *parsed) (fingerprint, error) {
	set := i.keys.current()
	if set != nil {
		id, err := set.verify(p)
		if err == nil || set.publishes(p.kid) || !i.keys.refetch() {
			return id, err
		}
	} else {
		i.keys.refetch()
	}
	if set = i.keys.current(); set == nil {
		return fingerprint{}, decision.Refuse(decision.CodeIssuerUnavailable,
			"the keys of the token's issuer cannot be fetched yet: try again shortly; the decision service's readiness page and log say why")
	}
	return set.verify(p)
}

// read fills in what the claims say. The claims are verified by now.
func (r *remembered) read(p *parsed) error {
	t := &Token{Issuer: p.issuer, Claims: p.claims}
	var err error
	if t.Expires, err = instant(p.claims, "exp"); err != nil {
		return malformed("%s", err)
	}
	if t.Expires.IsZero() {
		return malformed("it has no exp: ask the issuer for tokens that expire")
	}
	for _, name := range []string{"nbf", "iat"} {
		at, err := instant(p.claims, name)
		if err != nil {
			return malformed("%s", err)
		}
		if at.After(r.start) {
			r.start = at
		}
	}
	if t.Audiences, err = texts(p.claims, "aud", single); err != nil {
		return malformed("%s", err)
	}
	if t.Subject, err = subject(p.claims); err != nil {
		return malformed("%s", err)
	}
	if t.Scopes, err = scopes(p.claims); err != nil {
		return malformed("%s", err)
	}
	r.token = t
	return nil
}

func (r *remembered) inTime(now time.Time) error {
	if !now.Before(r.token.Expires.Add(r.issuer.leeway)) {
		return decision.Refuse(decision.CodeTokenExpired, "the token has expired: get a new one")
	}
	if now.Add(r.issuer.leeway).Before(r.start) {
		return decision.Refuse(decision.CodeTokenNotYetValid, "the token is not valid yet: wait, or compare this machine's clock with the issuer's")
	}
	return nil
}

// keyCurrent reports whether the key that verified the token still would.
func (r *remembered) keyCurrent() bool {
	set := r.issuer.keys.current()
	return set != nil && set.has(r.key)
}
