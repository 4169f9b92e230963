// Package fetch is how the decision service reads small documents that others
// publish, such as keys and bundles of policies: over TLS, or plainly on
// loopback, in bounded time, spread over time. It is off the way of a call.
// Only authz/token and authz/bundle import it.
package fetch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"outrider.dev/outrider/decision"
)

// MaxBackoff is the longest pause after failures.
const MaxBackoff = 30 * time.Second

const (
	maxRedirects = 5
	firstBackoff = 500 * time.Millisecond
)

// Client returns a copy of base that follows redirects only where nobody on
// the way can change the answer. A nil base gets connections of its own.
func Client(base *http.Client, timeout time.Duration) *http.Client {
	c := &http.Client{}
	if base != nil {
		*c = *base
	} else if t, ok := http.DefaultTransport.(*http.Transport); ok {
		c.Transport = t.Clone()
	}
	c.Timeout = timeout
	c.Jar = nil
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		if !Safe(req.URL) || req.URL.Scheme != "https" && via[0].URL.Scheme == "https" {
			return errors.New("redirect to an address without TLS refused")
		}
		return nil
	}
	return c
}

// Safe reports whether nobody on the way can change what u answers.
func Safe(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && decision.LoopbackHost(u.Hostname())
}

// Backoff is the pause after a number of failures: it doubles with each, up to
// [MaxBackoff], and is spread over its upper half.
func Backoff(failures int) time.Duration {
	d := MaxBackoff
	if failures < 6 {
		d = min(MaxBackoff, firstBackoff<<failures)
	}
	return d/2 + rand.N(d/2) //nolint:gosec // spread, no secret
}

// Jitter keeps replicas from asking all at once: a little less than d.
func Jitter(d time.Duration) time.Duration {
	return d - rand.N(d/10) //nolint:gosec // spread, no secret
}
