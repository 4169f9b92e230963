package llm

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/openai"
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
	Agent    decision.Caller // who this data plane speaks for; without a bearer
	Limits   strictjson.Limits
	Deadline time.Duration // of a whole call, from first to last byte
	Log      *slog.Logger
}

// Mount serves the OpenAI-compatible operations on mux, and refuses every path
// that nothing else there serves.
func Mount(mux *http.ServeMux, cfg Config) {
	s := &service{cfg}
	mux.Handle("/v1/chat/completions", s.handle(http.MethodPost, openai.OperationChat, openai.ReadChat))
	mux.Handle("/v1/embeddings", s.handle(http.MethodPost, openai.OperationEmbeddings, openai.ReadEmbeddings))
	mux.Handle("/v1/models", s.handle(http.MethodGet, openai.OperationModels, nil))
	mux.HandleFunc("/", s.unknown)
}

type service struct{ Config }

// reader reads a request body of one operation.
type reader func(raw []byte, lim strictjson.Limits) (*dialect.Call, error)

// exchange is one LLM call under way.
type exchange struct {
	*service
	w      http.ResponseWriter
	r      *http.Request
	ctx    context.Context //nolint:containedctx // lives exactly as long as the call
	ask    decision.Request
	call   *dialect.Call
	reread reader // of the body; nil: there is none
	gate   *gate.Exchange
	duty   decision.Duty
	result decision.Outcome
}

func (s *service) handle(method, operation string, read reader) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), s.Deadline)
		defer cancel()
		x := s.exchange(ctx, w, r)
		// An agent that stops reading must not hold the call for ever.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.Deadline + writeGrace))
		if r.Method != method {
			w.Header().Set("Allow", method)
			x.refuse(decision.Refuse(decision.CodeMethodNotAllowed, "this path is served by "+method))
			return
		}
		x.ask.Method = operation
		if err := gate.CheckOrigin(r.Header); err != nil {
			x.refuse(err)
			return
		}
		if err := x.read(read); err != nil {
			x.refuse(err)
			return
		}
		x.run()
	})
}

// unknown answers every path that nothing serves, so that a client learns of it
// in its own format.
func (s *service) unknown(w http.ResponseWriter, r *http.Request) {
	s.exchange(r.Context(), w, r).refuse(decision.Refuse(decision.CodeMethodUnknown, "this path is not served here"))
}

// exchange begins a call, whose id every answer carries.
func (s *service) exchange(ctx context.Context, w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{service: s, w: w, r: r, ctx: ctx}
	x.ask.ExchangeID = decision.NewID()
	w.Header().Set(decision.IDHeader, x.ask.ExchangeID)
	return x
}

// read fills in the question.
func (x *exchange) read(read reader) error {
	x.ask.Surface = decision.LLM
	x.ask.Caller = x.Agent
	x.ask.Caller.Bearer = gate.Bearer(x.r.Header)
	x.ask.Face = decision.FullFace()
	x.ask.Source = x.r.RemoteAddr
	x.ask.HTTP = decision.HTTP{Method: x.r.Method, Path: x.r.URL.Path, Headers: upstream.ReadableHeader(x.r.Header)}
	operation, _ := openai.Lookup(x.ask.Method)
	x.ask.Body.Dialect = operation.Dialect
	x.call = &dialect.Call{}
	if read == nil {
		return nil
	}
	raw, err := gate.ReadBody(x.w, x.r, int64(x.Limits.Bytes))
	if err != nil {
		return err
	}
	if x.call, err = read(raw, x.Limits); err != nil {
		return err
	}
	x.reread = read
	x.ask.Body.Raw, x.ask.Body.Segments = raw, x.call.Segments
	x.ask.LLM = decision.LLMCall{Model: x.call.Model, Stream: x.call.Stream, MaxTokens: x.call.MaxTokens}
	return nil
}

// run asks, forwards and settles. Every way out of a granted call settles it.
func (x *exchange) run() {
	verdict, granted := x.Gate.Open(x.ctx, &x.ask)
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
