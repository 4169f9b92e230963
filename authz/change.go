package authz

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/authz/number"
	"outrider.dev/outrider/decision"
)

// Bounds of the search for a change. A module may take a thousand times as long
// as an expression, and whoever explains refusals has more to do.
const (
	maxSearch = 500 * time.Millisecond

	maxScopes    = 24 // tried one by one and in pairs
	maxBoth      = 8  // tried beside other arguments
	maxModels    = 16
	maxArguments = 8
	maxLiterals  = 16 // tried for each argument
)

// change says what would let the call pass: one scope, two, another model,
// another argument, a scope and another argument, in this order. Nothing is
// said before the changed call was judged. Where nothing helps it says what
// stands in the way.
func (x *explaining) change(e *Explanation) string {
	for _, try := range []func() string{x.byScope, x.byModel, func() string { return x.byArgument(x.call) }, x.byBoth} {
		if said := try(); said != "" {
			return said
		}
	}
	return x.dead(e)
}

// passes judges a changed call, before the guards and after them, or its answer.
// Once the time is up none does.
func (x *explaining) passes(c *input.Call) bool {
	if !time.Now().Before(x.until) {
		return false
	}
	asked, key := *c, c.Key()
	asked.Guarded, asked.Answer = false, false
	j := judging{call: &asked, surface: surfaceOf(c), plan: x.selection.plan(c, nil, &key)}
	if j.enforce().refuses() {
		return false
	}
	after := judging{call: c, surface: j.surface, plan: j.plan}
	return !c.Guarded || !after.denied(j.plan.enforce).refuses()
}

// byScope tries the scopes that the rules ask for, on the token that came or
// on one that could have come.
func (x *explaining) byScope() string {
	base, before := x.withToken()
	if base == nil {
		return ""
	}
	if base != x.call && x.passes(base) {
		return strings.TrimSuffix(before, " with ")
	}
	scopes := x.scopes(base)
	for _, one := range scopes {
		if x.passes(base.WithScope(one)) {
			return before + "the scope " + one
		}
	}
	for i, one := range scopes {
		for _, other := range scopes[i+1:] {
			if x.passes(base.WithScope(one).WithScope(other)) {
				return before + "the scopes " + one + " and " + other
			}
		}
	}
	return ""
}

// scopes are those that rules ask for and the caller does not have.
func (x *explaining) scopes(base *input.Call) []string {
	var scopes []string
	for i, of := range x.sources {
		if r := of.rule; r != nil && r.when != nil && !x.rules[i].Observe {
			scopes = lacking(base, r.when.ScopeTests(), scopes)
		}
	}
	for i := range x.plan.enforce { // a module does not tell which of its texts are scopes
		if m := x.plan.enforce[i].module.module; m != nil {
			scopes = lacking(base, m.Literals(), scopes)
		}
	}
	return scopes[:min(len(scopes), maxScopes)]
}

// lacking appends those of the scopes that the caller does not have.
func lacking(base *input.Call, scopes, out []string) []string {
	for _, scope := range scopes {
		if !slices.Contains(out, scope) && !slices.Contains(base.Principal.Scopes, scope) {
			out = append(out, scope)
		}
	}
	return out
}

// byBoth tries another argument beside one more scope.
func (x *explaining) byBoth() string {
	base, before := x.withToken()
	if base == nil {
		return ""
	}
	scopes := x.scopes(base)
	for _, one := range scopes[:min(len(scopes), maxBoth)] {
		if said := x.byArgument(base.WithScope(one)); said != "" {
			return before + "the scope " + one + ", and " + said
		}
	}
	return ""
}

// withToken returns the call, and how a text about more scopes begins. A call
// without a token gets one, without a scope, of the first issuer that the
// policies listen to on the surface; it is nil where they listen to none.
func (x *explaining) withToken() (*input.Call, string) {
	if x.call.Principal.Issuer != "" {
		return x.call, "add "
	}
	providers := x.selection.Authentication(x.surface).Providers
	if len(providers) == 0 {
		return nil, ""
	}
	first := providers[0]
	audiences := make([]any, len(first.Audiences))
	for i, a := range first.Audiences {
		audiences[i] = a
	}
	who := *x.call.Principal
	who.Issuer, who.Subject = first.Issuer, "somebody"
	who.Claims = map[string]any{"iss": who.Issuer, "sub": who.Subject, "aud": audiences, "scp": []any{}}
	return x.call.As(&who), "send a token of " + who.Issuer + " with "
}

// byModel tries the models that lists and rules name.
func (x *explaining) byModel() string {
	if x.surface != decision.LLM {
		return ""
	}
	var candidates []glob
	for i := range x.plan.enforce {
		p := &x.plan.enforce[i]
		candidates = append(candidates, p.models...)
		for _, r := range p.document {
			if !r.deny {
				candidates = append(candidates, r.target.models...)
			}
		}
	}
	for _, g := range candidates[:min(len(candidates), maxModels)] {
		if !x.passes(x.call.WithModel(strings.Join(g, "x"))) {
			continue
		}
		if len(g) == 1 {
			return "ask for the model " + g[0]
		}
		return "ask for a model that is named like " + named([]glob{g})
	}
	return ""
}

