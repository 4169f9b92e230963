package pdp

import (
	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// judgeFound asks the denies that waited for the guards. A provider that one
// refuses is left out as one that the other rules refuse. Of what rules do not
// judge otherwise, such as handshakes, they judge what was found.
func (c *call) judgeFound() *decision.Reason {
	if c.selection.Empty() || !c.selection.Waits() || c.listed() && len(c.verdict.Findings) == 0 {
		return nil
	}
	found := c.findings()
	judge := func(provider string) authz.Outcome {
		if c.selection.Observes() {
			c.observe(c.selection.Observe(c.guarded(c.tried, provider, found.With(nil, decision.Segment{}))))
		}
		return c.selection.Judge(c.guarded(c.principal, provider, found.With(nil, decision.Segment{})))
	}
	if c.req.Surface != decision.LLM {
		return c.heedRefusal(judge(""))
	}
	before := c.targets[0].Name
	if reason := c.heedRefusal(c.keepTargets(judge)); reason != nil || c.targets[0].Name == before {
		return reason
	}
	c.held.cancel()
	return c.reserve()
}

// findings is what the guards found in the call.
func (c *call) findings() input.Found {
	var f input.Found
	f.Add(input.PhaseCall, c.verdict.Findings, c.req.Body.Segments, decision.Segment{})
	return f
}

// guarded is the call as rules see it that the guards have read, with what
// they changed.
func (c *call) guarded(who *decision.Principal, provider string, found []input.Finding) *input.Call {
	r := c.req
	if c.judged != nil {
		r = c.judged
	}
	q := c.ask(r, who, provider)
	q.Guarded, q.Found = true, found
	return q
}

// heedRefusal leaves it at who decided before where nobody refuses.
func (c *call) heedRefusal(out authz.Outcome) *decision.Reason {
	if out.Allow {
		return nil
	}
	return c.heed(out)
}

// judgesAnswer reports whether some rule is about the answer of the call,
// wherever it goes.
func (c *call) judgesAnswer() (enforced, observed bool) {
	if !c.selection.HearsAnswers(c.req.Surface) || c.listed() {
		return false, false
	}
	if c.req.Surface != decision.LLM {
		return c.selection.JudgesAnswer(c.ask(c.req, c.principal, ""))
	}
	for i := range c.targets {
		e, o := c.selection.JudgesAnswer(c.ask(c.req, c.principal, c.targets[i].Name))
		enforced, observed = enforced || e, observed || o
	}
	return enforced, observed
}
