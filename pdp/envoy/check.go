package envoy

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
	"outrider.dev/outrider/strictjson"
)

// Engine decides.
type Engine interface {
	Check(ctx context.Context, r *decision.Request) (*decision.Verdict, error)
	Open(ctx context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error)
}

// Peers knows who is connected.
type Peers interface {
	// Admit says why the peer of ctx may not ask for the caller, nil where it
	// may, and fills in what its identity proves.
	Admit(ctx context.Context, c *decision.Caller) *decision.Reason
	// AdmitGrants is Admit for a peer that forwards the call with what it is
	// granted.
	AdmitGrants(ctx context.Context, c *decision.Caller) *decision.Reason
	// Name tells the peers of AdmitGrants apart; empty for one that proves
	// nothing.
	Name(ctx context.Context) string
}

// Config is what the faces are made of.
type Config struct {
	Engine    Engine
	Peers     Peers
	Exchanges *Exchanges
	Limits    strictjson.Limits // of bodies
	Log       *slog.Logger
}

// Authorization answers envoy.service.auth.v3.Authorization.
type Authorization struct {
	authv3.UnimplementedAuthorizationServer
	cfg Config
}

// NewAuthorization returns the face.
func NewAuthorization(cfg Config) *Authorization { return &Authorization{cfg: cfg} }

// Check implements authv3.AuthorizationServer. It never returns an error: what
// Envoy does then is a matter of its configuration, and a denial is not.
func (a *Authorization) Check(ctx context.Context, m *authv3.CheckRequest) (response *authv3.CheckResponse, _ error) {
	c := &check{Config: &a.cfg, attributes: m.GetAttributes()}
	defer func() {
		if cause := recover(); cause != nil {
			a.cfg.Log.LogAttrs(ctx, slog.LevelError, "a fault in a check", slog.Any("cause", cause), slog.String("stack", string(debug.Stack())))
			response = c.faulted()
		}
	}()
	return c.answer(ctx), nil
}

// check is one question of Envoy.
type check struct {
	*Config
	attributes *authv3.AttributeContext
	route      Route
	call       *inbound.Call // never nil once the request was looked at
	granting   bool
}

func (c *check) answer(ctx context.Context) *authv3.CheckResponse {
	if err := c.read(); err != nil {
		return denied(c.call.Refuse(err), nil)
	}
	if reason := c.admit(ctx); reason != nil {
		return denied(c.call.Deny(*reason), nil)
	}
	verdict, err := c.ask(ctx)
	switch {
	case err != nil:
		return denied(c.call.Refuse(err), nil)
	case !verdict.Allowed():
		return denied(c.call.Deny(verdict.Reason), verdict)
	}
	return c.allowed(verdict)
}

// admit holds the caller that the route names to what the peer may speak for.
func (c *check) admit(ctx context.Context) *decision.Reason {
	var reason *decision.Reason
	caller := &c.call.Ask.Caller
	if c.granting {
		reason = c.Peers.AdmitGrants(ctx, caller)
	} else {
		reason = c.Peers.Admit(ctx, caller)
	}
	if reason == nil && caller.Agent == "" && !c.nameless(ctx) {
		reason = &decision.Reason{
			Code: decision.CodePeerRefused,
			Message: "Envoy names no agent: give context_extensions an agent, let agents show certificates with SPIFFE ids, " +
				"or list this Envoy in pdp.peers with one agent",
		}
	}
	return reason
}

// nameless reports whether a call may be judged as that of an agent without a
// name, which policies select that select every agent. That is so where nothing
// can be known: by a connection that proves nothing, and so is granted nothing, of
// an agent that showed Envoy nothing. Who asks there could say any name.
func (c *check) nameless(ctx context.Context) bool {
	return !c.granting && c.Peers.Name(ctx) == "" && c.attributes.GetSource().GetPrincipal() == ""
}

// ask puts the question. An exchange that ext_proc is to go on with is left
// for it; any other ends here, because nobody will see its answer.
func (c *check) ask(ctx context.Context) (*decision.Verdict, error) {
	if !c.granting {
		v, err := c.Engine.Check(ctx, &c.call.Ask)
		return answered(v, err)
	}
	v, exchange, err := c.Engine.Open(ctx, &c.call.Ask)
	if v, err = answered(v, err); err != nil || exchange == nil {
		return v, err
	}
	open := &Open{Peer: c.Peers.Name(ctx), Call: c.call, Verdict: v, Exchange: exchange}
	if c.route.Paired {
		if c.Exchanges.Add(open) {
			return v, nil
		}
		_ = exchange.Settle(context.WithoutCancel(ctx), decision.Outcome{ExchangeID: v.ID, End: decision.EndFailed})
		return nil, decision.Refuse(decision.CodeOverloaded, "too many calls wait for ext_proc: does it follow ext_authz in the filter chain?")
	}
	open.abandon()
	return v, nil
}

// answered makes an error of what is no answer.
func answered(v *decision.Verdict, err error) (*decision.Verdict, error) {
	var refusal *decision.Error
	switch {
	case errors.As(err, &refusal):
		return nil, refusal
	case err != nil || v == nil:
		return nil, decision.Refuse(decision.CodePDPUnavailable, "the decision service did not decide")
	}
	return v, nil
}
