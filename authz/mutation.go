package authz

import (
	"encoding/json"
	"slices"

	"outrider.dev/outrider/authz/cel"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// change is what a mutation does to a call where its rule holds.
type change struct {
	input.Change
	value *cel.Program // of a set or a header; nil: constant
}

// of returns the change for a call.
func (c *change) of(view *input.Call) (input.Change, error) {
	out := c.Change
	if c.value == nil {
		return out, nil
	}
	raw, err := c.value.JSON(view)
	if err != nil {
		return out, err
	}
	if c.Kind == input.SetArgument {
		out.Value = raw
	} else if json.Unmarshal(raw, &out.Text) != nil {
		return out, input.Error("the value of the header is no string")
	}
	if problem, _ := out.Check(); problem != "" {
		return out, input.Error(problem)
	}
	return out, nil
}

// unguarded returns the claims that the mutation reads but never asks for.
func (r *rule) unguarded() []string {
	var asked, out []string
	if r.when != nil {
		out = r.when.Unguarded()
		asked = r.when.Guarded()
	}
	if r.change.value != nil {
		for _, claim := range r.change.value.Unguarded() {
			if !slices.Contains(asked, claim) && !slices.Contains(out, claim) {
				out = append(out, claim)
			}
		}
	}
	return out
}

// mutation compiles a named mutation.
func (b *builder) mutation(path string, i int, doc *configv1.Mutation) {
	r := &rule{label: index("mutations", i) + " " + doc.GetName(), target: newTarget(doc.GetMatch()), change: &change{}}
	b.targetPatterns(path+".match", doc.GetMatch())
	if len(doc.GetMatch().GetPhases()) > 0 {
		b.refuse(path+".match.phases", "a mutation has no phases", "remove them: it changes calls, and lists stay as they are")
	}
	at := b.changed(r.change, path, doc)
	r.roots = r.target.roots() | r.change.Roots()
	if r.change.value != nil {
		r.roots |= r.change.value.Roots()
	}
	if doc.GetWhen() != "" {
		b.when(r, path+".when", doc.GetWhen())
	} else {
		b.clash(path, r.roots)
	}
	if methods := r.target.methods; r.change.Roots().Has(input.Tool) && len(methods) > 0 && !matchAny(methods, "tools/call") {
		b.refuse(path+".match.methods", "arguments are those of tools/call, which the methods leave out, so the mutation could never apply", "remove methods")
	}
	if problem, fix := r.change.Check(); problem != "" {
		b.refuse(at, problem, fix)
	}
	b.timelyMutation(r, path)
	r.place(b.at(path))
	b.changes = append(b.changes, r)
}

// changed reads what the mutation does and returns the field that says so.
func (b *builder) changed(c *change, path string, doc *configv1.Mutation) string {
	switch {
	case doc.GetSet() != nil:
		path += ".set"
		c.Kind, c.Argument = input.SetArgument, doc.GetSet().GetArgument()
		if expr := doc.GetSet().GetExpression(); expr != "" {
			c.Value = []byte("null") // until a call gives another
			c.value = b.value(path+".expression", expr, false)
			return path
		}
		c.Value, _ = json.Marshal(doc.GetSet().GetValue().AsInterface()) // a value of the schema always marshals
	case doc.GetClamp() != nil:
		path += ".clamp"
		c.Kind, c.Argument, c.Min, c.Max = input.ClampArgument, doc.GetClamp().GetArgument(), doc.GetClamp().Min, doc.GetClamp().Max
	case doc.GetRemove() != nil:
		path += ".remove"
		c.Kind, c.Argument = input.RemoveArgument, doc.GetRemove().GetArgument()
	case doc.GetModel() != "":
		path += ".model"
		c.Kind, c.Model = input.ForceModel, doc.GetModel()
	case doc.GetHeader() != nil:
		path += ".header"
		c.Kind, c.Header, c.Text = input.AddHeader, doc.GetHeader().GetName(), doc.GetHeader().GetValue()
		if expr := doc.GetHeader().GetExpression(); expr != "" {
			c.Text = "x" // until a call gives another
			c.value = b.value(path+".expression", expr, true)
		}
	default:
		path += ".clampMaxTokens"
		c.Kind, c.Tokens = input.ClampTokens, doc.GetClampMaxTokens()
	}
	return path
}

// value compiles the expression of a value.
func (b *builder) value(path, expr string, text bool) *cel.Program {
	program, err := b.compiler.CompileValue(expr, text)
	if err != nil {
		b.refuseExpression(path, expr, err)
		return nil
	}
	return program
}

// Change is what one mutation of a policy demands of a call.
type Change struct {
	input.Change
	Policy, Version string
	Rule            string // the mutation, with its place
	Computed        bool   // the policy's text does not name what is changed
}

// Mutate returns what the mutations of the enforcing policies demand of a call
// that [Selection.Judge] lets pass, in the order of the policies. The outcome
// refuses where one cannot be evaluated: what it would have changed must not
// pass as it is.
func (s *Selection) Mutate(c *input.Call) ([]Change, *Outcome) {
	key := c.Key()
	j := judging{call: c, surface: surfaceOf(c), plan: s.plan(c, nil, &key)}
	var out []Change
	for i := range j.plan.enforce {
		changes, failed := j.changes(&j.plan.enforce[i])
		if failed != nil {
			return nil, failed
		}
		out = append(out, changes...)
	}
	return out, nil
}

// ObserveChanges returns what the mutations of the policies in Observe would
// demand of the call, and which of them would refuse it.
func (s *Selection) ObserveChanges(c *input.Call) ([]Change, []Observation) {
	key := c.Key()
	j := judging{call: c, surface: surfaceOf(c), plan: s.plan(c, nil, &key)}
	if !j.plan.tries {
		return nil, nil
	}
	var out []Change
	var broken []Observation
	for i := range j.plan.observe {
		changes, failed := j.changes(&j.plan.observe[i])
		out = append(out, changes...)
		if failed != nil {
			broken = append(broken, Observation{Policy: failed.Policy, Version: failed.Version, Reason: failed.Reason})
		}
	}
	return out, broken
}

// changes returns what one policy demands, up to the first mutation that
// cannot be evaluated.
func (j *judging) changes(p *policyPlan) ([]Change, *Outcome) {
	var out []Change
	view, memo := j.view(p)
	for _, s := range p.changes {
		switch s.eval(view, memo) {
		case cel.False:
			continue
		case cel.True:
		default:
			return out, p.unchanged(s.label, s.name, s.rule.when.Eval(view).Missing)
		}
		one, err := s.change.of(view)
		if err != nil {
			return out, p.unchanged(s.label, s.name, err.Error())
		}
		out = append(out, Change{Change: one, Policy: p.Name, Version: p.Version, Rule: s.name})
	}
	if !p.module.mutates() {
		return out, nil
	}
	list, err := p.module.Mutate(view)
	if err != nil {
		return out, p.unchanged(moduleMutate, p.module.mutate, err.Error())
	}
	for _, one := range list {
		out = append(out, Change{Change: one, Policy: p.Name, Version: p.Version, Rule: p.module.mutate, Computed: true})
	}
	return out, nil
}

// unchanged is the refusal of a call that a mutation cannot be evaluated for.
func (p *policyPlan) unchanged(label, name, missing string) *Outcome {
	reason := decision.Reason{Code: decision.CodeRuleError, Message: label + " cannot be evaluated: " + missing, Rule: name}
	return &Outcome{Reason: reason, Policy: p.Name, Version: p.Version, Rule: name}
}
