package mcp

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
	message "outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/sidecar/gate"
	"outrider.dev/outrider/strictjson"
)

// writeGrace is how long after the call's deadline its refusal may still be
// written to a slow agent.
const writeGrace = 10 * time.Second

// Sender sends one call to the target of a grant, with its credential. An
// error is a *decision.Error.
type Sender interface {
	Send(ctx context.Context, g *decision.Grant, method string, header http.Header, body []byte) (*http.Response, error)
}

// Config is what the handlers are made of.
type Config struct {
	Gate     *gate.Gate
	Sender   Sender
	Agent    func(*http.Request) decision.Caller // whom the call is for; without a bearer
	Limits   strictjson.Limits                   // of one message, either way
	Deadline time.Duration                       // of a whole call, from first to last byte; 0: five minutes
	Log      *slog.Logger
	Version  string // of this build, told where several servers answer as one
}

const defaultDeadline = 5 * time.Minute

// New serves MCP: all servers at /mcp, one at /mcp/{server}.
func New(cfg Config) http.Handler {
	if cfg.Deadline <= 0 {
		cfg.Deadline = defaultDeadline
	}
	if cfg.Limits.Bytes <= 0 {
		cfg.Limits.Bytes = defaultBytes
	}
	return &service{cfg}
}

// defaultBytes is the default bound of package strictjson.
const defaultBytes = 10 << 20

type service struct{ Config }

// exchange is one MCP call under way.
type exchange struct {
	*service
	w       http.ResponseWriter
	r       *http.Request
	ctx     context.Context //nolint:containedctx // lives exactly as long as the call
	conn    *http.ResponseController
	in      *inbound.Call
	ask     *decision.Request
	msg     *message.Message // nil until the body was read
	verdict *decision.Verdict
	gate    *gate.Exchange
	body    []byte      // as the policy edited it
	header  http.Header // that travels on with the body
	result  decision.Outcome
}

// ServeHTTP implements http.Handler.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.Deadline)
	defer cancel()
	x := &exchange{service: s, w: w, r: r, ctx: ctx, conn: http.NewResponseController(w)}
	x.in = inbound.New(&inbound.Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: r.Header, Source: r.RemoteAddr,
	}, s.Agent(r), decision.FullFace())
	x.ask = &x.in.Ask
	w.Header().Set(decision.IDHeader, x.ask.ExchangeID)
	// An agent that stops reading must not hold the call. The server resets
	// this for the next call; a writer that cannot is bounded by itself.
	_ = x.conn.SetWriteDeadline(time.Now().Add(s.Deadline + writeGrace))
	if err := x.read(); err != nil {
		x.refuse(err)
		return
	}
	x.run()
}

// run asks, forwards and settles. Every way out of a granted call settles it.
func (x *exchange) run() {
	verdict, granted := x.Gate.Open(x.ctx, x.ask)
	if granted == nil {
		x.deny(verdict.Reason)
		return
	}
	x.verdict, x.gate = verdict, granted
	x.result.End = decision.EndFailed
	defer func() {
		if x.r.Context().Err() != nil && x.result.End != decision.EndCompleted {
			x.result.End = decision.EndDisconnected
		}
		x.gate.Settle(x.ctx, x.result)
	}()
	var err error
	if x.header, x.body, err = x.in.Forward(verdict, "", x.Limits); err != nil {
		x.refuse(err)
		return
	}
	x.forward()
}

// forward sends the message where the verdict's grants say.
func (x *exchange) forward() {
	switch m := x.msg.Method; {
	case m.Name == message.MethodPing:
		x.result.End = decision.EndCompleted
		x.write(http.StatusOK, message.ResultBody(x.msg.ID, []byte("{}")))
	case len(x.verdict.Grants) == 1:
		x.forwardOne(&x.verdict.Grants[0])
	case m.Notification:
		x.notifyAll()
	case m.Name == message.MethodToolsList:
		x.listAll()
	case m.Name == message.MethodInitialize, m.Name == message.MethodDiscover:
		x.greetAll()
	default:
		x.refuse(decision.Refuse(decision.CodeMethodUnknown,
			m.Name+" is not served for several servers at once: use the path /mcp/{server} of the one that is meant"))
	}
}
