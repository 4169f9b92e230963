package authz

import (
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// weigh finds what the outcomes come to together and marks those that decide.
// It reads nothing but outcomes, so that what people see adds up.
func (x *explaining) weigh() Explanation {
	if len(x.plan.enforce) == 0 {
		return Explanation{}
	}
	if e, refused := x.weighDenies(); refused || x.call.Answer { // nothing but denies is about answers
		return e
	}
	for i := range x.rules {
		if o := &x.rules[i]; o.Effect == decision.RuleModels && o.Result == decision.ResultFalse && !o.Observe {
			o.Decides = true
			return Explanation{Code: decision.CodeModelNotAllowed, Policy: o.Policy}
		}
	}
	return x.weighLists()
}

// weighDenies prefers a deny that holds to one that cannot be evaluated.
func (x *explaining) weighDenies() (Explanation, bool) {
	var failed *decision.RuleOutcome
	for i := range x.rules {
		o := &x.rules[i]
		if o.Effect != decision.RuleDenies || o.Observe {
			continue
		}
		switch {
		case o.Result == decision.ResultTrue:
			o.Decides = true
			return Explanation{Code: decision.CodeDeniedByRule, Policy: o.Policy}, true
		case failed == nil && (o.Result == decision.ResultError || o.Result == decision.ResultUnknown && !x.call.ArgsUnknown):
			failed = o
		}
	}
	if failed == nil {
		return Explanation{}, false
	}
	failed.Decides = true
	return Explanation{Code: decision.CodeRuleError, Policy: failed.Policy}, true
}

// weighLists asks every enforcing policy with an allow list for an alternative
// that holds.
func (x *explaining) weighLists() Explanation {
	listed := false
	for i := range x.plan.enforce {
		p := &x.plan.enforce[i]
		if !p.lists {
			continue
		}
		listed = true
		if o := x.alternative(p); o != nil {
			o.Decides = true
		} else if x.call.Method != "tools/list" || x.call.Roots().Has(input.Tool) { // else its entries are judged
			return Explanation{Code: decision.CodeNotAllowed, Policy: p.Name}
		}
	}
	if !listed && x.surface == decision.MCP {
		return Explanation{Code: decision.CodeNotAllowed, Policy: x.plan.enforce[0].Name}
	}
	return Explanation{}
}

// alternative returns the first of the policy's allows that holds.
func (x *explaining) alternative(p *policyPlan) *decision.RuleOutcome {
	for i := range x.rules {
		o := &x.rules[i]
		if o.Policy != p.Name || o.Effect != decision.RuleAllows {
			continue
		}
		if o.Result == decision.ResultTrue || o.Result == decision.ResultUnknown && x.call.ArgsUnknown {
			return o
		}
	}
	return nil
}
