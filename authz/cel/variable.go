package cel

import (
	"errors"
	"strings"

	celgo "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"outrider.dev/outrider/authz/input"
)

// variables is the first word of every variable.
const variables = "variables."

// Announce tells which variables [Compiler.Define] will define, so that one
// that reads a later one is told so.
func (c *Compiler) Announce(names []string) {
	c.apart()
	for _, name := range names {
		c.later[variables+name] = true
	}
}

// Define makes an expression a word of the vocabulary that later expressions
// read. It is evaluated at most once for each call. The error is an [*Error].
func (c *Compiler) Define(name, expr string) error {
	c.apart()
	path := variables + name
	if !input.Identifier(name) {
		return &Error{Problem: "the name is no identifier", Fix: "use letters, digits and _, and no digit first"}
	}
	if c.words.Known(path) {
		return &Error{Problem: "another variable has the same name", Fix: "give each its own"}
	}
	checked, found, err := c.check(expr)
	if err != nil {
		return err
	}
	p, err := c.plan(checked, found)
	if err != nil {
		return err
	}
	env, err := c.env.Extend(celgo.Variable(path, checked.OutputType()))
	if err != nil {
		return &Error{Problem: plain(err.Error()), Fix: "give the variable another name"}
	}
	delete(c.later, path)
	number := c.atoms.number()
	f := input.Field{
		Path: path, Kind: input.Value, Root: p.roots, Args: p.args, Depends: c.dependsOf(found), Stage: p.stage,
		Read: func(call *input.Call) (any, error) { return call.Once(number, p.value) },
	}
	c.env, c.fields[path], c.defined[path] = env, f, p
	c.words.Add(f)
	return nil
}

// dependsOf is what a variable depends on. One that reads a call's key beside
// other things differs by a list's entry.
func (c *Compiler) dependsOf(found *reading) input.Depends {
	key, most := false, input.OnKey
	for _, path := range found.paths {
		f := c.field(path)
		key = key || f.Depends == input.OnKey
		most = max(most, f.Depends)
	}
	if key && most == input.OnCall {
		return input.OnEntry
	}
	return most
}

// field is the word that a path leads to or through.
func (c *Compiler) field(path []string) input.Field {
	if f, ok := c.fields[strings.Join(path, ".")]; ok {
		return f
	}
	f, _ := c.words.Match(path)
	return f
}

// value evaluates the expression, whatever its type.
func (p *Program) value(c *input.Call) (any, error) {
	value, err := evaluate(p.whole, p.fields, &p.atoms.runs, c)
	var why input.Error
	switch {
	case errors.As(err, &why):
		return nil, why
	case err != nil:
		return nil, input.Error(p.missing(err))
	case types.IsUnknown(value):
		return nil, input.ErrUnknown
	default:
		return value, nil
	}
}
