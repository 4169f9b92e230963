package cel

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/common/ast"

	"outrider.dev/outrider/authz/input"
)

// macro is an expression with parameters, which stands for its calls. Its body
// is parsed, calls of other macros in it expanded, and not checked: types come
// from the arguments.
type macro struct {
	name    string
	params  []string
	body    *ast.AST
	origins map[int64]Origin // of what came from other macros
	free    []string         // names that its body does not bind, parameters left out
	binds   []string         // names of comprehensions in its body
}

// AnnounceMacros tells which macros [Compiler.DefineMacro] will define, so that
// a call of a later one is told so.
func (c *Compiler) AnnounceMacros(names []string) {
	for _, name := range names {
		c.coming[name] = true
	}
}

// DefineMacro makes name(…) stand for an expression in all that is compiled
// later. What it reads is not looked at before [Compiler.CheckMacro]. The error
// is an [*Error].
func (c *Compiler) DefineMacro(name string, params []string, expr string) error {
	if err := c.macroNames(name, params); err != nil {
		return err
	}
	parsed, origins, err := c.parse(expr)
	if err != nil {
		return err
	}
	m := &macro{name: name, params: params, body: parsed.NativeRep(), origins: origins}
	m.binds = bindings(m.body.Expr())
	named := idents(m.body.Expr())
	for _, p := range params {
		switch {
		case slices.Contains(m.binds, p):
			return &Error{Problem: "a variable of the expression hides the parameter " + p, Fix: "give one of them another name"}
		case !slices.Contains(named, p):
			return &Error{Problem: "the expression does not use the parameter " + p, Fix: "remove it, or use it"}
		}
	}
	for _, n := range named {
		if !slices.Contains(params, n) && !slices.Contains(m.binds, n) {
			m.free = append(m.free, n)
		}
	}
	c.macros[name] = m
	delete(c.coming, name)
	return nil
}

// CheckMacro checks a macro's expression for arguments of any type, once all
// that it may read is defined. The error is an [*Error].
func (c *Compiler) CheckMacro(name string, expr string) error {
	m := c.macros[name]
	if m == nil {
		return nil // it was refused before
	}
	_, _, err := c.check(expr, m.params...)
	return err
}

// macroNames refuses names that mean something else, or nothing.
func (c *Compiler) macroNames(name string, params []string) *Error {
	if c.macros[name] != nil {
		return &Error{Problem: "another macro has the same name", Fix: "give each its own"}
	}
	for i, n := range append([]string{name}, params...) {
		what := "the name " + n
		if i > 0 {
			what = "the parameter " + n
		}
		parsed, issues := c.env.Parse(n)
		switch {
		case !input.Identifier(n) || issues.Err() != nil || parsed.NativeRep().Expr().Kind() != ast.IdentKind:
			return &Error{Problem: what + " is no identifier", Fix: "use letters, digits and _, no digit first, and no word of the language"}
		case c.words.Root(n):
			return &Error{Problem: what + " hides a word of the vocabulary", Fix: "use another name"}
		case c.named(n):
			return &Error{Problem: what + " hides a function or a type of the language", Fix: "use another name"}
		case slices.Contains(params[:max(i-1, 0)], n):
			return &Error{Problem: what + " stands there twice", Fix: "give each parameter a name of its own"}
		}
	}
	return nil
}

// named reports whether the language itself knows the name.
func (c *Compiler) named(name string) bool {
	_, isType := c.env.CELTypeProvider().FindIdent(name)
	return isType || slices.Contains(c.functions(), name) || name == "cel"
}

// macroOf returns the macro that a call is one of, if it is.
func (c *Compiler) macroOf(call ast.CallExpr) (*macro, *Error) {
	name := call.FunctionName()
	if call.IsMemberFunction() {
		return nil, nil
	}
	if c.coming[name] {
		return nil, &Error{Problem: "the macro " + name + " is not defined here", Fix: "a macro is used below its place, and never in itself; one that does not load is not defined at all"}
	}
	m := c.macros[name]
	if m == nil || len(m.params) == len(call.Args()) {
		return m, nil
	}
	return nil, &Error{Problem: fmt.Sprintf("the macro %s takes %s, not %d", name, counted(len(m.params), "argument"), len(call.Args())), Fix: "call it as " + m.usage()}
}

// usage is how the macro is called.
func (m *macro) usage() string {
	text := m.name + "("
	for i, p := range m.params {
		if i > 0 {
			text += ", "
		}
		text += p
	}
	return text + ")"
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// idents returns the names that stand in an expression, each once.
func idents(e ast.Expr) []string {
	var out []string
	visit(e, func(e ast.Expr) {
		if e.Kind() == ast.IdentKind && !slices.Contains(out, e.AsIdent()) {
			out = append(out, e.AsIdent())
		}
	})
	return out
}

// bindings returns the names that comprehensions of an expression bind.
func bindings(e ast.Expr) []string {
	var out []string
	visit(e, func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind {
			out = union(out, variablesOf(e.AsComprehension()))
		}
	})
	return out
}

// variablesOf returns the names that a comprehension binds.
func variablesOf(c ast.ComprehensionExpr) []string {
	vars := []string{c.IterVar(), c.AccuVar()}
	if c.HasIterVar2() {
		vars = append(vars, c.IterVar2())
	}
	return vars
}

func visit(e ast.Expr, see func(ast.Expr)) { ast.PreOrderVisit(e, ast.NewExprVisitor(see)) }
