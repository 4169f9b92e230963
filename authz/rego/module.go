package rego

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"outrider.dev/outrider/authz/input"
)

// maxModule bounds the length of a module in bytes.
const maxModule = 64 << 10

// fileName stands for the module in the library's own messages.
const fileName = "rego"

// Module is a compiled module, safe for concurrent use.
type Module struct {
	allow, deny, visible *query // nil where the module defines none
}

// query is one rule of the module, prepared.
type query struct {
	rego.PreparedEvalQuery
	roots   input.Roots   // that it reads, itself or by other rules
	fields  []input.Field // that it reads
	depends input.Depends
}

// Error says why a module does not load. Line and Column count from 1 in the
// module's own text; 0 where no place is to blame.
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
	return fmt.Sprintf("at %d:%d of the module: %s", e.Line, e.Column, text)
}

// at is an error at a place in the module.
func at(loc *ast.Location, problem, fix string) *Error {
	e := &Error{Problem: problem, Fix: fix}
	if loc != nil {
		e.Line, e.Column = loc.Row, loc.Col
	}
	return e
}

// Compile checks a module and prepares its queries. Claims are read by the
// schema. The error is an [*Error].
func Compile(source string, schema input.Schema) (*Module, error) {
	if len(source) > maxModule {
		return nil, &Error{Problem: fmt.Sprintf("the module is longer than %d bytes", maxModule), Fix: "split it over several policies"}
	}
	if strings.TrimSpace(source) == "" {
		return nil, &Error{Problem: "the module is empty", Fix: "write `package outrider` and rules, or remove the field"}
	}
	parsed, err := ast.ParseModuleWithOpts(fileName, source, ast.ParserOptions{RegoVersion: ast.RegoV1})
	if err != nil {
		return nil, translate(err)
	}
	if err := shape(parsed); err != nil {
		return nil, err
	}
	compiler := ast.NewCompiler().WithCapabilities(capabilities())
	if compiler.Compile(map[string]*ast.Module{fileName: parsed}); compiler.Failed() {
		return nil, translate(compiler.Errors)
	}
	return prepare(compiler, input.NewUntyped(schema))
}

// shape checks the package and the heads of the rules that are asked for.
func shape(m *ast.Module) error {
	if m.Package.Path.String() != "data.outrider" {
		return at(m.Package.Location, "the package is "+strings.TrimPrefix(m.Package.Path.String(), "data."), "write `package outrider`")
	}
	found := false
	for _, r := range m.Rules {
		name := r.Head.Ref()[0].Value.String()
		switch name {
		case "allow", "visible":
			if len(r.Head.Args) > 0 || len(r.Head.Ref()) > 1 || r.Head.RuleKind() != ast.SingleValue {
				return at(r.Location, name+" is not a plain rule", "write `"+name+" if { … }`")
			}
		case "deny":
			if len(r.Head.Args) > 0 || r.Head.RuleKind() != ast.MultiValue {
				return at(r.Location, "deny is not a set of messages", "write `deny contains \"why\" if { … }`")
			}
		}
		found = found || name == "allow" || name == "deny"
	}
	if !found {
		return at(m.Package.Location, "the module defines neither allow nor deny", "define one of them")
	}
	return nil
}

// prepare finds what the compiled module reads and plans its queries.
func prepare(c *ast.Compiler, words *input.Vocabulary) (*Module, error) {
	m, all := &Module{}, reads{}
	for _, rule := range c.Modules[fileName].Rules {
		if err := all.of(words, rule); err != nil {
			return nil, err
		}
	}
	var err error
	for name, into := range map[string]**query{"allow": &m.allow, "deny": &m.deny, "visible": &m.visible} {
		rules := c.GetRulesExact(ast.MustParseRef("data.outrider." + name))
		if len(rules) == 0 {
			continue
		}
		used := reached(words, c, rules)
		if name == "visible" && used.args {
			return nil, at(rules[0].Location, "visible reads the arguments of tool calls", "nobody knows them while a list is filtered: decide by the tool's name and the caller")
		}
		if *into, err = ask(c, words, name, used); err != nil {
			return nil, translate(err)
		}
	}
	if all.args && m.visible == nil {
		return nil, &Error{
			Problem: "the module reads the arguments of tool calls but does not say which tools a list shows",
			Fix:     "define `visible`, which is asked without arguments",
		}
	}
	return m, nil
}

// ask plans one query. Strict: a built-in function that fails is an error, not
// undefined, because `not` would turn undefined into true.
func ask(c *ast.Compiler, words *input.Vocabulary, name string, used reads) (*query, error) {
	prepared, err := rego.New(
		rego.Compiler(c),
		rego.Query("data.outrider."+name),
		rego.StrictBuiltinErrors(true),
	).PrepareForEval(context.Background())
	q := &query{PreparedEvalQuery: prepared, roots: used.roots}
	for _, f := range words.Fields() {
		if used.fields[f.Path] {
			q.fields = append(q.fields, f)
			q.depends = max(q.depends, f.Depends)
		}
	}
	return q, err
}

// capabilities are OPA's without what reaches beyond the call: the network,
// the clock, randomness and the process.
func capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	var kept []*ast.Builtin
	for _, b := range c.Builtins {
		if !b.Nondeterministic && b.Name != "http.send" && b.Name != "opa.runtime" {
			kept = append(kept, b)
		}
	}
	c.Builtins = kept
	c.AllowNet = []string{}
	return c
}

// translate turns the library's first complaint into an Error.
func translate(err error) *Error {
	var list ast.Errors
	if !errors.As(err, &list) || len(list) == 0 {
		return &Error{Problem: err.Error()}
	}
	e := at(list[0].Location, strings.Join(strings.Fields(list[0].Message), " "), "")
	if name, ok := strings.CutPrefix(list[0].Message, "undefined function "); ok {
		if _, exists := ast.BuiltinMap[name]; exists {
			e.Problem, e.Fix = name+" is not available", "a module may only read the call that it judges"
		}
	}
	return e
}
