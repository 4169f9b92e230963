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
// the expression's own text; 0 where no place is to blame.
type Error struct {
	Line, Column int
	Problem, Fix string
}

// Error implements error.
func (e *Error) Error() string {
	text := e.Problem
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
	e := &Error{Problem: plain(first.Message)}
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
		e.Problem = "no function " + name
		e.Fix = "see the expression language's functions"
		if near := input.Nearest(name, c.functions()); near != "" {
			e.Fix = "did you mean " + near + "?"
		}
		return e
	}
	if strings.HasPrefix(first.Message, "found no matching overload") {
		e.Fix = "compare and combine values of the same type"
	}
	return e
}

// functions returns the names that an author may write.
func (c *Compiler) functions() []string {
	names := slices.Sorted(maps.Keys(c.env.Functions()))
	names = append(names, operators.Exists, operators.All, operators.ExistsOne, operators.Has, operators.Map, operators.Filter)
	return slices.DeleteFunc(names, func(n string) bool { return strings.ContainsAny(n, "_@!") && n != operators.ExistsOne })
}

// plain makes one line of a message of the library.
func plain(message string) string {
	message = strings.ReplaceAll(message, " (in container '')", "")
	return strings.Join(strings.Fields(message), " ")
}
