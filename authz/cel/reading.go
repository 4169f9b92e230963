package cel

import (
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"outrider.dev/outrider/authz/input"
)

// reading walks an expression before it is checked and finds which words it
// reads. It refuses unknown ones itself, because only here the whole dotted
// path is known.
type reading struct {
	words *input.Vocabulary
	later map[string]bool
	zones map[string]*time.Location
	info  *ast.SourceInfo
	// What is no word of the vocabulary but still means something.
	ident, function func(name string) bool

	bound  map[string]int  // variables of the macros around the place
	paths  [][]string      // what is read, in parts
	tested [][]string      // what has() and `in` ask for
	consts map[string]bool // every text that stands in the expression
	scopes []string        // scopes that are asked for by name
	err    *Error
}

// walk visits an expression as it was parsed, macros already expanded, and
// stops at the first word that means nothing.
func (r *reading) walk(e ast.Expr) {
	if r.err != nil {
		return
	}
	if path := pathOf(e); path != nil && r.bound[path[0]] == 0 {
		r.read(e, path)
		return
	}
	switch e.Kind() {
	case ast.LiteralKind:
		switch v := e.AsLiteral().(type) {
		case types.String:
			r.consts[string(v)] = true
		case types.Double:
			r.double(e, float64(v))
		}
	case ast.SelectKind:
		r.consts[e.AsSelect().FieldName()] = true
		r.walk(e.AsSelect().Operand())
	case ast.CallKind:
		r.call(e)
	case ast.ListKind:
		r.all(e.AsList().Elements())
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			r.all([]ast.Expr{entry.AsMapEntry().Key(), entry.AsMapEntry().Value()})
		}
	case ast.StructKind:
		r.refuse(e, "objects cannot be made here", "compare fields one by one")
	case ast.ComprehensionKind:
		r.comprehension(e)
	}
}

func (r *reading) all(list []ast.Expr) {
	for _, e := range list {
		r.walk(e)
	}
}

// read checks one dotted path against the vocabulary.
func (r *reading) read(e ast.Expr, path []string) {
	for _, part := range path {
		r.consts[part] = true
	}
	if !r.words.Root(path[0]) && len(path) == 1 && (r.ident(path[0]) || strings.HasPrefix(path[0], "@")) {
		return
	}
	whole := strings.Join(path, ".")
	if _, ok := r.words.Match(path); ok {
		r.note(e, path)
		return
	}
	if r.words.Leads(whole) {
		r.refuse(e, whole+" is no value of its own", "name one of its fields, such as "+r.words.Under(whole)[0].Path)
		return
	}
	if len(path) > 1 && r.later[path[0]+"."+path[1]] {
		r.refuse(e, path[0]+"."+path[1]+" is not defined yet", "a variable reads those above it: move it up, or the other one down")
		return
	}
	kind := "variable "
	if r.words.Root(path[0]) {
		kind = "field "
	}
	fix := "see the list of words that rules may read"
	if near := r.words.Nearest(whole); near != "" {
		fix = "did you mean " + near + "?"
	}
	r.refuse(e, "no "+kind+whole, fix)
}

// note remembers a read, and whether it only asks if the value is there.
func (r *reading) note(e ast.Expr, path []string) {
	if e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() {
		r.tested = append(r.tested, path)
	}
	r.paths = append(r.paths, path)
}

// call visits a call; `"x" in m` asks for a key as has(m.x) does.
func (r *reading) call(e ast.Expr) {
	call := e.AsCall()
	if call.IsMemberFunction() && !r.namespaced(call) {
		r.walk(call.Target())
	}
	r.all(call.Args())
	r.zone(e)
	if call.FunctionName() != operators.In || len(call.Args()) != 2 {
		return
	}
	key, ok := stringOf(call.Args()[0])
	if path := pathOf(call.Args()[1]); ok && path != nil && r.bound[path[0]] == 0 {
		r.tested = append(r.tested, append(path, key))
		if ofScopes(path) {
			r.scopes = append(r.scopes, key)
		}
	}
}

// namespaced reports whether the call is one of a function with a dotted name,
// such as sets.contains: what looks like its target is no value then.
func (r *reading) namespaced(call ast.CallExpr) bool {
	path := pathOf(call.Target())
	return path != nil && r.function(strings.Join(path, ".")+"."+call.FunctionName())
}

