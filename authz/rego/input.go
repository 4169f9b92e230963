package rego

import (
	"errors"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"outrider.dev/outrider/authz/input"
)

// Input is a call as a module reads it.
type Input struct {
	value             ast.Value
	args, annotations error // why they are absent, where that is an error
}

// NewInput builds the input document of a call, once for all modules that see
// the same of it. What the call does not have is absent.
func NewInput(c *input.Call) (*Input, error) {
	in, have, document := &Input{}, c.Roots(), map[string]any{}
	for _, f := range input.Fields() {
		if !have.Has(f.Root) {
			continue
		}
		value, err := f.Read(c)
		switch {
		case errors.Is(err, input.ErrUnknown):
		case err != nil && f.Args:
			in.args = err
		case err != nil:
			in.annotations = err
		default:
			put(document, f.Path, value)
		}
	}
	var err error
	in.value, err = ast.InterfaceToValue(document)
	return in, err
}

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
