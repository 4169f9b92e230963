package authz

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/goccy/go-yaml"

	"outrider.dev/outrider/authz/cel"
	"outrider.dev/outrider/authz/input"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// words gives the policy's expressions their vocabulary: the common one, its
// declared claims, its macros and its variables. A policy that brings none of
// its own shares its compiler, and so what is evaluated, with others.
func (b *builder) words(atoms *cel.Atoms, spec *configv1.PolicySpec) {
	b.schema = b.claims(spec.GetClaims())
	macros, variables := spec.GetMacros(), spec.GetVariables()
	if len(b.schema)+len(macros)+len(variables) == 0 {
		return
	}
	compiler, err := cel.New(atoms, b.schema)
	if err != nil {
		b.refuse("spec.claims", err.Error(), "")
		return
	}
	b.compiler = compiler
	b.macros(macros)
	b.variables(variables)
	for i, m := range macros { // they may read variables
		if err := compiler.CheckMacro(m.GetName(), m.GetExpression()); err != nil {
			b.refuseExpression(macroPath(i), m.GetExpression(), err)
		}
	}
}

// macroPath is the place of a macro's expression in the document.
func macroPath(i int) string { return index("spec.macros", i) + ".expression" }

// macros defines the policy's macros, each for those below it too.
func (b *builder) macros(macros []*configv1.Macro) {
	names := make([]string, len(macros))
	for i, m := range macros {
		names[i] = m.GetName()
	}
	b.compiler.AnnounceMacros(names)
	for i, m := range macros {
		if err := b.compiler.DefineMacro(m.GetName(), m.GetParams(), m.GetExpression()); err != nil {
			b.refuseExpression(macroPath(i), m.GetExpression(), err)
		}
	}
}

// variables defines the policy's variables, each for those below it too.
func (b *builder) variables(variables []*configv1.Variable) {
	compiler, names := b.compiler, make([]string, len(variables))
	for i, v := range variables {
		names[i] = v.GetName()
	}
	if len(names) > 0 {
		compiler.Announce(names)
	}
	for i, v := range variables {
		path := index("spec.variables", i)
		if err := compiler.Define(v.GetName(), v.GetExpression()); err != nil {
			b.refuseExpression(path+".expression", v.GetExpression(), err)
		}
	}
}

// claims reads the schema of claims.
func (b *builder) claims(doc map[string]*configv1.ClaimSchema) input.Schema {
	var schema input.Schema
	for _, name := range slices.Sorted(maps.Keys(doc)) {
		path := fmt.Sprintf("spec.claims[%q]", name)
		kind, ok := map[string]input.Kind{"String": input.Text, "Int": input.Number, "Bool": input.Flag, "StringList": input.TextList}[doc[name].GetType()]
		if !ok {
			b.refuse(path+".type", "the type is unknown", "use String, Int, Bool or StringList")
			continue
		}
		value, err := defaultOf(kind, doc[name].GetDefault())
		if err != nil {
			b.refuse(path+".default", err.Error(), "write it as YAML of the type "+doc[name].GetType())
		}
		schema = append(schema, input.Claim{Name: name, Kind: kind, Default: value})
	}
	return schema
}

var errDefault = errors.New("the default has another type than the claim")

// defaultOf reads a default, nil where none is given. A text may be written
// with quotes or without.
func defaultOf(kind input.Kind, text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil && kind != input.Text {
		return nil, errDefault
	}
	switch v := value.(type) {
	case string:
		if kind == input.Text {
			return v, nil
		}
	case bool:
		if kind == input.Flag {
			return v, nil
		}
	case uint64:
		if kind == input.Number && v < 1<<63 {
			return int64(v), nil //nolint:gosec // it was compared
		}
	case int64:
		if kind == input.Number {
			return v, nil
		}
	case []any:
		if kind == input.TextList && !slices.ContainsFunc(v, func(e any) bool { _, ok := e.(string); return !ok }) {
			return v, nil
		}
	}
	if kind == input.Text {
		return text, nil
	}
	return nil, errDefault
}
