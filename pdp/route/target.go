package route

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"outrider.dev/outrider/decision"
)

// grantLife bounds how long a data plane may use a grant before it sends.
const grantLife = time.Minute

// Target is one place that a call may go to.
type Target struct {
	Name   string // provider or server
	Model  string // to ask for; empty: as the agent asked
	origin string
	path   string
	key    *credential
}

func newTarget(owner, name, rawURL string, key *credential) (Target, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Hostname() == "" { // what cannot be read may hold a key: it is not repeated
		return Target{}, fmt.Errorf("%s: url: give an absolute URL, such as https://api.example.com/v1", owner)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return Target{}, fmt.Errorf("%s: url: neither credentials nor a query belong into it; give the key as a key", owner)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !decision.LoopbackHost(u.Hostname())) {
		return Target{}, fmt.Errorf("%s: url %s://%s: use https; plain http is for loopback", owner, u.Scheme, u.Host)
	}
	return Target{
		Name:   name,
		origin: u.Scheme + "://" + u.Host,
		path:   u.EscapedPath(),
		key:    key,
	}, nil
}

// Grant returns the permission to call the target, with its credential read
// now. The path is below the target's own; without one the target's URL is
// called as it was given.
func (t *Target) Grant(dialect, path string, now time.Time) (decision.Grant, error) {
	full := t.path
	if path != "" {
		full = strings.TrimSuffix(full, "/") + path
	}
	g := decision.Grant{
		Target: decision.Target{
			Provider: t.Name,
			Origin:   t.origin,
			Path:     full,
			Dialect:  dialect,
			Model:    t.Model,
		},
		Expires: now.Add(grantLife),
	}
	key, err := t.key.bearer()
	if err != nil {
		return decision.Grant{}, &decision.Error{
			Code:    decision.CodeUpstreamUnavailable,
			Message: "the key of " + t.Name + " cannot be read",
			Err:     err,
		}
	}
	if len(key) > 0 {
		g.Credential.Header = decision.HeaderOp{
			Name:  "Authorization",
			Value: slices.Concat(decision.Secret("Bearer "), key),
		}
	}
	return g, nil
}
