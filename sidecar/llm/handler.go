package llm

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
	"outrider.dev/outrider/sidecar/gate"
	"outrider.dev/outrider/sidecar/upstream"
	"outrider.dev/outrider/strictjson"
)

// writeGrace is how long after the call's deadline its refusal may still be
// written to a slow agent.
const writeGrace = 10 * time.Second

// Config is what the handlers are made of.
type Config struct {
	Gate     *gate.Gate
	Sender   *upstream.Sender
	Agent    func(*http.Request) decision.Caller // whom the call is for; without a bearer
	Limits   strictjson.Limits
	Deadline time.Duration // of a whole call, from first to last byte
	Log      *slog.Logger
}

// New serves the OpenAI-compatible operations, and refuses every other path.
func New(cfg Config) http.Handler { return &service{cfg} }

type service struct{ Config }

// exchange is one LLM call under way.
type exchange struct {
	*service
	w      http.ResponseWriter
	r      *http.Request
	ctx    context.Context //nolint:containedctx // lives exactly as long as the call
	in     *inbound.Call
	ask    *decision.Request
	gate   *gate.Exchange
	duty   decision.Duty
	result decision.Outcome
}

// ServeHTTP implements http.Handler.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.Deadline)
	defer cancel()
	x := &exchange{service: s, w: w, r: r, ctx: ctx}
	x.in = inbound.New(&inbound.Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: r.Header, Source: r.RemoteAddr,
	}, s.Agent(r), decision.FullFace())
	x.ask = &x.in.Ask
	w.Header().Set(decision.IDHeader, x.ask.ExchangeID)
	// An agent that stops reading must not hold the call for ever.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.Deadline + writeGrace))
	if err := x.read(); err != nil {
		x.refuse(err)
		return
	}
	x.run()
}

// read fills in the question.
func (x *exchange) read() error {
	if err := x.in.Accept(); err != nil {
		return err
	}
	if !x.in.HasBody() {
		if x.r.ContentLength != 0 {
			return decision.Refuse(decision.CodeBodyInvalid, "this call has no body: send it without one")
		}
		return nil
	}
	raw, err := gate.ReadBody(x.w, x.r, int64(x.Limits.Bytes))
	if err != nil {
		return err
	}
	return x.in.Read(raw, x.Limits)
}

// run asks, forwards and settles. Every way out of a granted call settles it.
func (x *exchange) run() {
	verdict, granted := x.Gate.Open(x.ctx, x.ask)
	if granted == nil {
		x.deny(verdict.Reason)
		return
	}
	x.gate, x.duty = granted, verdict.Duty
	x.result.End = decision.EndFailed
	defer func() {
		if x.r.Context().Err() != nil && x.result.End == decision.EndFailed {
			x.result.End = decision.EndDisconnected
		}
		x.gate.Settle(x.ctx, x.result)
	}()
	x.forward(verdict)
}
