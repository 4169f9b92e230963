package authz

import (
	"time"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// Explanation is what every rule of the selected policies comes to by itself,
// and what follows of all of them.
type Explanation struct {
	Code   decision.Code // of the refusal; empty where the rules let the call pass
	Policy string        // that refuses; empty where no single one does
	Rules  []decision.RuleOutcome
	Change string // the smallest change found that would pass, or that none was
}

// maxReads bounds the values that are shown of one rule.
const maxReads = 32

// explaining is the work on one explanation. It uses neither plans nor indexes
// nor memos: every rule is looked at and evaluated as it was written.
type explaining struct {
	judging
	tried     judging // as the policies in Observe see it
	selection *Selection
	rules     []decision.RuleOutcome
	sources   []source  // of the rules
	until     time.Time // when the search for a change ends
}

// Explain evaluates every rule of every selected policy, in the order of the
// documents, the security team's first. It comes to the same as
// [Selection.Judge], at many times the cost. Policies in Observe judge the
// call tried, which may have a token that the others do not believe.
func (s *Selection) Explain(c, tried *input.Call) Explanation {
	return s.explain(c, tried, time.Now().Add(maxSearch))
}

func (s *Selection) explain(c, tried *input.Call, until time.Time) Explanation {
	if s.Empty() {
		return Explanation{Code: decision.CodeNoPolicy, Change: "add a policy whose spec.agents selects the agent " + shown(c.Request.Caller.Agent)}
	}
	bare := s.barePlan(c)
	x := explaining{judging: judging{call: c, surface: surfaceOf(c), plan: bare}, tried: judging{call: tried, surface: surfaceOf(c), plan: bare}, selection: s, until: until}
	for _, p := range s.all {
		x.policy(x.bare(p))
	}
	e := x.weigh()
	e.Rules = x.rules
	if e.Code != decision.CodeNone {
		e.Change = x.change(&e)
	}
	return e
}

// barePlan is a plan with nothing folded and nothing left out.
func (s *Selection) barePlan(c *input.Call) *plan {
	p := &plan{}
	for _, of := range s.all {
		bare := policyPlan{
			Policy: of, module: modulePlan{module: of.module},
			lists: of.hasAllowList(surfaceOf(c)), modelAllowed: of.allowsModel(c),
		}
		if of.Observe {
			p.observe = append(p.observe, bare)
		} else {
			p.enforce = append(p.enforce, bare)
		}
	}
	return p
}

// bare returns the policy's part of the bare plan.
func (x *explaining) bare(p *Policy) *policyPlan {
	for _, list := range [][]policyPlan{x.plan.enforce, x.plan.observe} {
		for i := range list {
			if list[i].Policy == p {
				return &list[i]
			}
		}
	}
	return &policyPlan{Policy: p}
}

// policy explains the rules of one policy.
func (x *explaining) policy(p *policyPlan) {
	view, _ := x.of(p).view(p)
	models := p.models != nil
	for _, r := range p.document {
		if models && r.named { // the list stands between backend.mcp and the named rules
			x.models(p, view)
			models = false
		}
		x.rule(p, view, r)
	}
	if models {
		x.models(p, view)
	}
	x.module(p, view)
}

// of is the judging of a policy: observing ones have their own.
func (x *explaining) of(p *policyPlan) *judging {
	if p.Observe {
		return &x.tried
	}
	return &x.judging
}

// source is what an outcome is of: a rule with an expression, a module, or
// neither.
type source struct {
	rule   *rule
	module *module
}

// add appends an outcome with what all of a policy's have in common.
func (x *explaining) add(p *policyPlan, o decision.RuleOutcome, of source) {
	o.Policy, o.Version, o.Cluster, o.Observe = p.Name, p.Version, p.Cluster, p.Observe
	x.rules, x.sources = append(x.rules, o), append(x.sources, of)
}

func (x *explaining) rule(p *policyPlan, view *input.Call, r *rule) {
	o := decision.RuleOutcome{Effect: decision.RuleAllows, Rule: r.label, At: r.at, Result: decision.ResultTrue}
	if r.deny {
		o.Effect = decision.RuleDenies
	}
	if why := r.skips(view); why != "" {
		o.Result, o.Note = decision.ResultSkipped, why
		x.add(p, o, source{})
		return
	}
	if r.when != nil {
		condition := r.when.Explain(view)
		o.Result, o.When = condition.Result, &condition
		o.Values = readValues(r.when.Reads(), view)
	}
	switch {
	case o.Result == decision.ResultError:
		o.Note = r.when.Eval(view).Missing
	case o.Result == decision.ResultTrue && r.deny:
		o.Note = r.message
	case x.blind(p) && r.roots&(input.Claims|input.Scopes|input.Principal) != 0 && r.when != nil:
		o.Note = "judged without the token: the policy does not list its issuer and audience here"
	}
	x.add(p, o, source{rule: r})
}

// blind reports whether the policy does not see the token that the call has.
func (x *explaining) blind(p *policyPlan) bool {
	j := x.of(p)
	return j.call.Principal.Issuer != "" && !j.believes(p)
}

func readValues(reads []input.Reading, view *input.Call) []decision.ReadValue {
	var out []decision.ReadValue
	for _, r := range reads[:min(len(reads), maxReads)] {
		if view.Roots().Has(r.Field.Root) {
			out = append(out, decision.ReadValue{Path: r.Name(), Value: r.Show(view)})
		}
	}
	return out
}

// models explains the list of models. It restricts LLM calls alone.
func (x *explaining) models(p *policyPlan, view *input.Call) {
	o := decision.RuleOutcome{Effect: decision.RuleModels, Rule: "backend.llm.models", At: p.modelsAt, Result: decision.ResultFalse}
	switch {
	case x.surface != decision.LLM:
		o.Result, o.Note = decision.ResultSkipped, "it is about LLM calls"
	case x.call.Answer:
		o.Result, o.Note = decision.ResultSkipped, aboutCalls
	case p.modelAllowed:
		o.Result = decision.ResultTrue
	default:
		o.Note = "the models are " + named(p.models)
	}
	if o.Result != decision.ResultSkipped {
		o.Values = []decision.ReadValue{{Path: "llm.model", Value: quotedModel(view)}}
	}
	x.add(p, o, source{})
}

// aboutCalls is why what is no rule of a document does not apply to answers.
const aboutCalls = "it is about calls, not about answers"

func quotedModel(c *input.Call) string { return `"` + shown(c.Request.LLM.Model) + `"` }
