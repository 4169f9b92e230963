package rego

import (
	"errors"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"outrider.dev/outrider/authz/input"
)

// document builds the input of a call from the fields that the query reads.
// What the call does not have is absent, and so is what nobody knows yet. A
// field that cannot be read is an error: as an absent one it would let a deny
// that reads it pass.
func (q *query) document(c *input.Call) (ast.Value, error) {
	have, document := c.Roots(), map[string]any{}
	for _, f := range q.fields {
		if !have.Has(f.Root) {
			continue
		}
		value, err := f.Read(c)
		if errors.Is(err, input.ErrUnknown) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if at, ok := value.(time.Time); ok {
			value = at.UTC().Format(time.RFC3339Nano)
		}
		put(document, f.Path, value)
	}
	for _, r := range q.reads {
		if r.Field.Kind == input.Tree && input.Holds(reached(document, r.Path)) {
			return nil, input.ErrInexact
		}
	}
	return ast.InterfaceToValue(document)
}

// reached returns the value at a path, or on the way to it where that ends
// before. What is missing is nil.
func reached(document map[string]any, path []string) any {
	var value any = document
	for _, part := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return value
		}
		value = object[part]
	}
	return value
}

// put sets the value at a dotted path.
func put(document map[string]any, path string, value any) {
	for {
		first, rest, deeper := strings.Cut(path, ".")
		if !deeper {
			document[first] = value
			return
		}
		inner, ok := document[first].(map[string]any)
		if !ok {
			inner = map[string]any{}
			document[first] = inner
		}
		document, path = inner, rest
	}
}
