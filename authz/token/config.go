package token

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"outrider.dev/outrider/authz/fetch"
	"outrider.dev/outrider/decision"
)

// Bounds of a provider's settings.
const (
	defaultLeeway = 30 * time.Second
	maxLeeway     = 5 * time.Minute
	defaultCache  = time.Hour
	minCache      = time.Minute
	maxCache      = 24 * time.Hour

	defaultAnswerCache = 30 * time.Second
	minAnswerCache     = time.Second
	maxAnswerCache     = 5 * time.Minute
)

// Provider is one issuer as one policy lists it. The same issuer may be listed
// again with other audiences, but only with the same key source and the same
// introspection; the shorter leeway and cache durations and the later NotBefore
// hold.
type Provider struct {
	Issuer        string         // compared byte for byte with the token's iss
	Audiences     []string       // empty: every audience
	JWKS          Keys           // where its public keys come from; empty: JWTs are introspected too
	Introspection *Introspection // for tokens that are no JWT; nil: there are none
	NotBefore     time.Time      // tokens issued earlier are refused, whatever their exp; zero: none is
	Leeway        time.Duration  // clock difference tolerated; 0: 30 s, at most 5 min
}

// Introspection is how an issuer is asked about its tokens (RFC 7662).
type Introspection struct {
	URL           string                          // https; http on loopback only
	ClientID      string                          // who asks, proven by exactly one of Secret and Assertion
	Secret        func() (decision.Secret, error) // by HTTP Basic; called for each question, so that a secret may change
	Assertion     *Assertion
	CacheDuration time.Duration // how long an answer counts; 0: 30 s, 1 s to 5 min
}

// Keys is the source of an issuer's JSON Web Key Set: exactly one of URL,
// Metadata, Inline and File.
type Keys struct {
	URL           string        // https; http on loopback only
	Metadata      string        // the URL of the issuer's metadata, which names that of the set; see [MetadataURL]
	CacheDuration time.Duration // how often it is read again unless inline; 0: 1 h, 1 min to 24 h
	Inline        []byte
	File          string
}

// Config is what [New] needs.
type Config struct {
	Providers []Provider
	Previous  *Verifier        // keys and verified tokens that still count are taken over from it; may be nil
	HTTP      *http.Client     // nil: a client of its own; redirects and time are limited either way
	Log       *slog.Logger     // nil: silent
	Now       func() time.Time // judges exp, nbf and iat; nil: time.Now
}

// merge unites the providers by issuer, in order of appearance.
func merge(providers []Provider) ([]Provider, error) {
	var out []Provider
	for i, p := range providers {
		p, err := checkProvider(p)
		if err != nil {
			return nil, fmt.Errorf("providers[%d] (issuer %q): %w", i, p.Issuer, err)
		}
		at := slices.IndexFunc(out, func(o Provider) bool { return o.Issuer == p.Issuer })
		if at < 0 {
			out = append(out, p)
			continue
		}
		if !sameSource(out[at].JWKS, p.JWKS) {
			return nil, fmt.Errorf("providers[%d] (issuer %q): jwks differs from where the issuer is listed first: give both the same jwks", i, p.Issuer)
		}
		if !sameIntrospection(out[at].Introspection, p.Introspection) {
			return nil, fmt.Errorf("providers[%d] (issuer %q): introspection differs from where the issuer is listed first: give both the same url, clientID and kind of proof", i, p.Issuer)
		}
		out[at] = unite(out[at], p)
	}
	return out, nil
}

func unite(a, b Provider) Provider {
	if len(a.Audiences) == 0 || len(b.Audiences) == 0 {
		a.Audiences = nil // one of them takes any; Token.For still checks the other
	} else {
		a.Audiences = slices.Concat(a.Audiences, b.Audiences)
	}
	a.Leeway = min(a.Leeway, b.Leeway)
	a.JWKS.CacheDuration = min(a.JWKS.CacheDuration, b.JWKS.CacheDuration)
	if b.NotBefore.After(a.NotBefore) {
		a.NotBefore = b.NotBefore
	}
	if a.Introspection != nil {
		a.Introspection.CacheDuration = min(a.Introspection.CacheDuration, b.Introspection.CacheDuration)
	}
	return a
}

