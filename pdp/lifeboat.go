package pdp

import (
	"slices"
	"time"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/limit"
)

// lifeboatTime bounds how long a data plane may remember a verdict.
const lifeboatTime = 30 * time.Second

// lifeboat lets the data plane follow the verdict again while no decision service
// answers, where it depends on nothing but what the data plane knows of a call.
// In doubt it does not.
func (c *call) lifeboat() *decision.Reason {
	if !c.bare() {
		return nil
	}
	words, all := c.reads()
	if !all {
		return nil
	}
	until := c.req.Time.Add(lifeboatTime)
	if end := c.until; !end.IsZero() && end.Before(until) {
		until = end
	}
	if !c.req.Time.Before(until) {
		return nil
	}
	c.verdict.Lifeboat = &decision.Lifeboat{NotAfter: until, InputsRead: words}
	return nil
}

// bare reports whether the verdict is nothing but an allow: no guard reads the
// call or its answer, no limit counts it, nothing is changed, no credential goes
// with it, and nobody asks for a ruling on what comes back.
func (c *call) bare() bool {
	v := &c.verdict
	surface := c.req.Surface
	return c.granting && c.look == nil && !v.Duty.JudgeResponse && len(v.Splices)+len(v.Headers)+len(v.Findings) == 0 &&
		c.bundle.guards[requestPhase(surface)].Empty() && c.bundle.guards[responsePhase(surface)].Empty() &&
		c.method.Name != mcp.MethodToolsList &&
		!slices.ContainsFunc(c.held, func(r *limit.Reservation) bool { return !r.Empty() }) &&
		!slices.ContainsFunc(v.Grants, func(g decision.Grant) bool { return g.Credential.Header.Name != "" })
}

// reads returns the words that the rules read of the call, for every target that
// they judge it for, and whether the verdict depends on nothing else.
func (c *call) reads() (words []string, all bool) {
	if c.unjudged() {
		return nil, !c.selection.Waits()
	}
	if !c.byTarget() {
		return c.selection.Reads(c.ask(c.req, c.principal, ""))
	}
	for _, t := range c.state.Routes.Model(c.req.LLM.Model) {
		of, all := c.selection.Reads(c.ask(c.req, c.principal, t.Name))
		if !all {
			return nil, false
		}
		words = append(words, of...)
	}
	slices.Sort(words)
	return slices.Compact(words), true
}
