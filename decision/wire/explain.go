package wire

import (
	"strconv"
	"strings"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// ExplanationProto returns e as a message. Grants, settlement handles, splices
// and the values of headers stay behind: who asks for an explanation forwards
// nothing, and what mutations set may come from claims. Edits say what changes.
func ExplanationProto(e *decision.Explanation) *decisionv1.ExplainResponse {
	m := &decisionv1.ExplainResponse{Verdict: VerdictProto(e.Verdict), SmallestChange: e.Change, Edits: e.Edits}
	m.Verdict.Grants, m.Verdict.Settlement, m.Verdict.Lifeboat, m.Verdict.Splices = nil, nil, nil, nil
	for _, h := range m.Verdict.GetHeaders() {
		h.Value = ""
	}
	for i := range e.Rules {
		m.Rules = append(m.Rules, ruleProto(&e.Rules[i]))
	}
	m.Limits = limitsProto(e.Limits)
	return m
}

func ruleProto(o *decision.RuleOutcome) *decisionv1.RuleOutcome {
	m := &decisionv1.RuleOutcome{
		Policy: o.Policy, Version: o.Version, Cluster: o.Cluster, Observe: o.Observe,
		Effect: string(o.Effect), Rule: o.Rule, Outcome: string(o.Result), Decides: o.Decides,
	}
	m.File, m.Line = place(o.At)
	if o.Result == decision.ResultError {
		m.Error = o.Note
	} else {
		m.Note = o.Note
	}
	if o.When != nil {
		m.Condition = conditionProto(o.When)
	}
	for _, v := range o.Values {
		if m.Values == nil {
			m.Values = map[string]string{}
		}
		m.Values[v.Path] = v.Value
	}
	return m
}

func conditionProto(c *decision.Condition) *decisionv1.Condition {
	m := &decisionv1.Condition{Operator: string(c.Operator), Text: c.Text, Outcome: string(c.Result), Error: c.Note}
	for i := range c.Parts {
		m.Parts = append(m.Parts, conditionProto(&c.Parts[i]))
	}
	return m
}

// place takes file:line:column apart. What is no place is a file.
func place(at string) (file string, line uint32) {
	rest, _, ok := cutLast(at)
	if !ok {
		return at, 0
	}
	file, text, ok := cutLast(rest)
	if n, err := strconv.ParseUint(text, 10, 32); ok && err == nil {
		return file, uint32(n)
	}
	return at, 0
}

func cutLast(s string) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}
