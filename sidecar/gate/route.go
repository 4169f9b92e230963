package gate

import (
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
)

// Mode says what becomes of a call while no decision service answers.
type Mode string

// Modes. The zero Mode is Closed.
const (
	Closed   Mode = "Closed"   // it is refused
	Lifeboat Mode = "Lifeboat" // it passes as the same call did a moment ago
	Open     Mode = "Open"     // it passes
)

// Route gives calls their mode.
type Route struct {
	Surface decision.Surface // empty: both
	Server  string           // that the path names; empty: any and none
	Models  []string         // globs; empty: every model
	Mode    Mode
	// Target is where calls go with the mode Open. The path below its own is
	// that of the call, of LLM calls.
	Target decision.Target
}

func (t *Route) matches(r *decision.Request) bool {
	return (t.Surface == "" || t.Surface == r.Surface) && (t.Server == "" || t.Server == r.Server) &&
		(len(t.Models) == 0 || slices.ContainsFunc(t.Models, func(glob string) bool { return decision.Glob(glob, r.LLM.Model) }))
}

// route returns the first route that matches, a closed one where none does.
func (g *Gate) route(r *decision.Request) *Route {
	for i := range g.cfg.Routes {
		if g.cfg.Routes[i].matches(r) {
			return &g.cfg.Routes[i]
		}
	}
	return &Route{Mode: Closed}
}

// unjudged is what a call may do that passes without a decision: go to the
// route's target, as it stands and without a credential. Of agents that share a
// gateway nobody knows who asks, so none of theirs may.
func (t *Route) unjudged(r *decision.Request) *decision.Verdict {
	if t.Mode != Open || r.Caller.Shared && r.Caller.Identity == "" {
		return nil
	}
	target := t.Target
	if target.Dialect = r.Body.Dialect; r.Surface == decision.LLM {
		target.Path += strings.TrimPrefix(r.HTTP.Path, "/v1")
	}
	return &decision.Verdict{ID: r.ExchangeID, Effect: decision.Allow, Grants: []decision.Grant{{Target: target}}}
}
