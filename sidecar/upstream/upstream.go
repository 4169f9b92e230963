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
	"maps"
	"net"
	"net/http"
	"net/url"
	"time"

	"outrider.dev/outrider/answer"
	"outrider.dev/outrider/decision"
)

// Bounds on connections to one upstream.
const (
	maxIdlePerHost = 128
	idleTimeout    = 90 * time.Second
	dialTimeout    = 10 * time.Second
	maxHeaderBytes = 64 << 10
	readBuffer     = 16 << 10 // takes a fast provider's stream in few reads
)

// Sender sends granted calls. It is safe for concurrent use.
type Sender struct {
	transport *http.Transport // over TLS
	plain     *plain
	now       func() time.Time
}

// NewSender returns a Sender that waits at most wait for the first byte of an
// answer.
func NewSender(wait time.Duration) *Sender {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &Sender{
		now:   time.Now,
		plain: newPlain(wait, dialer),
		transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    dialTimeout,
			ResponseHeaderTimeout:  wait,
			IdleConnTimeout:        idleTimeout,
			MaxIdleConnsPerHost:    maxIdlePerHost,
			MaxResponseHeaderBytes: maxHeaderBytes,
			DisableCompression:     true,
			ReadBufferSize:         readBuffer,
			ForceAttemptHTTP2:      true,
		},
	}
}

// Close ends idle connections.
func (s *Sender) Close() {
	s.transport.CloseIdleConnections()
	s.plain.close()
}

// Send sends one request to the grant's target. The header is used as it is,
// with the credential added to a copy; the caller has dropped what must not
// travel on. The caller closes the response's body. An error is a
// *decision.Error.
func (s *Sender) Send(ctx context.Context, g *decision.Grant, method string, header http.Header, body []byte) (*http.Response, error) {
	if err := s.check(g); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, g.Target.Origin+g.Target.Path, nil)
	if err != nil {
		return nil, &decision.Error{Code: decision.CodeInternal, Message: "the grant's target cannot be called", Err: err}
	}
	maps.Copy(req.Header, header)
	if c := g.Credential.Header; c.Name != "" {
		decision.SetHeader(req.Header, c.Name, string(c.Value))
	}
	resp, err := s.roundTrip(req, body)
	if err != nil {
		return nil, s.failure(g.Target.Provider, err)
	}
	if answer.Elsewhere(resp.StatusCode) {
		_ = resp.Body.Close()
		return nil, decision.Refuse(decision.CodeUpstreamInvalid,
			"the upstream "+g.Target.Provider+" answered with a redirect, and nothing is sent to where it points: configure its final URL")
	}
	return resp, nil
}

func (s *Sender) roundTrip(req *http.Request, body []byte) (*http.Response, error) {
	if err := checkTarget(req.URL); err != nil {
		return nil, err
	}
	if req.URL.Scheme == "http" {
		return s.plain.roundTrip(req, body)
	}
	if body != nil {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	resp, err := s.transport.RoundTrip(req)
	if err != nil && checkHeader(req.Header) != nil { // why, in words that name no header
		return nil, errBadHeader
	}
	return resp, err
}

// check refuses a grant that a data plane must not follow, whoever made it.
func (s *Sender) check(g *decision.Grant) error {
	name := "the grant for " + g.Target.Provider
	if !g.Expires.IsZero() && s.now().After(g.Expires) {
		return decision.Refuse(decision.CodeUpstreamUnavailable, name+" has expired")
	}
	// Nothing but scheme and host may stand in the origin, and the path must end
	// the host, so that the two cannot be read as another place together.
	u, err := url.Parse(g.Target.Origin)
	if err != nil || u.Hostname() == "" || u.Scheme+"://"+u.Host != g.Target.Origin ||
		g.Target.Path != "" && g.Target.Path[0] != '/' {
		return decision.Refuse(decision.CodeInternal, name+" names no origin and path that can be called")
	}
	switch {
	case u.Scheme == "https", u.Scheme == "http" && decision.LoopbackHost(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return decision.Refuse(decision.CodeInternal, name+" names a plain http origin beyond loopback")
	default:
		return decision.Refuse(decision.CodeInternal, name+" names no https origin")
	}
}

func (s *Sender) failure(provider string, err error) error {
	code, what := decision.CodeUpstreamUnavailable, "does not answer"
	var timeout net.Error
	switch {
	case errors.Is(err, errBadHeader), errors.Is(err, errBadTarget): // whatever the upstream is like
		return &decision.Error{Code: decision.CodeInternal, Message: "the call cannot be sent to the upstream " + provider + ": " + err.Error()}
	case errors.Is(err, context.Canceled):
		what = "was not waited for"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		code, what = decision.CodeUpstreamTimeout, "took too long"
	}
	return &decision.Error{Code: code, Message: fmt.Sprintf("the upstream %s %s", provider, what), Err: err}
}