// comprehension visits what a macro such as exists() became. Its variables
// may not be named like a root: readers would take tool.name for the call's.
func (r *reading) comprehension(e ast.Expr) {
	c := e.AsComprehension()
	vars := variablesOf(c)
	r.walk(c.IterRange())
	r.walk(c.AccuInit())
	for _, v := range vars {
		if r.words.Root(v) {
			r.refuse(e, "the variable "+v+" hides a word of the vocabulary", "give it another name")
			return
		}
		r.bound[v]++
	}
	r.all([]ast.Expr{c.LoopCondition(), c.LoopStep(), c.Result()})
	for _, v := range vars {
		r.bound[v]--
	}
	if path := pathOf(c.IterRange()); ofScopes(path) {
		r.scopes = append(r.scopes, equalTo(c.LoopStep(), c.IterVar())...)
	}
}

// refuse blames the place where a dotted path begins.
func (r *reading) refuse(e ast.Expr, problem, fix string) {
	at := r.info.GetStartLocation(e.ID())
	r.err = &Error{Line: at.Line(), Column: at.Column() + 1, Problem: problem, Fix: fix, parts: []int64{e.ID()}}
	for e.Kind() == ast.SelectKind { // the library puts a selection at its last dot
		e = e.AsSelect().Operand()
		at = r.info.GetStartLocation(e.ID())
		r.err.Line, r.err.Column = at.Line(), at.Column()+1
		r.err.parts = append(r.err.parts, e.ID())
	}
}

// pathOf returns the parts of a.b.c and a.b["c"], nil for anything else.
func pathOf(e ast.Expr) []string {
	switch e.Kind() {
	case ast.IdentKind:
		return []string{e.AsIdent()}
	case ast.SelectKind:
		if path := pathOf(e.AsSelect().Operand()); path != nil {
			return append(path, e.AsSelect().FieldName())
		}
	case ast.CallKind:
		call := e.AsCall()
		if call.FunctionName() != operators.Index || len(call.Args()) != 2 {
			return nil
		}
		if key, ok := stringOf(call.Args()[1]); ok {
			if path := pathOf(call.Args()[0]); path != nil {
				return append(path, key)
			}
		}
	}
	return nil
}

// stringOf returns the text of a string literal.
func stringOf(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// ofScopes reports whether the path is a list of the token's scopes.
func ofScopes(path []string) bool {
	switch strings.Join(path, ".") {
	case "scopes", "claims.scp", "claims.scope", "jwt.scp", "jwt.scope":
		return true
	}
	return false
}

// equalTo finds the constants that the variable is compared with.
func equalTo(e ast.Expr, variable string) []string {
	if e.Kind() != ast.CallKind {
		return nil
	}
	call := e.AsCall()
	if call.FunctionName() != operators.Equals {
		var out []string
		for _, a := range call.Args() {
			out = append(out, equalTo(a, variable)...)
		}
		return out
	}
	a, b := call.Args()[0], call.Args()[1]
	if a.Kind() != ast.IdentKind {
		a, b = b, a
	}
	if s, ok := stringOf(b); ok && a.Kind() == ast.IdentKind && a.AsIdent() == variable {
		return []string{s}
	}
	return nil
}

// guarded returns the claims that are asked for.
func (r *reading) guarded() []string {
	var out []string
	for _, path := range r.tested {
		if claim(path) && len(path) == 2 { // has(claims.a.b) still fails without claims.a
			out = append(out, path[0]+"."+path[1])
		}
	}
	return out
}

// unguarded returns the claims that are read but never asked for.
func (r *reading) unguarded() []string {
	asked := map[string]bool{}
	for _, path := range r.guarded() {
		_, name, _ := strings.Cut(path, ".")
		asked[name] = true
	}
	var out []string
	for _, path := range r.paths {
		if claim(path) && !asked[path[1]] {
			asked[path[1]] = true
			out = append(out, path[0]+"."+path[1])
		}
	}
	return out
}

// claim reports whether the path leads to a claim of the token.
func claim(path []string) bool {
	return len(path) > 1 && (path[0] == "claims" || path[0] == "jwt")
}
