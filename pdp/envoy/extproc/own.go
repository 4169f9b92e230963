package extproc

import (
	"errors"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/pdp/envoy"
)

// Envoy sends answers of its own through the filter, too: a refusal of
// ext_authz, a body that is too large for its buffers. They come before the
// request has travelled on, so that no upstream has had a part in them.

// unasked takes a stream that begins with an answer. Only where ext_authz has
// refused the call, or Envoy tells where the answer is from, is it certain that
// nothing has travelled on.
func (c *conversation) unasked(m *extprocv3.ProcessingRequest) error {
	if m.GetResponseHeaders() == nil {
		return cannot("a message came out of order")
	}
	if told(m, envoy.EffectKey) != decision.Deny.String() && !local(m) {
		return cannot("an answer came to a request that was not shown: set request_header_mode to SEND")
	}
	c.modes = readModes(m.GetProtocolConfig())
	return c.pass(m)
}

// local reports whether Envoy says that it made the answer itself, where the
// filter's response_attributes have it say so.
func local(m *extprocv3.ProcessingRequest) bool {
	const details, forwarded = "response.code_details", "via_upstream"
	from := attribute(m, details)
	return from != "" && from != forwarded
}

// pass lets an answer of Envoy's own through as it is. The request stays where
// it is.
func (c *conversation) pass(m *extprocv3.ProcessingRequest) error {
	c.own = true
	for {
		var err error
		switch r := m.GetRequest().(type) {
		case *extprocv3.ProcessingRequest_ResponseHeaders:
			if c.begun {
				return &gone{errors.New("an answer has two heads")}
			}
			c.begun = true
			err = c.send(responseHeaders(nil))
		case *extprocv3.ProcessingRequest_ResponseBody:
			b := r.ResponseBody
			if c.ended || !c.begun {
				break
			}
			if c.modes.response == duplex {
				err = c.send(streamedAnswer(b.GetBody(), b.GetEndOfStream()))
			} else {
				err = c.send(responseBody(nil, nil))
			}
			c.ended = b.GetEndOfStream() || c.modes.response == buffered
		case *extprocv3.ProcessingRequest_ResponseTrailers:
			c.ended = true
			err = c.send(responseTrailers(nil))
		}
		if err != nil {
			return err
		}
		if m, err = c.next(); err != nil {
			return err
		}
	}
}
