package cel

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
)

// Bounds of what macros make of one expression. Each piece of an expression is
// planned by itself, and evaluation recurses.
const (
	maxExpansions = 256   // calls of macros
	maxPieces     = 4_096 // parts that they put in
	maxHeight     = 256   // how deep the expression nests then
)

// Origin is the place in a macro that a part of an expression came from. Line
// and Column count from 1 in the macro's own text. The zero value is no macro.
type Origin struct {
	Macro        string
	Line, Column int
}

// expansion puts the bodies of macros in the place of their calls, in one
// parsed expression. A body is copied with new numbers, an argument for each
// use of its parameter; every copied part of a body stands where the call
// stands. Names that a body binds are renamed where an argument uses the same,
// and a call stands nowhere that binds a name which the body reads, so no name
// means another thing than where it was written.
type expansion struct {
	compiler *Compiler
	info     *ast.SourceInfo
	make     ast.ExprFactory
	next     int64 // number of the next part
	calls    int
	parts    int
	bound    map[string]int // names of the comprehensions around the place
	origins  map[int64]Origin
	grown    map[int64]ast.Expr // calls that were expanded
	err      *Error
}

// expand expands the macros of a parsed expression in place. It returns where
// the parts came from that do not stand in its own text.
func (c *Compiler) expand(parsed *ast.AST) (map[int64]Origin, error) {
	if len(c.macros)+len(c.coming) == 0 {
		return nil, nil
	}
	x := &expansion{
		compiler: c, info: parsed.SourceInfo(), make: ast.NewExprFactory(), next: ast.MaxID(parsed),
		bound: map[string]int{}, origins: map[int64]Origin{}, grown: map[int64]ast.Expr{},
	}
	x.walk(parsed.Expr())
	if x.err == nil && len(x.grown) > 0 && ast.Heights(parsed)[parsed.Expr().ID()] > maxHeight {
		x.fail(parsed.Expr(), fmt.Sprintf("with its macros the expression nests deeper than %d parts", maxHeight), "write less of it by macros")
	}
	if x.err != nil {
		return nil, x.err
	}
	x.show()
	return x.origins, nil
}

// fail blames a part of the expression, the first time.
func (x *expansion) fail(e ast.Expr, problem, fix string) {
	if x.err == nil {
		at := x.info.GetStartLocation(e.ID())
		x.err = &Error{Line: at.Line(), Column: at.Column() + 1, Problem: problem, Fix: fix}
	}
}

// walk expands calls, those in their arguments first.
func (x *expansion) walk(e ast.Expr) {
	if x.err != nil {
		return
	}
	switch e.Kind() {
	case ast.SelectKind:
		x.walk(e.AsSelect().Operand())
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			x.walk(call.Target())
		}
		x.all(call.Args())
		x.call(e)
	case ast.ListKind:
		x.all(e.AsList().Elements())
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			x.all([]ast.Expr{entry.AsMapEntry().Key(), entry.AsMapEntry().Value()})
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		x.all([]ast.Expr{c.IterRange(), c.AccuInit()})
		for _, v := range variablesOf(c) {
			x.bound[v]++
		}
		x.all([]ast.Expr{c.LoopCondition(), c.LoopStep(), c.Result()})
		for _, v := range variablesOf(c) {
			x.bound[v]--
		}
	}
}

func (x *expansion) all(list []ast.Expr) {
	for _, e := range list {
		x.walk(e)
	}
}

// call expands a call if it is one of a macro.
func (x *expansion) call(e ast.Expr) {
	if x.err != nil {
		return
	}
	m, err := x.compiler.macroOf(e.AsCall())
	if err != nil {
		x.fail(e, err.Problem, err.Fix)
		return
	}
	if m == nil {
		return
	}
	if x.calls++; x.calls > maxExpansions {
		x.fail(e, fmt.Sprintf("the expression calls macros more than %d times", maxExpansions), "split it into several rules")
		return
	}
	for _, name := range m.free {
		if x.bound[name] > 0 {
			x.fail(e, "the variable "+name+" hides what the macro "+m.name+" reads", "give the variable another name")
			return
		}
	}
	x.put(e, x.bodyOf(m, e).copy(m.body.Expr()))
}

// put puts the copy of a body where its call stands.
func (x *expansion) put(call, body ast.Expr) {
	if x.err != nil {
		return
	}
	call.SetKindCase(body)
	x.grown[call.ID()] = call
	if o, ok := x.origins[body.ID()]; ok {
		x.origins[call.ID()] = o
	}
	if written, ok := x.info.GetMacroCall(body.ID()); ok {
		x.info.SetMacroCall(call.ID(), written)
	}
}

// bodyOf is what copies the macro's body into the place of a call.
func (x *expansion) bodyOf(m *macro, call ast.Expr) *copier {
	k := &copier{x: x, macro: m, from: m.body.SourceInfo(), call: call, params: map[string]ast.Expr{}, names: map[string]string{}, made: map[int64]ast.Expr{}}
	taken := slices.Concat(m.binds, m.free)
	for i, arg := range call.AsCall().Args() {
		k.params[m.params[i]] = arg
		taken = union(taken, slices.Concat(idents(arg), bindings(arg)))
	}
	for _, name := range m.binds {
		hidden := false
		for _, arg := range k.params {
			hidden = hidden || slices.Contains(idents(arg), name)
		}
		if !hidden || strings.ContainsAny(name, "@#") { // the language's own, which no argument leaves unbound
			continue
		}
		other := name
		for n := 1; slices.Contains(taken, other); n++ {
			other = fmt.Sprintf("%s_%d", name, n)
		}
		taken, k.names[name] = append(taken, other), other
	}
	return k
}

// show makes what explanations show of macros of the language, such as
// exists(), hold the expanded calls of this expression.
func (x *expansion) show() {
	for _, call := range x.info.MacroCalls() {
		visit(call, func(e ast.Expr) {
			if grown := x.grown[e.ID()]; grown != nil && grown != e {
				e.SetKindCase(grown)
			}
		})
	}
}
