package pdp

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// Explain answers a question as [Engine.Check] does and tells how the answer
// came about: what every rule came to, how full the limits are, what the
// guards found. Nothing is counted and nothing recorded. What stands behind a
// refusal is looked at, too. The answer is for operators.
func (e *Engine) Explain(ctx context.Context, r *decision.Request) (*decision.Explanation, error) {
	c := e.newCall(r, false)
	c.look = &look{}
	if err := c.read(); err != nil {
		c.refuse(err)
		return &decision.Explanation{Verdict: &c.verdict, Change: c.verdict.Reason.Message}, nil
	}
	c.decide(ctx)
	c.lookOn(ctx)
	rules := c.explainRules()
	return &decision.Explanation{Verdict: &c.verdict, Rules: rules.Rules, Limits: c.look.limits, Edits: c.explainEdits(), Change: c.change(&rules)}, nil
}

// look is what a call that is only looked at finds.
type look struct{ limits []decision.LimitState }

// explainEdits says what mutations change, whether or not the call passes then.
func (c *call) explainEdits() []string {
	var out []string
	for _, by := range c.changed {
		out = append(out, by.What+" by "+by.Rule)
	}
	return out
}

// lookOn does what a refusal kept from being done, for the sake of what it
// tells.
func (c *call) lookOn(ctx context.Context) {
	if c.verdict.Allowed() || c.bundle == nil || c.principal == nil {
		return
	}
	if c.method.Name == "" {
		_ = c.resolve()
	}
	if len(c.look.limits) == 0 {
		var first string
		if targets := c.state.Routes.Model(c.req.LLM.Model); c.req.Surface == decision.LLM && len(targets) > 0 {
			first = targets[0].Name
		}
		_ = c.reserveFor(first)
	}
	if len(c.verdict.Findings) == 0 {
		_ = c.guard(ctx)
	}
}

// explainRules explains the rules that judge the call, if any do.
func (c *call) explainRules() authz.Explanation {
	known := c.req.Surface == decision.LLM || c.method.Name != ""
	if c.principal == nil || !known || c.listed() || c.selection.Empty() {
		return authz.Explanation{}
	}
	r := c.req
	if c.judged != nil {
		r = c.judged
	}
	return c.selection.Explain(c.explained(r, c.principal), c.explained(r, c.tried))
}

// explained is the request as all rules see it, those that wait for the guards
// among them.
func (c *call) explained(r *decision.Request, who *decision.Principal) *input.Call {
	found := c.findings()
	q := input.New(r, who)
	q.Provider, q.Guarded, q.Found = c.provider, true, found.With(nil, decision.Segment{})
	return q
}

// change says what would let the call pass, the token first.
func (c *call) change(rules *authz.Explanation) string {
	reason := &c.verdict.Reason
	switch {
	case c.verdict.Allowed():
		return ""
	case reason.Code == decision.CodeTokenMissing && strings.HasPrefix(rules.Change, "send a token"):
		return rules.Change
	case reason.Code.Status().HTTP == http.StatusUnauthorized:
		return c.tokenAdvice(reason.Code)
	case reason.Code.OfRules() && rules.Change != "":
		return rules.Change
	case reason.Code == decision.CodeRateLimited && reason.RetryAfter > 0:
		return fmt.Sprintf("wait %d s", int(reason.RetryAfter.Seconds()))
	}
	var found []string
	for _, f := range c.verdict.Findings {
		if f.Action == decision.ActionBlock {
			found = append(found, fmt.Sprintf("%s in segment %d, bytes %d to %d", f.Type, f.Segment, f.Start, f.End))
		}
	}
	if len(found) > 0 {
		return "take out what was found: " + strings.Join(found, "; ")
	}
	return cmp.Or(reason.Message, reason.Code.Status().Summary)
}

// tokenAdvice says which token would do.
func (c *call) tokenAdvice(code decision.Code) string {
	var issuers, audiences []string
	for _, p := range c.selection.Authentication(c.req.Surface).Providers {
		if !slices.Contains(issuers, p.Issuer) {
			issuers = append(issuers, p.Issuer)
		}
		for _, a := range p.Audiences {
			if !slices.Contains(audiences, a) {
				audiences = append(audiences, a)
			}
		}
	}
	text := "send a token of " + strings.Join(issuers, " or ")
	switch {
	case len(issuers) == 0: // a bad token on a surface that asks for none
		return "send no token here, or a good one"
	case code == decision.CodeTokenExpired:
		text = "get a new token of " + strings.Join(issuers, " or ")
	}
	if len(audiences) > 0 {
		text += " for the audience " + strings.Join(audiences, " or ")
	}
	return text
}

// maxKeptArguments bounds the arguments that are kept until a refusal is
// explained, in bytes; thousands of refusals may wait for that. One with longer
// arguments is not explained.
const maxKeptArguments = 16 << 10

// explainLater returns what explains the refusal, for a provider where rules
// are about those, when somebody has time. It holds on to nothing of the asker's and to no token.
func (c *call) explainLater(provider string) func() *audit.Explained {
	judged := cmp.Or(c.judged, c.req)
	if len(judged.Arguments()) > maxKeptArguments {
		return nil
	}
	r := *judged
	r.Body, r.Face = decision.Body{Dialect: r.Body.Dialect}, decision.Face{}
	r.Tool.Args, r.Tool.ArgsStart, r.Tool.ArgsEnd = bytes.Clone(judged.Arguments()), 0, 0
	r.Tool.Definition = bytes.Clone(r.Tool.Definition)
	r.Caller.Bearer, r.Caller.Labels, r.HTTP.Headers = nil, maps.Clone(r.Caller.Labels), maps.Clone(r.HTTP.Headers)
	selection, who, tried := c.selection, *c.principal, *c.tried
	guarded, answer, found := c.rules.Guarded, c.rules.Answer, slices.Clone(c.rules.Found) // as the rules saw it that refused
	seen := func(by *decision.Principal) *input.Call {
		q := input.New(&r, by)
		q.Provider, q.Guarded, q.Answer, q.Found = provider, guarded, answer, found
		return q
	}
	return func() *audit.Explained {
		e := selection.Explain(seen(&who), seen(&tried))
		return &audit.Explained{Rules: e.Rules, Change: e.Change}
	}
}
