package pdp

import (
	"context"
	"errors"
	"time"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/guards"
	"outrider.dev/outrider/pdp/route"
)

// call is one question on its way to a verdict.
type call struct {
	engine   *Engine
	state    *state
	req      *decision.Request // as mutations changed it
	asked    *decision.Request // as it came
	granting bool              // the asker forwards the call and may receive grants
	look     *look             // nothing is counted; nil: everything is

	selection *authz.Selection
	bundle    *bundle
	principal *decision.Principal // whom the enforcing policies believe: who, once the caller is identified
	tried     *decision.Principal // whom the observing ones would believe; never nil once the caller is identified
	who       decision.Principal
	until     time.Time  // when the first of the tokens expires that were verified; zero: none does
	rules     input.Call // the call as rules see it
	answers   bool       // some rule is about what comes back
	provider  string     // that the rules judged for; empty where they read none
	method    mcp.Method // MCP only
	targets   []route.Target
	held      holds
	mutates   bool              // a mutation may concern the call
	changed   []changedBy       // what mutations changed
	mutations []decision.Splice // the same, on the body that came
	found     []decision.Edit   // what guards change
	arguments *decision.Body    // in a body of their own, where a program sent them without one; nil: it did not
	vault     *guards.Vault     // what guards tokenized; nil: nothing
	observed  []authz.Observation
	unread    []audit.Unread    // services that did not read what they should have
	judged    *decision.Request // what the rules judged last; nil where they were not asked
	verdict   decision.Verdict
}

// step is one station of the pipeline. A reason ends the call as a denial.
type step func(*call) *decision.Reason

// steps is the pipeline in its order. Rules run before limits, so that a
// refused call costs no budget; guards run after limits, because they are
// dear; denies that read what guards found come after them; the rules run
// again wherever an edit changed what they had read.
func steps(ctx context.Context) []step {
	return []step{
		(*call).chosen,
		(*call).identify,
		(*call).tryToken,
		(*call).resolve,
		(*call).authorize,
		(*call).mutate,
		(*call).routeModel,
		(*call).reserve,
		func(c *call) *decision.Reason { return c.guard(ctx) },
		(*call).render,
		(*call).judgeFound,
		(*call).enforceable,
		(*call).grant,
		(*call).lifeboat,
	}
}

func (e *Engine) newCall(r *decision.Request, granting bool) *call {
	c := &call{}
	c.begin(e, r, granting)
	return c
}

// begin makes an empty call the one of a request.
func (c *call) begin(e *Engine, r *decision.Request, granting bool) {
	c.engine, c.state, c.req, c.asked, c.granting = e, e.state.Load(), r, r, granting
	r.Time = c.state.Now()
	c.verdict.ID = r.ExchangeID
	if !decision.ValidID(r.ExchangeID) {
		c.verdict.ID = decision.NewID()
	}
}

func (c *call) decide(ctx context.Context) {
	for _, step := range steps(ctx) {
		if reason := step(c); reason != nil {
			c.deny(*reason)
			return
		}
	}
	c.verdict.Effect = decision.Allow
	if len(c.verdict.Splices) > 0 || len(c.verdict.Headers) > 0 {
		c.verdict.Effect = decision.Mutate
	}
	if c.req.Face.Forwards {
		c.verdict.Limits = c.counting()
	}
}

// deny turns the call into a denial and gives back what it had reserved.
func (c *call) deny(reason decision.Reason) {
	c.held.cancel()
	c.verdict = decision.Verdict{
		ID:       c.verdict.ID,
		Effect:   decision.Deny,
		Reason:   reason,
		Findings: c.verdict.Findings,
		Policy:   c.verdict.Policy,
		Version:  c.verdict.Version,
		Subject:  c.verdict.Subject,
	}
}

// refuse denies with an error's reason.
func (c *call) refuse(err error) {
	c.deny(*reasonOf(err))
}

func reasonOf(err error) *decision.Reason {
	var refusal *decision.Error
	if errors.As(err, &refusal) {
		r := refusal.Reason()
		return &r
	}
	return &decision.Reason{Code: decision.CodeInternal, Message: "the decision could not be completed"}
}

func because(code decision.Code, message string) *decision.Reason {
	return &decision.Reason{Code: code, Message: message}
}

// chosen finds the policies that select the agent.
func (c *call) chosen() *decision.Reason {
	c.selection = c.state.Policies.Select(&c.req.Caller)
	c.verdict.Policy, c.verdict.Version = c.selection.Names(), c.selection.Version()
	if c.selection.Empty() && !c.state.Open {
		return unselected(c.req.Caller.Agent)
	}
	if p := c.selection.Unready(); p != nil {
		c.verdict.Policy, c.verdict.Version = p.Name, p.Version
		return because(decision.CodePolicyAway, "policy "+p.Name+" refuses every call: "+p.Unready)
	}
	if c.engine.full() {
		return because(decision.CodeOverloaded, "too many calls are open at once")
	}
	var err error
	if c.bundle, err = c.state.bundle(c.selection); err != nil {
		return reasonOf(err)
	}
	return nil
}

func unselected(agent string) *decision.Reason {
	if agent == "" {
		return because(decision.CodeNoPolicy,
			"no policy selects an agent that nobody names: let the asker name it, or give a policy without spec.agents (outrider run --open lets it pass)")
	}
	return because(decision.CodeNoPolicy,
		"no policy selects the agent "+agent+": give one whose spec.agents matches it (outrider run --open lets it pass without)")
}

// authorize asks the rules. Handshakes need token and selection only; lists of
// tools and of models are judged entry by entry when they come back.
func (c *call) authorize() *decision.Reason {
	if c.unjudged() {
		return nil
	}
	c.observeRules()
	return c.judge(c.req)
}

// unjudged reports whether rules have no say about the call.
func (c *call) unjudged() bool {
	return c.selection.Empty() || c.listed() // the former: started with --open
}

// listed reports whether the call itself is no business of the rules.
func (c *call) listed() bool {
	return c.req.Surface == decision.MCP && forAll(c.method) || c.req.Method == openai.OperationModels
}

// judge asks the rules about the request, for every target where they are
// about providers.
func (c *call) judge(r *decision.Request) *decision.Reason {
	c.judged = r
	if c.byTarget() {
		return c.judgeTargets(r)
	}
	out := c.selection.Judge(c.ask(r, c.principal, ""))
	c.mutates = out.Mutates
	return c.heed(out)
}

// kept puts a reason where it outlives its step; calls that pass keep none.
func kept(r decision.Reason) *decision.Reason { return &r }

// grant names the targets and issues their credentials.
func (c *call) grant() *decision.Reason {
	if !c.granting {
		return nil
	}
	c.verdict.Duty.Settle = true
	c.verdict.Settlement = []byte(decision.NewID())
	targets := c.targets
	if c.req.Surface == decision.LLM {
		targets = targets[:1]
	}
	for i := range targets {
		g, err := c.grantFor(&targets[i])
		if err != nil {
			return reasonOf(err)
		}
		c.verdict.Grants = append(c.verdict.Grants, g)
	}
	return nil
}

func (c *call) grantFor(t *route.Target) (decision.Grant, error) {
	return t.Grant(c.req.Body.Dialect, operationPath(c.req), c.state.Now())
}
