package pdp

import (
	"slices"

	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/pdp/route"
)

// Rules about providers are judged once for each provider that the model's
// route names. Those that they refuse are left out, so that neither the first
// attempt nor failover reaches one; the call is refused when none is left.

// byTarget reports whether the rules must judge the call for each target.
func (c *call) byTarget() bool {
	return c.req.Surface == decision.LLM && c.req.Method != openai.OperationModels && c.selection.ReadsProviders()
}

// ask returns the request as rules see it on behalf of who, for one target.
func (c *call) ask(r *decision.Request, who *decision.Principal, provider string) *input.Call {
	q := c.rules.Ask(r, who)
	q.Provider = provider
	return q
}

// served returns the targets of a model, of those that the asker sends to.
func (c *call) served(model string) []route.Target { return c.reached(c.state.Routes.Model(model)) }

// reached leaves of targets the one that the asker sends to, where it goes its
// own way.
func (c *call) reached(targets []route.Target) []route.Target {
	if c.req.Target == "" {
		return targets
	}
	for i := range targets {
		if targets[i].Name == c.req.Target {
			return targets[i : i+1]
		}
	}
	return nil
}

// judgeTargets routes the request and keeps the targets that the rules admit.
// A model without a route is judged as one that goes nowhere: that it is
// refused comes before that it is unknown.
func (c *call) judgeTargets(r *decision.Request) *decision.Reason {
	c.targets, c.mutates, c.provider = c.served(r.LLM.Model), false, ""
	judge := func(provider string) authz.Outcome {
		out := c.selection.Judge(c.ask(r, c.principal, provider))
		c.mutates = c.mutates || out.Mutates
		return out
	}
	if len(c.targets) == 0 {
		return c.heed(judge(""))
	}
	return c.heed(c.keepTargets(judge))
}

// keepTargets leaves out the targets that are refused. It returns the outcome
// of the first that is left, and that of the first where none is.
func (c *call) keepTargets(judge func(provider string) authz.Outcome) authz.Outcome {
	var left []route.Target
	var first authz.Outcome
	for i := range c.targets {
		out := judge(c.targets[i].Name)
		if len(left) == 0 && (i == 0 || out.Allow) {
			first, c.provider = out, c.targets[i].Name
		}
		if out.Allow {
			left = append(left, c.targets[i])
		}
	}
	c.targets = left
	return first
}

// heed notes who decided, and refuses where the rules do.
func (c *call) heed(out authz.Outcome) *decision.Reason {
	c.verdict.Policy, c.verdict.Version, c.verdict.Reason.Rule = out.Policy, out.Version, out.Rule
	if !out.Allow {
		return kept(out.Reason)
	}
	return nil
}

// observeRules notes what the rules of observing policies would have refused.
func (c *call) observeRules() {
	if !c.selection.Observes() {
		return
	}
	if !c.byTarget() {
		c.observe(c.selection.Observe(c.ask(c.req, c.tried, "")))
		return
	}
	for _, t := range c.served(c.req.LLM.Model) {
		c.observe(c.selection.Observe(c.ask(c.req, c.tried, t.Name)))
	}
}

// observe notes observations, each once.
func (c *call) observe(list []authz.Observation) {
	for _, o := range list {
		same := func(of authz.Observation) bool {
			return of.Policy == o.Policy && of.Reason.Code == o.Reason.Code && of.Reason.Rule == o.Reason.Rule
		}
		if !slices.ContainsFunc(c.observed, same) {
			c.observed = append(c.observed, o)
		}
	}
}
