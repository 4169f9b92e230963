package authz

import (
	"fmt"
	"path"
	"strings"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/authz/rego"
	"outrider.dev/outrider/decision"
)

// module explains the queries of the policy's module.
func (x *explaining) module(p *policyPlan, view *input.Call) {
	m := &p.module
	if m.module == nil {
		return
	}
	outcome := func(effect decision.RuleEffect, name string, reads []input.Reading) decision.RuleOutcome {
		return decision.RuleOutcome{Effect: effect, Rule: name, At: m.at, Result: decision.ResultFalse, Values: readValues(reads, view)}
	}
	if view.Answer {
		x.add(p, decision.RuleOutcome{Effect: decision.RuleDenies, Rule: "rego", At: m.at, Result: decision.ResultSkipped, Note: aboutCalls}, source{})
		return
	}
	if m.asksVisible(view) {
		o := outcome(decision.RuleAllows, "rego visible", m.VisibleReads())
		holds, err := m.Visible(view)
		settleModule(&o, holds, err)
		o.When = m.tree(m.VisiblePieces(view), &o)
		if o.Effect = decision.RuleDenies; o.Result != decision.ResultError { // it shows or hides
			o.Result = map[bool]decision.RuleResult{true: decision.ResultFalse, false: decision.ResultTrue}[holds]
		}
		x.add(p, o, source{module: m.module})
	} else if m.HasDeny() && (view.Guarded || m.DenyStage() < input.Guarded) {
		o := outcome(decision.RuleDenies, moduleDeny, m.DenyReads())
		messages, err := m.Deny(view)
		settleModule(&o, len(messages) > 0, err)
		o.When = m.tree(m.DenyPieces(view), &o)
		if err == nil {
			o.Note = strings.Join(messages, "; ")
		}
		x.add(p, o, source{module: m.module})
	}
	if m.HasAllow() {
		o := outcome(decision.RuleAllows, "rego allow", m.AllowReads())
		if m.asksVisible(view) {
			o.Result, o.Note = decision.ResultTrue, "visible stands for it in lists"
		} else {
			holds, err := m.Allow(view)
			settleModule(&o, holds, err)
			o.When = m.tree(m.AllowPieces(view), &o)
		}
		x.add(p, o, source{module: m.module})
	}
}

func settleModule(o *decision.RuleOutcome, holds bool, err error) {
	switch {
	case err != nil:
		o.Result, o.Note = decision.ResultError, err.Error()
	case holds:
		o.Result = decision.ResultTrue
	}
}

// tree tells which rules of the module held, each with its place. Rules of one
// name are alternatives.
func (m *module) tree(pieces []rego.Piece, o *decision.RuleOutcome) *decision.Condition {
	if len(pieces) == 0 {
		return nil
	}
	out := &decision.Condition{Operator: decision.OperatorAny, Result: o.Result}
	for _, p := range pieces {
		result := decision.ResultFalse
		switch {
		case p.Holds:
			result = decision.ResultTrue
		case !p.Asked:
			result = decision.ResultSkipped
		}
		note := m.placeOf(p)
		if p.Helps {
			note = "used by it, " + note
		}
		out.Parts = append(out.Parts, decision.Condition{Text: p.Text, Result: result, Note: note})
	}
	return out
}

// placeOf says where a rule of the module stands. As elsewhere, folders are no
// business of who reads it.
func (m *module) placeOf(p rego.Piece) string {
	if p.File != "" {
		return fmt.Sprintf("%s:%d:%d", path.Base(p.File), p.Line, p.Column)
	}
	if at := m.inside(p.Line, p.Column); at != "" {
		return at
	}
	return fmt.Sprintf("line %d of the module", p.Line)
}
