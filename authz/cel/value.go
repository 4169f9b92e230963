package cel

import (
	"encoding/json"
	"math"
	"unicode/utf8"

	celgo "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"outrider.dev/outrider/authz/input"
)

// CompileValue checks an expression that yields a value, or a string, and
// plans it for [Program.JSON]. The error is an [*Error].
func (c *Compiler) CompileValue(expr string, text bool) (*Program, error) {
	checked, found, err := c.check(expr)
	if err != nil {
		return nil, err
	}
	if t := checked.OutputType(); text && !t.IsExactType(celgo.StringType) && !t.IsExactType(celgo.DynType) {
		return nil, &Error{Problem: "the expression yields " + typeName(t) + ", not a string", Fix: "convert it, as in `string(size(scopes))`"}
	}
	return c.plan(checked, found)
}

const errNoJSON = input.Error("the expression yields what JSON cannot hold")

// JSON evaluates the expression to a value as JSON writes it. The error says
// what was missing, in words that hold nothing the caller sent.
func (p *Program) JSON(c *input.Call) ([]byte, error) {
	value, err := p.value(c)
	if err != nil {
		return nil, err
	}
	if v, ok := value.(ref.Val); ok {
		if value, ok = native(v); !ok {
			return nil, errNoJSON
		}
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, errNoJSON
	}
	return raw, nil
}

// native returns a value of the library as Go holds one of JSON.
func native(v ref.Val) (any, bool) {
	switch v := v.(type) {
	case types.Bool:
		return bool(v), true
	case types.Int:
		return int64(v), true
	case types.Uint:
		return uint64(v), true
	case types.Double:
		return float64(v), !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0)
	case types.String:
		return string(v), utf8.ValidString(string(v))
	case types.Null:
		return nil, true
	case traits.Mapper:
		return nativeMap(v)
	case traits.Lister:
		return nativeList(v)
	default:
		return nil, false
	}
}

func nativeMap(m traits.Mapper) (any, bool) {
	out := map[string]any{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, isText := key.(types.String)
		value, ok := native(m.Get(key))
		if !ok || !isText || !utf8.ValidString(string(name)) {
			return nil, false
		}
		out[string(name)] = value
	}
	return out, true
}

func nativeList(l traits.Lister) (any, bool) {
	out := []any{}
	for it := l.Iterator(); it.HasNext() == types.True; {
		value, ok := native(it.Next())
		if !ok {
			return nil, false
		}
		out = append(out, value)
	}
	return out, true
}
