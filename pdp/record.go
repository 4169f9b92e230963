package pdp

import (
	"cmp"
	"time"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/decision"
)

// record keeps the verdict on a request, at the time when it was asked.
func (c *call) record() {
	r := c.recordOf(audit.PhaseRequest, c.asked.Time)
	v := &c.verdict
	r.Effect, r.Code, r.Rule, r.Message = v.Effect.String(), v.Reason.Code, v.Reason.Rule, v.Reason.Message
	r.Findings = audit.Findings(v.Findings)
	for i := range v.Grants {
		r.Providers = append(r.Providers, v.Grants[i].Target.Provider)
	}
	r.Observed = recorded(c.observed)
	r.Edits, r.Unread = c.edits(), c.takeUnread()
	if r.Code.OfRules() {
		r.Explain = c.explainLater(c.provider)
	}
	c.state.Recorder.Add(r)
}

func recorded(list []authz.Observation) []audit.Observed {
	var out []audit.Observed
	for _, o := range list {
		out = append(out, audit.Observed{Policy: o.Policy, Code: o.Reason.Code, Rule: o.Reason.Rule, Change: o.Change})
	}
	return out
}

// recordRuling keeps a ruling on an answer that found or refused something, or
// would have.
func (c *call) recordRuling(ruling *decision.Ruling, a *answer) {
	observed := c.observed[a.told:]
	if ruling.Effect == decision.Allow && len(ruling.Findings)+len(observed)+len(c.unread) == 0 {
		return
	}
	a.told = len(c.observed)
	r := c.recordOf(audit.PhaseRuling, c.state.Now())
	r.Observed = recorded(observed)
	if by := a.by; ruling.Effect == decision.Deny && by.Policy != "" {
		r.Policy, r.Version = by.Policy, by.Version
	}
	r.Effect, r.Code, r.Rule, r.Message = ruling.Effect.String(), ruling.Reason.Code, ruling.Reason.Rule, ruling.Reason.Message
	r.Findings, r.Unread = audit.Findings(ruling.Findings), c.takeUnread()
	if r.Code.OfRules() {
		r.Explain = c.explainLater(c.rules.Provider)
	}
	c.state.Recorder.Add(r)
}

// recordOutcome keeps how an exchange ended.
func (c *call) recordOutcome(o *decision.Outcome) {
	r := c.recordOf(audit.PhaseOutcome, c.state.Now())
	r.Effect = c.verdict.Effect.String()
	r.End, r.Usage = o.End, o.Usage
	if o.Provider != "" {
		r.Providers = []string{o.Provider}
	}
	c.state.Recorder.Add(r)
}

// recordUnjudged keeps a call that a data plane let pass, which is its word alone:
// nobody here was asked.
func (e *Engine) recordUnjudged(o *decision.Outcome) {
	s, u := e.state.Load(), o.Unjudged
	r := audit.Record{
		ID: o.ExchangeID, Time: s.Now(), Phase: audit.PhaseUnjudged, Surface: u.Surface, Method: u.Method, Agent: u.Agent,
		Model: u.Model, Server: u.Server, Tool: u.Tool, Effect: decision.Allow.String(), Rule: u.Rule, Policy: u.Policy,
		Version: u.Version, End: o.End, Usage: o.Usage,
		Message: "no decision service answered: the data plane let the call pass by its fail mode " + decision.Quoted(u.FailMode),
	}
	if u.Age > 0 {
		r.Message += ", after a verdict of " + u.Age.Round(time.Millisecond).String() + " before"
	}
	if !u.Time.IsZero() && u.Time.Before(r.Time) {
		r.Time = u.Time
	}
	if o.Provider != "" {
		r.Providers = []string{o.Provider}
	}
	s.Recorder.Add(r)
}

func (c *call) recordOf(phase audit.Phase, at time.Time) audit.Record {
	r := audit.Record{
		ID:      c.verdict.ID,
		Time:    at,
		Phase:   phase,
		Surface: c.req.Surface,
		Method:  c.req.Method,
		Agent:   c.req.Caller.Agent,
		Model:   c.asked.LLM.Model,
		Server:  c.req.Tool.Server,
		Tool:    c.req.Tool.Name,
		Policy:  c.verdict.Policy,
		Version: c.verdict.Version,
	}
	if r.Tool == "" {
		r.Tool = c.req.Tool.Exposed
	}
	if c.tried != nil {
		r.Subject = cmp.Or(c.principal.Subject, c.tried.Subject)
	}
	return r
}
