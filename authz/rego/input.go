package rego

import (
	"errors"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/authz/number"
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
		if f.Kind == input.Tree {
			if q.inexact(f, value) {
				return nil, input.ErrInexact
			}
			value = exact(value)
		}
		put(document, f.Path, value)
	}
	return ast.InterfaceToValue(document)
}

// inexact reports whether the query reads a number in the field's value that
// cannot be compared exactly.
func (q *query) inexact(f input.Field, value any) bool {
	inside := strings.Count(f.Path, ".") + 1
	for _, r := range q.reads {
		if r.Field.Path == f.Path && number.Holds(reached(value, r.Path[inside:])) {
			return true
		}
	}
	return false
}

// reached returns the value at a path, or on the way to it where that ends
// before. What is missing is nil.
func reached(value any, path []string) any {
	for _, part := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return value
		}
		value = object[part]
	}
	return value
}

// exact returns the value with null in the place of what no rule reads and the
// library cannot take for a number: it fails on one far out of range.
func exact(value any) any {
	if !number.Holds(value) {
		return value
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	out := make(map[string]any, len(object))
	for name, member := range object {
		if name != number.Member {
			out[name] = exact(member)
		}
	}
	return out
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
