package cel

import (
	"errors"
	"strings"

	celgo "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"outrider.dev/outrider/authz/input"
)

// Truth is what an evaluation ended in.
type Truth uint8

// Truths. The zero value is false.
const (
	False Truth = iota
	True
	Unknown // depends on arguments that nobody knows yet
	Failed
)

// Result is the outcome of an evaluation. Missing says of a failed one what
// was missing, in words that hold nothing the caller sent.
type Result struct {
	Truth   Truth
	Missing string
}

// Program is a compiled expression, safe for concurrent use.
type Program struct {
	fields map[string]input.Field
	run    celgo.Program
	roots  input.Roots
	args   bool
	never  bool            // the constant false
	consts map[string]bool // texts that an error may name
	scopes []string
	loose  []string
}

// newProgram gathers what is asked of an expression later.
func newProgram(c *Compiler, run celgo.Program, checked *celgo.Ast, found *reading) *Program {
	p := &Program{fields: c.fields, run: run, consts: found.consts, scopes: found.scopes, loose: found.unguarded()}
	for _, path := range found.paths {
		f, _ := c.words.Match(path)
		p.roots |= f.Root
		p.args = p.args || f.Args
	}
	e := checked.NativeRep().Expr()
	p.never = e.Kind() == ast.LiteralKind && e.AsLiteral() == types.False
	return p
}

// Roots returns the roots that must exist of a call for the expression to apply.
func (p *Program) Roots() input.Roots { return p.roots }

// ReadsArgs reports whether the expression reads the arguments of a tool call.
func (p *Program) ReadsArgs() bool { return p.args }

// Never reports whether the expression is the constant false.
func (p *Program) Never() bool { return p.never }

// ScopeTests returns the scopes that the expression asks for by name.
func (p *Program) ScopeTests() []string { return p.scopes }

// Unguarded returns the claims that the expression reads without asking first
// whether they are there.
func (p *Program) Unguarded() []string { return p.loose }

// Eval evaluates the expression for a call.
func (p *Program) Eval(c *input.Call) Result {
	value, _, err := p.run.Eval(&activation{call: c, fields: p.fields})
	switch {
	case err != nil:
		return Result{Truth: Failed, Missing: p.missing(err)}
	case value == types.True:
		return Result{Truth: True}
	case value == types.False:
		return Result{Truth: False}
	case types.IsUnknown(value):
		return Result{Truth: Unknown}
	default:
		return Result{Truth: Failed, Missing: "the result is no bool"}
	}
}

// missing names what an evaluation lacked. A key is named only where it stands
// in the expression: a computed one is the caller's content.
func (p *Program) missing(err error) string {
	var why input.Error
	if errors.As(err, &why) {
		return why.Error()
	}
	text := err.Error()
	if key, ok := strings.CutPrefix(text, "no such key: "); ok {
		if p.consts[key] {
			return text
		}
		return "no such key"
	}
	for _, known := range []string{"index out of bounds", "division by zero", "modulus by zero", "overflow"} {
		if strings.Contains(text, known) {
			return known
		}
	}
	if strings.Contains(text, "no such overload") {
		return "a value has another type than the rule expects"
	}
	return "a value cannot be used as the rule uses it"
}

// activation gives an evaluation the values of one call by name.
type activation struct {
	call   *input.Call
	fields map[string]input.Field
}

// ResolveName implements [celgo.Activation].
func (a *activation) ResolveName(name string) (any, bool) {
	f, ok := a.fields[name]
	if !ok {
		return nil, false
	}
	value, err := f.Read(a.call)
	if errors.Is(err, input.ErrUnknown) {
		return types.NewUnknown(0, types.NewAttributeTrail(name)), true
	}
	if err != nil {
		return types.WrapErr(err), true
	}
	return value, true
}

// Parent implements [celgo.Activation].
func (a *activation) Parent() celgo.Activation { return nil }
