package gate

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"outrider.dev/outrider/decision"
)

// adrift decides about a call while no decision service answers anything at all.
// It is nil where the call must be refused. Every call that passes so is written
// down: no decision service records it.
func (g *Gate) adrift(ctx context.Context, route *Route, base digest, r *decision.Request) (*decision.Verdict, *Exchange) {
	switch route.Mode {
	case Lifeboat:
		found := g.boat.take(base, r)
		if found == nil {
			return nil, nil
		}
		v := found.verdict
		v.ID = r.ExchangeID
		g.passed(ctx, Lifeboat, r, &v, slog.Duration("age", time.Since(found.since)),
			slog.String("policy", v.Policy), slog.String("version", v.Version), slog.String("rule", v.Reason.Rule))
		return &v, &Exchange{gate: g, id: r.ExchangeID, inner: absent{}}
	case Open:
		v := route.unjudged(r)
		if v == nil {
			return nil, nil
		}
		g.passed(ctx, Open, r, v)
		return v, &Exchange{gate: g, id: r.ExchangeID, inner: absent{open: true}}
	default:
		return nil, nil
	}
}

// passed writes a call down that passes without a decision.
func (g *Gate) passed(ctx context.Context, mode Mode, r *decision.Request, v *decision.Verdict, more ...slog.Attr) {
	g.cfg.Failed()
	g.cfg.FailMode(mode)
	to := make([]string, len(v.Grants))
	for i := range v.Grants {
		to[i] = v.Grants[i].Target.Provider
	}
	g.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "a call passes without a decision", append([]slog.Attr{
		slog.String("failMode", string(mode)), slog.String("decision", r.ExchangeID), slog.String("agent", r.Caller.Agent),
		slog.String("surface", string(r.Surface)), slog.String("method", r.Method), slog.String("server", r.Server),
		slog.String("tool", r.Tool.Exposed), slog.String("model", r.LLM.Model), slog.Any("to", to),
	}, more...)...)
}

// absent is the exchange of a call that no decision service knows of.
type absent struct{ open bool } // open: its answer passes, whatever it says

var errUnasked = errors.New("no decision service answers")

// Attempt implements decision.Exchange: there is no other target.
func (absent) Attempt(context.Context, decision.Attempt) (*decision.Grant, error) { return nil, nil }

// Judge implements decision.Exchange.
func (a absent) Judge(_ context.Context, p decision.Part) (*decision.Ruling, error) {
	if !a.open {
		return nil, errUnasked // a verdict that demands it is not remembered
	}
	out := &decision.Ruling{Effect: decision.Allow}
	if p.Tools != nil {
		out.Visibility = &decision.Visibility{}
		for i := range p.Tools {
			out.Visibility.Show(i)
		}
	}
	return out, nil
}

// Settle implements decision.Exchange: nothing was reserved.
func (absent) Settle(context.Context, decision.Outcome) error { return nil }
