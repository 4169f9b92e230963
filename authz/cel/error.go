package cel

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	celgo "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"

	"outrider.dev/outrider/authz/input"
)

// Error says why an expression does not load. Line and Column count from 1 in
// the expression's own text; 0 where no place is to blame. Where that text is
// the call of a macro, In is the place in the macro.
type Error struct {
	Line, Column int
	Problem, Fix string
	In           Origin

	parts []int64 // of the expression, the one where the place begins last
}

// from says which macro the mistake came from.
func (e *Error) from(origins map[int64]Origin) *Error {
	for _, part := range e.parts {
		if in, ok := origins[part]; ok {
			e.In = in
		}
	}
	return e
}

// Error implements error.
func (e *Error) Error() string {
	text := e.Problem
	if e.In.Macro != "" {
		text = fmt.Sprintf("in the macro %s, at %d:%d of its expression: %s", e.In.Macro, e.In.Line, e.In.Column, text)
	}
	if e.Fix != "" {
		text += ": " + e.Fix
	}
	if e.Line == 0 {
		return text
	}
	return fmt.Sprintf("at %d:%d of the expression: %s", e.Line, e.Column, text)
}

// refuse turns the checker's first complaint into an Error.
func (c *Compiler) refuse(issues *celgo.Issues) *Error {
	first := issues.Errors()[0]
	e := &Error{Problem: plain(first.Message), parts: []int64{first.ExprID}}
	if line := first.Location.Line(); line > 0 { // else the library blames no place
		e.Line, e.Column = line, first.Location.Column()+1
	}
	const undeclared = "undeclared reference to '"
	if rest, ok := strings.CutPrefix(first.Message, undeclared); ok {
		name, _, _ := strings.Cut(rest, "'")
		if c.words.Leads(name) {
			e.Problem, e.Fix = name+" is no value of its own", "name one of its fields, such as "+c.words.Under(name)[0].Path
			return e
		}
		if m := c.macros[name]; m != nil {
			e.Problem, e.Fix = "the macro "+name+" is no member of a value", "call it as "+m.usage()
			return e
		}
		e.Problem = "no function or macro " + name
		e.Fix = "see the expression language's functions"
		if near := input.Nearest(name, c.functions()); near != "" {
			e.Fix = "did you mean " + near + "?"
		}
		return e
	}
	switch {
	case strings.HasPrefix(first.Message, "found no matching overload"):
		e.Fix = "compare and combine values of the same type"
	case strings.HasPrefix(first.Message, "invalid argument to has()"):
		e.Problem, e.Fix = "has() asks for a member, not for a whole value", "name the member, as in has(claims.team)"
	}
	return e
}

// functions returns the names of functions and macros that an author may write.
func (c *Compiler) functions() []string {
	names := slices.Sorted(maps.Keys(c.env.Functions()))
	names = append(names, operators.Exists, operators.All, operators.ExistsOne, operators.Has, operators.Map, operators.Filter)
	names = slices.DeleteFunc(names, func(n string) bool { return strings.ContainsAny(n, "_@!") && n != operators.ExistsOne })
	return slices.Concat(names, slices.Sorted(maps.Keys(c.macros)))
}

// plain makes one line of a message of the library.
func plain(message string) string {
	message = strings.ReplaceAll(message, " (in container '')", "")
	return strings.Join(strings.Fields(message), " ")
}
