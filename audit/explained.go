package audit

import (
	"time"

	"outrider.dev/outrider/decision"
)

// Bounds of what is kept of one explanation.
const (
	maxRules  = 24
	maxPieces = 32 // of the conditions of one rule
	maxValues = 16 // of one rule
)

// Explained is how the rules came to refuse, as far as it is kept: rules that
// do not apply are left out.
type Explained struct {
	Rules []decision.RuleOutcome `json:"rules,omitempty"`
	More  int                    `json:"more_rules,omitempty"` // how many did not fit
	// Change is the smallest change that would have let the call pass.
	Change string `json:"change,omitempty"`
}

// bounded returns the explanation cut to the bounds above, with the rules that
// decided in any case.
func (e *Explained) bounded() *Explained {
	if e == nil {
		return nil
	}
	out := &Explained{More: e.More, Change: clip(e.Change)}
	for i := range e.Rules {
		switch o := &e.Rules[i]; {
		case o.Result == decision.ResultSkipped:
		case len(out.Rules) < maxRules:
			out.Rules = append(out.Rules, boundedRule(o))
		case o.Decides:
			out.Rules[maxRules-1] = boundedRule(o)
			out.More++
		default:
			out.More++
		}
	}
	return out
}

func boundedRule(o *decision.RuleOutcome) decision.RuleOutcome {
	out := *o
	out.Policy, out.Version, out.Rule, out.At, out.Note = clip(o.Policy), clip(o.Version), clip(o.Rule), clip(o.At), clip(o.Note)
	if o.When != nil {
		left := maxPieces
		when := boundedCondition(o.When, &left)
		out.When = &when
	}
	out.Values = nil
	for _, v := range o.Values[:min(len(o.Values), maxValues)] {
		out.Values = append(out.Values, decision.ReadValue{Path: clip(v.Path), Value: clip(v.Value)})
	}
	return out
}

func boundedCondition(c *decision.Condition, left *int) decision.Condition {
	out := *c
	out.Text, out.Note, out.Parts = clip(c.Text), clip(c.Note), nil
	for i := range c.Parts {
		if *left == 0 {
			break
		}
		*left--
		out.Parts = append(out.Parts, boundedCondition(&c.Parts[i], left))
	}
	return out
}

// Explaining takes time, and refused calls may come in any number. It may take
// a tenth of one processor, and a second at once.
const (
	explainShare = 10
	explainBurst = time.Second
)

// allowance is how much of the time for explaining is used up.
type allowance struct {
	spent time.Duration
	at    time.Time
}

// explain fills in how the rules refused, while there is time for it.
func (a *allowance) explain(r *Record) {
	if r.Explain == nil {
		return
	}
	began := time.Now()
	if a.spent -= began.Sub(a.at) / explainShare; a.spent < 0 {
		a.spent = 0
	}
	if a.at = began; a.spent < explainBurst {
		r.Explained = r.Explain()
		a.spent += time.Since(began)
	}
	r.Explain = nil
}
