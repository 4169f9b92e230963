package token

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Bounds of a provider's settings.
const (
	defaultLeeway = 30 * time.Second
	maxLeeway     = 5 * time.Minute
	defaultCache  = time.Hour
	minCache      = time.Minute
	maxCache      = 24 * time.Hour
)

// Provider is one issuer as one policy lists it. The same issuer may be listed
// again with other audiences, but only with the same key source; the shorter
// leeway and cache duration hold.
type Provider struct {
	Issuer    string        // compared byte for byte with the token's iss
	Audiences []string      // empty: every audience
	JWKS      Keys          // where its public keys come from
	Leeway    time.Duration // clock difference tolerated; 0: 30 s, at most 5 min
}

// Keys is the source of an issuer's JSON Web Key Set: exactly one of URL,
// Inline and File.
type Keys struct {
	URL           string        // https; http on loopback only
	CacheDuration time.Duration // how often URL or File is read again; 0: 1 h, 1 min to 24 h
	Inline        []byte
	File          string
}

// Config is what [New] needs.
type Config struct {
	Providers []Provider
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
	return a
}

func sameSource(a, b Keys) bool {
	return a.URL == b.URL && a.File == b.File && string(a.Inline) == string(b.Inline)
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
	return p, checkSource(p.JWKS)
}

func checkSource(k Keys) error {
	sources := 0
	for _, set := range []bool{k.URL != "", len(k.Inline) > 0, k.File != ""} {
		if set {
			sources++
		}
	}
	if sources != 1 {
		return fmt.Errorf("jwks has %d sources: give exactly one of url, inline and file", sources)
	}
	if k.URL == "" {
		return nil
	}
	u, err := url.Parse(k.URL)
	if err != nil || u.Host == "" {
		return errors.New("jwks url cannot be read: give an absolute https URL")
	}
	if u.User != nil {
		return errors.New("jwks url holds a user name or password: key sets are public, remove it")
	}
	if !safe(u) {
		return fmt.Errorf("jwks url has scheme %q: use https (http is for loopback only), since who can change the answer can mint tokens", u.Scheme)
	}
	return nil
}

// safe reports whether nobody on the way can change what u answers.
func safe(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
