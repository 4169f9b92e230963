package gate

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"outrider.dev/outrider/decision"
)

// adrift decides about a call while no decision service answers anything at all.
// It is nil where the call must be refused. Every call that passes so is written
// down, and reported once a decision service answers.
func (g *Gate) adrift(ctx context.Context, route *Route, base digest, r *decision.Request) (*decision.Verdict, *Exchange) {
	switch route.Mode {
	case Lifeboat:
		found := g.boat.take(base, r)
		if found == nil {
			return nil, nil
		}
		v := found.verdict
		v.ID = r.ExchangeID
		call := unjudged(route.Mode, r)
		call.Policy, call.Version, call.Rule, call.Age = v.Policy, v.Version, v.Reason.Rule, time.Since(found.since)
		return &v, g.passed(ctx, call, &v)
	case Open:
		v := route.unjudged(r)
		if v == nil {
			return nil, nil
		}
		return v, g.passed(ctx, unjudged(route.Mode, r), v)
	default:
		return nil, nil
	}
}

func unjudged(mode Mode, r *decision.Request) *decision.Unjudged {
	return &decision.Unjudged{
		FailMode: string(mode), Time: time.Now(), Agent: r.Caller.Agent, Surface: r.Surface, Method: brief(r.Method),
		Server: brief(r.Server), Tool: brief(r.Tool.Exposed), Model: brief(r.LLM.Model),
	}
}

// brief bounds a name that the agent chose, and lets go of the body that it stands in:
// many calls may wait to be reported, for long.
func brief(name string) string {
	const longest = 512 // bytes, as of a field of a record
	if len(name) > longest {
		name = strings.ToValidUTF8(name[:longest], "") + "…"
	}
	return strings.Clone(name)
}

// passed writes a call down that passes without a decision, and returns its
// exchange.
func (g *Gate) passed(ctx context.Context, call *decision.Unjudged, v *decision.Verdict) *Exchange {
	g.cfg.Failed()
	g.cfg.FailMode(Mode(call.FailMode))
	to := make([]string, len(v.Grants))
	for i := range v.Grants {
		to[i] = v.Grants[i].Target.Provider
	}
	attrs := []slog.Attr{
		slog.String("failMode", call.FailMode), slog.String("decision", v.ID), slog.String("agent", call.Agent),
		slog.String("surface", string(call.Surface)), slog.String("method", call.Method), slog.String("server", call.Server),
		slog.String("tool", call.Tool), slog.String("model", call.Model), slog.Any("to", to),
	}
	if Mode(call.FailMode) == Lifeboat {
		attrs = append(attrs, slog.Duration("age", call.Age), slog.String("policy", call.Policy),
			slog.String("version", call.Version), slog.String("rule", call.Rule))
	}
	g.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "a call passes without a decision", attrs...)
	return &Exchange{gate: g, id: v.ID, inner: absent{gate: g, call: call}}
}

// reporter is a Decider that has outcomes of calls recorded that no decision
// service was asked about, once one answers. It does not block.
type reporter interface {
	Report(o decision.Outcome)
}

// absent is the exchange of a call that no decision service knows of.
type absent struct {
	gate *Gate
	call *decision.Unjudged
}

var errUnasked = errors.New("no decision service answers")

// Attempt implements decision.Exchange: there is no other target.
func (absent) Attempt(context.Context, decision.Attempt) (*decision.Grant, error) { return nil, nil }

// Judge implements decision.Exchange.
func (a absent) Judge(_ context.Context, p decision.Part) (*decision.Ruling, error) {
	if Mode(a.call.FailMode) != Open { // whose answers pass, whatever they say
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

// Settle implements decision.Exchange. Nothing was reserved; that the call passed
// is recorded later.
func (a absent) Settle(_ context.Context, o decision.Outcome) error {
	if later, ok := a.gate.cfg.Decider.(reporter); ok {
		o.Unjudged = a.call
		later.Report(o)
	}
	return nil
}
