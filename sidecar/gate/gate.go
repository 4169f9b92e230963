// Package gate is the security kernel of the data plane: the only place that
// asks a decision service, and the only place that decides what happens when
// none answers. It fails closed: a question without an answer is a denial
// with the code pdp_unavailable. Where no service answers anything at all, a
// route may say otherwise: the lifeboat holds verdicts that may be followed once
// more, and a route that is open by name lets calls go to its own target.
//
// sidecar/llm and sidecar/mcp call it before anything travels on; only the
// assembly constructs it.
package gate

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"outrider.dev/outrider/decision"
)

// settleTimeout bounds the report of an outcome: it happens after the agent
// has its answer, so it may take longer than a question.
const settleTimeout = 5 * time.Second

// Config is what a Gate is made of.
type Config struct {
	Decider decision.Decider
	Timeout time.Duration // of one question; must be positive
	Log     *slog.Logger
	Failed  func() // called once for every question that nobody answered
	// Routes say what becomes of calls while no decision service answers: the
	// first that matches. Those that none matches are refused.
	Routes   []Route
	FailMode func(Mode) // called once for every call about which nobody decided
}

// Gate asks the decision service.
type Gate struct {
	cfg  Config
	boat *lifeboat
}

// New returns a gate.
func New(cfg Config) (*Gate, error) {
	if cfg.Decider == nil || cfg.Log == nil || cfg.Failed == nil || cfg.FailMode == nil {
		return nil, errors.New("gate: decider, log and failure counters are needed")
	}
	if cfg.Timeout <= 0 {
		return nil, errors.New("gate: decision.timeout must be positive")
	}
	return &Gate{cfg: cfg, boat: newLifeboat()}, nil
}

// Open asks about a call. The verdict is never nil; the exchange is nil
// exactly when the verdict denies.
func (g *Gate) Open(ctx context.Context, r *decision.Request) (*decision.Verdict, *Exchange) {
	if r.ExchangeID == "" {
		r.ExchangeID = decision.NewID()
	}
	route := g.route(r)
	var base digest
	if route.Mode == Lifeboat {
		base = g.boat.base(r)
	}
	v, ex, err := g.ask(ctx, r)
	if err == nil {
		if route.Mode == Lifeboat {
			g.boat.keep(base, r, v)
		}
		return v, ex
	}
	if errors.Is(err, decision.ErrAway) {
		if v, ex := g.adrift(ctx, route, base, r); ex != nil {
			return v, ex
		}
	}
	if g.failed(ctx, r.ExchangeID, "ask", err) {
		g.cfg.FailMode(Closed)
	}
	return &decision.Verdict{ID: r.ExchangeID, Reason: unavailable()}, nil
}

// ask asks for a verdict. One that cannot be followed is an error.
func (g *Gate) ask(ctx context.Context, r *decision.Request) (*decision.Verdict, *Exchange, error) {
	ask, cancel := context.WithTimeout(ctx, g.cfg.Timeout)
	defer cancel()
	v, ex, err := g.cfg.Decider.Open(ask, r)
	switch {
	case err != nil:
	case v == nil:
		err = errors.New("the decision service gave no verdict")
	case v.Allowed() && (ex == nil || len(v.Grants) == 0):
		err = errors.New("the decision service allowed the call without a grant")
	case v.Allowed():
		return v, &Exchange{gate: g, id: r.ExchangeID, settlement: v.Settlement, inner: ex}, nil
	}
	if ex != nil {
		g.giveBack(ctx, r.ExchangeID, ex)
	}
	return v, nil, err
}

// giveBack settles an exchange that nobody will use.
func (g *Gate) giveBack(ctx context.Context, id string, ex decision.Exchange) {
	report, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	_ = ex.Settle(report, decision.Outcome{ExchangeID: id, End: decision.EndFailed})
}

func unavailable() decision.Reason {
	return decision.Reason{
		Code:    decision.CodePDPUnavailable,
		Message: "The decision service does not answer, so nothing is forwarded. Check that it runs and that decision.target names it.",
	}
}

// failed tells of a question that nobody answered. One that was given up
// because the agent went away says nothing of the decision service.
func (g *Gate) failed(ctx context.Context, id, question string, err error) bool {
	if errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	g.cfg.Failed()
	g.cfg.Log.LogAttrs(ctx, slog.LevelError, "no decision",
		slog.String("question", question), slog.String("decision", id), slog.String("error", err.Error()))
	return true
}

// Exchange is one open call. One caller at a time.
type Exchange struct {
	gate       *Gate
	id         string
	settlement []byte
	inner      decision.Exchange
	settled    bool
}

// Attempt reports a failed target and returns the next grant, nil when there
// is none or when nobody answers.
func (e *Exchange) Attempt(ctx context.Context, a decision.Attempt) *decision.Grant {
	ask, cancel := context.WithTimeout(ctx, e.gate.cfg.Timeout)
	defer cancel()
	grant, err := e.inner.Attempt(ask, a)
	if err != nil {
		e.gate.failed(ctx, e.id, "attempt", err)
		return nil
	}
	return grant
}

// Judge asks for a ruling on a part of the answer. The ruling is never nil.
func (e *Exchange) Judge(ctx context.Context, p decision.Part) *decision.Ruling {
	ask, cancel := context.WithTimeout(ctx, e.gate.cfg.Timeout)
	defer cancel()
	r, err := e.inner.Judge(ask, p)
	if err == nil && (r == nil || p.Tools != nil && r.Effect != decision.Deny && r.Visibility == nil) {
		err = errors.New("the decision service did not rule on what it was shown")
	}
	if err != nil {
		e.gate.failed(ctx, e.id, "judge", err)
		return &decision.Ruling{Reason: unavailable()}
	}
	return r
}

// Settle reports the outcome. It does not depend on the agent still being
// there, and a second call does nothing.
func (e *Exchange) Settle(ctx context.Context, o decision.Outcome) {
	if e.settled {
		return
	}
	e.settled = true
	o.ExchangeID, o.Settlement = e.id, e.settlement
	report, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if err := e.inner.Settle(report, o); err != nil {
		e.gate.failed(report, e.id, "settle", err)
	}
}
