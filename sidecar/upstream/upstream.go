// Package upstream sends a call to the target that a grant names, with the
// grant's credential, and to nowhere else. It follows no redirect, uses no
// proxy from the environment and asks for no compression: what comes back is
// judged as it comes.
//
// sidecar/llm and sidecar/mcp call it with a grant in hand; there is no way to
// send without one.
package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"outrider.dev/outrider/decision"
)

// Bounds on connections to one upstream.
const (
	maxIdlePerHost = 128
	idleTimeout    = 90 * time.Second
	dialTimeout    = 10 * time.Second
	maxHeaderBytes = 64 << 10
)

// Sender sends granted calls. It is safe for concurrent use.
type Sender struct {
	transport *http.Transport
	now       func() time.Time
}

// NewSender returns a Sender that waits at most wait for the first byte of an
// answer.
func NewSender(wait time.Duration) *Sender {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &Sender{
		now: time.Now,
		transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    dialTimeout,
			ResponseHeaderTimeout:  wait,
			IdleConnTimeout:        idleTimeout,
			MaxIdleConnsPerHost:    maxIdlePerHost,
			MaxResponseHeaderBytes: maxHeaderBytes,
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
		},
	}
}

// Close ends idle connections.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

// Send sends one request to the grant's target. The header is used as it is,
// with the credential added; the caller has dropped what must not travel on.
// The caller closes the response's body. An error is a *decision.Error.
func (s *Sender) Send(ctx context.Context, g *decision.Grant, method string, header http.Header, body []byte) (*http.Response, error) {
	if err := s.check(g); err != nil {
		return nil, err
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, g.Target.Origin+g.Target.Path, reader)
	if err != nil {
		return nil, &decision.Error{Code: decision.CodeInternal, Message: "the grant's target cannot be called", Err: err}
	}
	req.Header = header
	if c := g.Credential.Header; c.Name != "" {
		req.Header.Set(c.Name, string(c.Value))
	}
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		return nil, s.failure(g.Target.Provider, err)
	}
	return resp, nil
}

// check refuses a grant that a data plane must not follow, whoever made it.
func (s *Sender) check(g *decision.Grant) error {
	if !g.Expires.IsZero() && s.now().After(g.Expires) {
		return decision.Refuse(decision.CodeUpstreamUnavailable, "the grant for "+g.Target.Provider+" has expired")
	}
	host, plain := strings.CutPrefix(g.Target.Origin, "http://")
	if plain && !decision.LoopbackHost(host) {
		return decision.Refuse(decision.CodeInternal, "the grant for "+g.Target.Provider+" names a plain http origin beyond loopback")
	}
	if !plain && !strings.HasPrefix(g.Target.Origin, "https://") {
		return decision.Refuse(decision.CodeInternal, "the grant for "+g.Target.Provider+" names no https origin")
	}
	return nil
}

func (s *Sender) failure(provider string, err error) error {
	code, what := decision.CodeUpstreamUnavailable, "does not answer"
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		what = "was not waited for"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		code, what = decision.CodeUpstreamTimeout, "took too long"
	}
	return &decision.Error{Code: code, Message: fmt.Sprintf("the upstream %s %s", provider, what), Err: err}
}
