package extproc

import (
	"context"
	"errors"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"outrider.dev/outrider/answer"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
	"outrider.dev/outrider/dialect/openai"
)

// stream is what is used of the gRPC stream.
type stream interface {
	Send(m *extprocv3.ProcessingResponse) error
	Recv() (*extprocv3.ProcessingRequest, error)
}

// conversation is one HTTP call. It is read and answered by one goroutine.
type conversation struct {
	*Server
	ctx    context.Context //nolint:containedctx // lives exactly as long as the call
	stream stream
	modes  modes

	call     *inbound.Call // nil before the request's headers were read
	verdict  *decision.Verdict
	exchange decision.Exchange // nil before the call was allowed
	result   decision.Outcome
	settled  bool

	sent     bool     // the request has travelled on
	own      bool     // Envoy answered by itself: what comes back is its own
	head     *head    // of the answer; nil before it came
	begun    bool     // the answer's head has gone to the agent
	ended    bool     // nothing more of the answer will go
	refused  bool     // Envoy was told to answer with a refusal
	trailers []string // names of the answer's trailers; they wait for the end of its body
	trailed  bool     // the answer ends with trailers, whether they have names or not
	out      []byte   // of the answer, where it goes as a whole
}

// gone is the end of the stream, before or after the end of the call.
type gone struct{ err error }

func (g *gone) Error() string { return "Envoy has left: " + g.err.Error() }

// next returns the next message that says something of the call.
func (c *conversation) next() (*extprocv3.ProcessingRequest, error) {
	for {
		m, err := c.stream.Recv()
		if err != nil {
			return nil, &gone{err}
		}
		if m.GetRequest() != nil {
			return m, nil
		}
	}
}

func (c *conversation) send(m *extprocv3.ProcessingResponse) error {
	if err := c.stream.Send(m); err != nil {
		return &gone{err}
	}
	return nil
}

// serve takes the call from its first message to its last.
func (c *conversation) serve() error {
	if err := c.request(); err != nil || c.own {
		return err
	}
	return c.answer()
}

// settle reports the outcome, once.
func (c *conversation) settle() {
	if c.exchange == nil || c.settled {
		return
	}
	c.settled = true
	o := c.result
	o.ExchangeID, o.Settlement = c.verdict.ID, c.verdict.Settlement
	if o.End == "" {
		o.End = decision.EndFailed
		if c.sent {
			o.End = decision.EndDisconnected
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), settleTime)
	defer cancel()
	_ = c.exchange.Settle(ctx, o)
}

// drain reads on until Envoy has nothing more to say. A stream that ended
// before would leave the rest of the call unaccompanied: what still comes is
// let through nowhere, and trailers lose their text.
func (c *conversation) drain() error {
	for {
		m, err := c.next()
		if err != nil {
			return err
		}
		if err := c.aside(m); err != nil {
			return err
		}
	}
}

// aside answers what may come at any time once the request has travelled on.
// Bodies that come late are held for ever: their stream was told its end.
func (c *conversation) aside(m *extprocv3.ProcessingRequest) error {
	switch r := m.GetRequest().(type) {
	case *extprocv3.ProcessingRequest_RequestTrailers:
		return c.send(requestTrailers(names(r.RequestTrailers.GetTrailers())))
	case *extprocv3.ProcessingRequest_ResponseTrailers:
		return c.send(responseTrailers(names(r.ResponseTrailers.GetTrailers())))
	}
	return nil
}

// refuse answers the agent with an error: with an answer of our own where none
// has begun, else at the end of the stream, in the dialect's own way.
func (c *conversation) refuse(err error) error {
	if c.call == nil {
		c.call = inbound.New(&inbound.Request{}, decision.Caller{}, decision.Face{})
	}
	refusal := c.call.Refuse(err)
	reason := decision.Reason{Code: decision.CodeInternal, Message: "the call could not be completed"}
	var denied *answer.Denial
	var known *decision.Error
	switch {
	case errors.As(err, &denied):
		reason, refusal = denied.Reason, c.call.Deny(denied.Reason)
		if c.sent {
			c.result.End = decision.EndDenied
		}
	case errors.As(err, &known):
		reason = known.Reason()
	}
	if c.begun {
		return c.breakOff(reason)
	}
	if c.result.End == "" {
		c.result.End = decision.EndFailed
	}
	if err := c.send(&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ImmediateResponse{
		ImmediateResponse: &extprocv3.ImmediateResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode(refusal.Status)}, //nolint:gosec // three digits
			Headers: &extprocv3.HeaderMutation{SetHeaders: setHeaders(refusal.Header)},
			Body:    refusal.Body,
			Details: "outrider_" + string(reason.Code),
		},
	}}); err != nil {
		return err
	}
	c.refused = true
	return nil
}

// breakOff ends a stream that has begun. One that was ended already has nothing
// to add.
func (c *conversation) breakOff(reason decision.Reason) error {
	if c.ended {
		return nil
	}
	last := openai.ErrorEvent(reason, c.call.Ask.ExchangeID)
	if c.call.Ask.Surface == decision.MCP {
		last = answer.AppendEvent(nil, c.call.ErrorBody(reason))
	}
	c.ended = true
	if c.result.End == "" {
		c.result.End = decision.EndFailed
	}
	return c.endStream(last)
}

// names lists the names of headers, each once.
func names(h *corev3.HeaderMap) []string {
	var out []string
	for _, v := range h.GetHeaders() {
		if !slices.Contains(out, v.GetKey()) {
			out = append(out, v.GetKey())
		}
	}
	return out
}
