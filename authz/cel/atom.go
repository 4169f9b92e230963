package cel

import (
	"errors"
	"fmt"
	"sync"
	"time"

	celgo "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"outrider.dev/outrider/authz/input"
)

// Memo remembers what atoms came to, for calls that differ in nothing but the
// entry of a list. A nil memo remembers nothing.
type Memo []Truth

// unasked marks an atom that a memo knows nothing of.
const unasked Truth = 255

// Atoms are the distinct pieces of all expressions of a set of policies, so
// that a piece that many rules share is evaluated once for a whole list.
type Atoms struct {
	byText  map[string]*atom
	numbers int
	zones   map[string]*time.Location // that expressions name
	runs    sync.Pool                 // of *activation
}

// number returns a number that it returns only once.
func (a *Atoms) number() int {
	a.numbers++
	return a.numbers - 1
}

// NewAtoms returns an empty collection. It must not grow while it is in use.
func NewAtoms() *Atoms {
	return &Atoms{byText: map[string]*atom{}, zones: map[string]*time.Location{}, runs: sync.Pool{New: func() any { return new(activation) }}}
}

// NewMemo returns a memo for all atoms so far.
func (a *Atoms) NewMemo() Memo {
	m := make(Memo, len(a.byText))
	for i := range m {
		m[i] = unasked
	}
	return m
}

// atom is a piece of an expression without a logical operator on top.
type atom struct {
	id       int
	depends  input.Depends
	mixed    bool // reads the key beside other things
	constant bool // reads nothing
	quick    quick
	names    []Name // of tools, where it asks for nothing else
	run      celgo.Program
	fields   map[string]input.Field
	runs     *sync.Pool
}

// quick evaluates an atom of a usual form without the library. It returns
// unasked where it cannot tell.
type quick func(*input.Call) Truth

// eval evaluates the atom for a call.
func (a *atom) eval(c *input.Call, m Memo) Truth {
	if m == nil || a.mixed || a.depends != input.OnCall {
		return a.evalOnce(c)
	}
	if m[a.id] == unasked {
		m[a.id] = a.evalOnce(c)
	}
	return m[a.id]
}

func (a *atom) evalOnce(c *input.Call) Truth {
	if a.quick != nil {
		if t := a.quick(c); t != unasked {
			return t
		}
	}
	value, err := evaluate(a.run, a.fields, a.runs, c)
	if err != nil {
		return Failed
	}
	return truthOf(value)
}

// evaluate runs a program of the library.
func evaluate(run celgo.Program, fields map[string]input.Field, runs *sync.Pool, c *input.Call) (ref.Val, error) {
	act := runs.Get().(*activation)
	act.call, act.fields = c, fields
	value, _, err := run.Eval(act)
	act.call, act.fields = nil, nil
	runs.Put(act)
	return value, err
}

func truthOf(value ref.Val) Truth {
	switch {
	case value == types.True:
		return True
	case value == types.False:
		return False
	case types.IsUnknown(value):
		return Unknown
	default:
		return Failed
	}
}

// atomOf returns the atom of a piece of a checked expression.
func (c *Compiler) atomOf(checked *celgo.Ast, e ast.Expr) (*tree, error) {
	text := c.scope + render(e)
	if a := c.atoms.byText[text]; a != nil {
		return &tree{op: leaf, atom: a}, nil
	}
	run, err := c.planPiece(checked, e)
	if err != nil {
		return nil, err
	}
	a := &atom{id: len(c.atoms.byText), run: run, fields: c.fields, runs: &c.atoms.runs, quick: c.quick(e), names: namesOf(e)}
	c.depend(a, e)
	c.atoms.byText[text] = a
	return &tree{op: leaf, atom: a}, nil
}

// planPiece plans a piece of a checked expression by itself.
func (c *Compiler) planPiece(checked *celgo.Ast, e ast.Expr) (celgo.Program, error) {
	whole, err := celgo.AstToCheckedExpr(checked)
	if err != nil {
		return nil, fmt.Errorf("the expression cannot be taken apart: %w", err)
	}
	if whole.Expr, err = ast.ExprToProto(e); err != nil {
		return nil, fmt.Errorf("the expression cannot be taken apart: %w", err)
	}
	return c.env.Program(celgo.CheckedExprToAst(whole), celgo.EvalOptions(celgo.OptOptimize))
}

// depend finds what the piece depends on. Words are plain names in a checked
// expression, dots included.
func (c *Compiler) depend(a *atom, e ast.Expr) {
	key := false
	a.constant = true
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.IdentKind {
			return
		}
		f, ok := c.fields[e.AsIdent()]
		if !ok {
			return
		}
		a.constant, key = false, key || f.Depends == input.OnKey
		a.depends = max(a.depends, f.Depends)
	}))
	a.mixed = key && a.depends != input.OnKey
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
