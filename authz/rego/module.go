package rego

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"outrider.dev/outrider/authz/input"
)

// Module is what a policy's modules define together, compiled. It is safe for
// concurrent use.
type Module struct {
	allow, deny, visible, mutate *query // nil where no module defines one

	scopes []string // that allow may ask for
}

// query is one rule of the modules, prepared.
type query struct {
	rego.PreparedEvalQuery
	roots   input.Roots     // that it reads, itself or by other rules
	args    bool            // are read
	fields  []input.Field   // that it reads
	reads   []input.Reading // the same, each as far into the field as it can be told
	depends input.Depends

	own   []*ast.Rule // that bear its name
	each  []reads     // what each of them reads, itself or by other rules
	rules []*ast.Rule // they and those that they use, without defaults
}

// Error says why modules do not load. Line and Column count from 1 in the
// file or, where that is empty, in the text of the inline module; 0 where no
// place is to blame.
type Error struct {
	File         string
	Line, Column int
	Problem, Fix string
}

// Error implements error.
func (e *Error) Error() string {
	text := e.Problem
	if e.Fix != "" {
		text += ": " + e.Fix
	}
	switch {
	case e.Line == 0 && e.File == "":
		return text
	case e.File == "":
		return fmt.Sprintf("at %d:%d of the module: %s", e.Line, e.Column, text)
	default:
		return e.Place() + ": " + text
	}
}

// Place is where in a file the mistake is; empty for the inline module.
func (e *Error) Place() string {
	if e.File == "" || e.Line == 0 {
		return e.File
	}
	return fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
}

// at is an error at a place in a module.
func at(loc *ast.Location, problem, fix string) *Error {
	e := &Error{Problem: problem, Fix: fix}
	if loc != nil {
		e.Line, e.Column = loc.Row, loc.Col
		if loc.File != inline {
			e.File = loc.File
		}
	}
	return e
}

// Compile checks modules and data and prepares the queries. Claims are read by
// the schema. The error is an [*Error].
func Compile(src Sources, schema input.Schema) (*Module, error) {
	parsed, err := src.parse()
	if err != nil {
		return nil, err
	}
	data, err := src.document()
	if err != nil {
		return nil, err
	}
	compiler := ast.NewCompiler().WithCapabilities(capabilities()).WithPathConflictsCheck(holds(data))
	if compiler.Compile(parsed); compiler.Failed() {
		return nil, translate(compiler.Errors)
	}
	return prepare(compiler, data, newReader(compiler, data, input.NewUntyped(schema)))
}

// shape checks the package of a module and the heads of the rules that are
// asked for. It reports whether the module defines allow, deny or mutate.
func shape(m *ast.Module, bundled bool) (asked bool, err error) {
	switch name := strings.TrimPrefix(m.Package.Path.String(), "data."); {
	case name == ownPackage:
	case bundled || strings.HasPrefix(name, ownPackage+"."):
		return false, nil
	default:
		return false, at(m.Package.Location, "the package is "+name, "write `package outrider`, or one below it for what its modules share")
	}
	for _, r := range m.Rules {
		name := r.Head.Ref()[0].Value.String()
		switch name {
		case "allow", "visible":
			if len(r.Head.Args) > 0 || len(r.Head.Ref()) > 1 || r.Head.RuleKind() != ast.SingleValue {
				return false, at(r.Location, name+" is not a plain rule", "write `"+name+" if { … }`")
			}
		case "deny":
			if len(r.Head.Args) > 0 || r.Head.RuleKind() != ast.MultiValue {
				return false, at(r.Location, "deny is not a set of messages", "write `deny contains \"why\" if { … }`")
			}
		case "mutate":
			if len(r.Head.Args) > 0 || r.Head.RuleKind() != ast.MultiValue {
				return false, at(r.Location, "mutate is not a set of changes", "write `mutate contains {\"argument\": \"/per_page\", \"value\": 50} if { … }`")
			}
		}
		asked = asked || name == "allow" || name == "deny" || name == "mutate"
	}
	return asked, nil
}

// prepare finds what the compiled modules read and plans their queries. What
// others wrote for their own input counts only where our rules use it.
func prepare(c *ast.Compiler, data map[string]any, words *reader) (*Module, error) {
	m := &Module{}
	for _, name := range slices.Sorted(maps.Keys(c.Modules)) {
		if !c.Modules[name].Package.Path.HasPrefix(ownRules()) {
			continue
		}
		if _, err := words.reads(c.Modules[name].Rules); err != nil {
			return nil, err
		}
	}
	args := false // read by what is asked while a list is filtered
	store := inmem.NewFromObjectWithOpts(data, inmem.OptReturnASTValuesOnRead(true), inmem.OptRoundTripOnWrite(false))
	for name, into := range map[string]**query{"allow": &m.allow, "deny": &m.deny, "visible": &m.visible, "mutate": &m.mutate} {
		rules := c.GetRulesExact(ast.MustParseRef("data.outrider." + name))
		if len(rules) == 0 {
			continue
		}
		q, err := ask(c, store, words, name, rules)
		if err != nil {
			return nil, err
		}
		if name == "visible" && q.args {
			return nil, at(rules[0].Location, "visible reads the arguments of tool calls", "nobody knows them while a list is filtered: decide by the tool's name and the caller")
		}
		args = args || q.args && name != "mutate"
		*into = q
	}
	if m.allow != nil && m.allow.roots&(input.Scopes|input.Claims) != 0 {
		m.scopes = asked(m.allow.rules)
	}
	if args && m.visible == nil {
		return nil, &Error{
			Problem: "the module reads the arguments of tool calls but does not say which tools a list shows",
			Fix:     "define `visible`, which is asked without arguments",
		}
	}
	return m, nil
}

// ask plans the query of some rules. Strict: a built-in function that fails is
// an error, not undefined, because `not` would turn undefined into true.
func ask(c *ast.Compiler, store storage.Store, words *reader, name string, rules []*ast.Rule) (*query, error) {
	with := uses(c, rules)
	q := &query{own: written(rules), rules: written(with)}
	used, err := words.reads(with)
	if err != nil {
		return nil, err
	}
	for _, rule := range q.own {
		one, err := words.reads(uses(c, []*ast.Rule{rule}))
		if err != nil {
			return nil, err
		}
		q.each = append(q.each, one)
	}
	q.roots, q.args = used.roots, used.args
	for _, f := range words.Fields() {
		if used.fields[f.Path] {
			q.fields = append(q.fields, f)
			q.depends = max(q.depends, f.Depends)
		}
	}
	for _, f := range q.fields {
		for _, path := range used.paths {
			if of, ok := words.Match(path); ok && of.Path == f.Path {
				q.reads = append(q.reads, input.Reading{Field: f, Path: path})
			}
		}
	}
	q.PreparedEvalQuery, err = rego.New(
		rego.Compiler(c),
		rego.Store(store),
		rego.Query("data.outrider."+name),
		rego.StrictBuiltinErrors(true),
	).PrepareForEval(context.Background())
	if err != nil {
		return nil, translate(err)
	}
	return q, nil
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
	if one := (*ast.Error)(nil); errors.As(err, &one) {
		list = ast.Errors{one}
	} else if !errors.As(err, &list) || len(list) == 0 {
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
