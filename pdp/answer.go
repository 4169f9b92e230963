package pdp

import (
	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// answer is what rules have to say about what comes back.
type answer struct {
	judged bool // some rule is about it
	asked  bool // the rules were asked before
	found  input.Found
	by     authz.Outcome // that refused
	told   int           // observations that were recorded
}

// newAnswer starts with what the guards found in the call.
func (c *call) newAnswer() answer {
	a := answer{judged: c.answers, told: len(c.observed)}
	if a.judged {
		a.found = c.findings()
	}
	return a
}

// judgeAnswer asks the denies about answers. It does so with the first part of
// an answer, and again whenever the guards found more. What they have proven
// but not seen the end of counts, too.
func (x *exchange) judgeAnswer(found []decision.Finding, segments []decision.Segment, proven []decision.Finding) *decision.Reason {
	a, c := &x.answer, x.call
	if !a.judged || a.asked && len(found)+len(proven) == 0 {
		return nil
	}
	a.asked = true
	in := streamed(c.req.Surface)
	a.found.Add(input.PhaseResult, found, segments, in)
	all, provider := a.found.With(proven, in), ""
	if c.req.Surface == decision.LLM {
		provider = c.targets[x.target].Name
	}
	call := func(who *decision.Principal) *input.Call {
		q := c.guarded(who, provider, all)
		q.Answer = true
		return q
	}
	if c.selection.Observes() {
		c.observe(c.selection.Observe(call(c.tried)))
	}
	if a.by = c.selection.Judge(call(c.principal)); a.by.Allow {
		return nil
	}
	return kept(a.by.Reason)
}

// streamed is what the text of a stream is.
func streamed(s decision.Surface) decision.Segment {
	if s == decision.LLM {
		return decision.Segment{Kind: decision.KindCompletion, Origin: decision.OriginAssistant}
	}
	return decision.Segment{Kind: decision.KindResult, Origin: decision.OriginTool}
}
