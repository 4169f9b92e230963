package extproc

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/pdp/envoy"
	"outrider.dev/outrider/strictjson"
)

// Opener opens the exchange of a call. An error means that nobody decided.
type Opener interface {
	Open(ctx context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error)
}

// Peers knows who is connected.
type Peers interface {
	// AdmitGrants says why the peer of ctx may not forward calls of the caller
	// with what they are granted, nil where it may, and fills in what its
	// identity proves.
	AdmitGrants(ctx context.Context, c *decision.Caller) *decision.Reason
	// Name tells the peers of AdmitGrants apart.
	Name(ctx context.Context) string
}

// Config is what a Server is made of.
type Config struct {
	Engine    Opener
	Peers     Peers
	Exchanges *envoy.Exchanges // that ext_authz opened
	Limits    strictjson.Limits
	Log       *slog.Logger
}

// Server answers envoy.service.ext_proc.v3.ExternalProcessor.
type Server struct {
	extprocv3.UnimplementedExternalProcessorServer
	Config
}

// New returns a server.
func New(cfg Config) *Server { return &Server{Config: cfg} }

// settleTime bounds the report of an outcome, which happens when Envoy may be
// gone already.
const settleTime = 5 * time.Second

// Process accompanies one HTTP call.
func (s *Server) Process(stream extprocv3.ExternalProcessor_ProcessServer) error {
	c := &conversation{Server: s, ctx: stream.Context(), stream: stream}
	defer c.settle()
	err := c.guarded((*conversation).serve)
	if err != nil && !errors.As(err, new(*gone)) {
		err = c.guarded(func(c *conversation) error { return c.refuse(err) })
	}
	switch {
	case c.refused, c.own:
		return nil
	case err != nil:
		// Envoy takes a good end for leave to go on by itself.
		return status.Error(codes.Aborted, "the call was not judged to its end")
	}
	c.settle()
	_ = c.guarded((*conversation).drain)
	return nil
}

// guarded turns a fault into an error, which refuses the call.
func (c *conversation) guarded(do func(*conversation) error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			c.Log.LogAttrs(c.ctx, slog.LevelError, "a fault in a call",
				slog.String("method", extprocv3.ExternalProcessor_Process_FullMethodName),
				slog.Any("cause", cause), slog.String("stack", string(debug.Stack())))
			err = decision.Refuse(decision.CodeInternal, "the call could not be completed")
		}
	}()
	return do(c)
}