func sameSource(a, b Keys) bool {
	return a.URL == b.URL && a.Metadata == b.Metadata && a.File == b.File && string(a.Inline) == string(b.Inline)
}

func sameIntrospection(a, b *Introspection) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Assertion == nil || b.Assertion == nil {
		return a.URL == b.URL && a.ClientID == b.ClientID && a.Assertion == b.Assertion
	}
	return a.URL == b.URL && a.ClientID == b.ClientID && a.Assertion.KeyID == b.Assertion.KeyID && a.Assertion.Audience == b.Assertion.Audience
}

// checkProvider fills the defaults in and says what is wrong.
func checkProvider(p Provider) (Provider, error) {
	if p.Issuer == "" {
		return p, errors.New("issuer is empty: set it to the exact iss of the tokens")
	}
	if slices.Contains(p.Audiences, "") {
		return p, errors.New("audiences has an empty entry: remove it")
	}
	if p.Leeway == 0 {
		p.Leeway = defaultLeeway
	}
	if p.Leeway < 0 || p.Leeway > maxLeeway {
		return p, fmt.Errorf("leeway %s is out of range: use up to %s", p.Leeway, maxLeeway)
	}
	if p.JWKS.CacheDuration == 0 {
		p.JWKS.CacheDuration = defaultCache
	}
	if d := p.JWKS.CacheDuration; d < minCache || d > maxCache {
		return p, fmt.Errorf("jwks cacheDuration %s is out of range: use %s to %s", d, minCache, maxCache)
	}
	if p.Introspection == nil {
		return p, checkSource(p.JWKS)
	}
	own := *p.Introspection
	p.Introspection = &own
	if err := p.Introspection.check(); err != nil || p.JWKS.empty() {
		return p, err
	}
	return p, checkSource(p.JWKS)
}

// check fills the defaults in and says what is wrong.
func (i *Introspection) check() error {
	if i.ClientID == "" || (i.Secret == nil) == (i.Assertion == nil) {
		return errors.New("introspection lacks clientID, or one of secret and privateKeyJWT: issuers answer to none but their clients")
	}
	if i.Assertion != nil {
		own := *i.Assertion
		own.Audience = cmp.Or(own.Audience, i.URL)
		i.Assertion = &own
		if raw, err := own.Key(); err == nil && len(raw) > 0 { // else it is told when it is needed
			if _, err := readSigningKey(raw); err != nil {
				return fmt.Errorf("introspection privateKeyJWT: %w", err)
			}
		}
	}
	if i.CacheDuration == 0 {
		i.CacheDuration = defaultAnswerCache
	}
	if d := i.CacheDuration; d < minAnswerCache || d > maxAnswerCache {
		return fmt.Errorf("introspection cacheDuration %s is out of range: use %s to %s", d, minAnswerCache, maxAnswerCache)
	}
	return checkURL("introspection url", i.URL)
}

// empty reports whether no source is given.
func (k *Keys) empty() bool {
	return k.URL == "" && k.Metadata == "" && len(k.Inline) == 0 && k.File == ""
}

func checkSource(k Keys) error {
	sources := 0
	for _, set := range []bool{k.URL != "", k.Metadata != "", len(k.Inline) > 0, k.File != ""} {
		if set {
			sources++
		}
	}
	if sources != 1 {
		return fmt.Errorf("jwks has %d sources: give exactly one of url, discovery, inline and file", sources)
	}
	if k.URL != "" {
		return checkURL("jwks url", k.URL)
	}
	if k.Metadata != "" {
		return checkURL("jwks discovery url", k.Metadata)
	}
	return nil
}

// checkURL holds an address to one where nobody on the way can change the
// answer. Its errors never repeat the address, which may hold a password.
func checkURL(what, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%s cannot be read: give an absolute https URL", what)
	}
	if u.User != nil {
		return fmt.Errorf("%s holds a user name or password: remove it", what)
	}
	if !fetch.Safe(u) {
		return fmt.Errorf("%s has scheme %q: use https (http is for loopback only), since who can change the answer can mint tokens", what, u.Scheme)
	}
	return nil
}