// byArgument tries other values of the arguments that rules in the way read,
// and to leave them out.
func (x *explaining) byArgument(base *input.Call) string {
	if x.call.ArgsUnknown {
		return ""
	}
	tried := 0
	for i, of := range x.sources {
		o := &x.rules[i]
		if !inTheWay(o) {
			continue
		}
		reads, literals := of.asks(o)
		for _, read := range reads {
			if len(read.Argument()) == 0 {
				continue
			}
			if tried++; tried > maxArguments {
				return ""
			}
			if said := x.alter(base, o, read, literals); said != "" {
				return said
			}
		}
	}
	return ""
}

// asks returns what the source of an outcome reads, and the values that it
// names.
func (s source) asks(o *decision.RuleOutcome) (reads []input.Reading, literals []any) {
	switch {
	case s.rule != nil && s.rule.when != nil:
		return s.rule.when.Reads(), s.rule.when.Literals()
	case s.module == nil:
		return nil, nil
	case o.Effect == decision.RuleDenies:
		reads = s.module.DenyReads()
	default:
		reads = s.module.AllowReads()
	}
	for _, text := range s.module.Literals() {
		literals = append(literals, text)
	}
	return reads, literals
}

// inTheWay reports whether the rule denies, or could allow and does not.
func inTheWay(o *decision.RuleOutcome) bool {
	if o.Observe {
		return false
	}
	if o.Effect == decision.RuleDenies {
		return o.Result != decision.ResultFalse
	}
	return o.Result != decision.ResultTrue
}

// alter tries other values of one argument.
func (x *explaining) alter(base *input.Call, o *decision.RuleOutcome, read input.Reading, literals []any) string {
	all, err := read.Field.Read(base)
	if err != nil {
		return ""
	}
	args, _ := all.(map[string]any)
	path := read.Argument()
	try := func(value any, drop bool) bool {
		raw, err := json.Marshal(edited(args, path, value, drop))
		return err == nil && x.passes(base.WithArguments(raw))
	}
	for _, value := range []any{"-", int64(0), false} { // of no meaning to anybody
		switch {
		case !try(value, false):
		case read.Show(base) == "missing":
			return "send the argument " + strings.Join(path, ".")
		default:
			return "change " + read.Name() + ": " + o.Rule + " " + stance(o) + " while " + blamed(o, read.Name())
		}
	}
	for _, value := range literals[:min(len(literals), maxLiterals)] {
		if try(value, false) {
			text, _ := json.Marshal(value) // a scalar always marshals
			return "set " + read.Name() + " to " + string(text)
		}
	}
	if try(nil, true) {
		return "leave out the argument " + strings.Join(path, ".")
	}
	return ""
}

// edited returns the arguments with one of them changed or dropped.
func edited(args map[string]any, path []string, value any, drop bool) map[string]any {
	out := maps.Clone(args)
	if out == nil {
		out = map[string]any{}
	}
	delete(out, number.Member)
	switch {
	case len(path) > 1:
		inner, _ := out[path[0]].(map[string]any)
		out[path[0]] = edited(inner, path[1:], value, drop)
	case drop:
		delete(out, path[0])
	default:
		out[path[0]] = value
	}
	return out
}

func stance(o *decision.RuleOutcome) string {
	if o.Effect == decision.RuleDenies {
		return "denies"
	}
	return "does not allow"
}

// blamed is the piece of the condition that reads the value and holds where
// the rule denies, or does not hold where the rule would allow.
func blamed(o *decision.RuleOutcome, name string) string {
	denies := o.Effect == decision.RuleDenies
	want := decision.ResultFalse
	if denies {
		want = decision.ResultTrue
	}
	var find func(c *decision.Condition) string
	find = func(c *decision.Condition) string {
		if c.Operator == "" && c.Result == want && strings.Contains(c.Text, name) && !strings.HasPrefix(c.Text, "has(") {
			return c.Text
		}
		for i := range c.Parts {
			if text := find(&c.Parts[i]); text != "" {
				return text
			}
		}
		return ""
	}
	text := ""
	if o.When != nil && !strings.HasPrefix(o.Rule, "rego ") { // a rule of a module is no condition
		text = find(o.When)
	}
	switch {
	case text == "":
		return "it is as it is"
	case denies:
		return text
	default:
		return text + " does not hold"
	}
}

// dead says what stands in the way where no change of the caller was found.
func (x *explaining) dead(e *Explanation) string {
	switch i := slices.IndexFunc(x.rules, func(o decision.RuleOutcome) bool { return o.Decides }); e.Code {
	case decision.CodeDeniedByRule:
		return "nothing that the caller may change was found to help: the deny rule " + withPlace(x.rules[i].Rule, x.rules[i].At) + " is final"
	case decision.CodeRuleError:
		return "send what the deny rule " + withPlace(x.rules[i].Rule, x.rules[i].At) + " reads, or let it ask first with has(): " + x.rules[i].Note
	case decision.CodeModelNotAllowed:
		return "add the model " + shown(x.call.Request.LLM.Model) + " to backend.llm.models of policy " + e.Policy
	default:
		return "no scope opens this: add an allow rule for " + x.subject() + " to policy " + strconv.Quote(e.Policy)
	}
}
