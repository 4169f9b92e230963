package authzen

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// Bounds on the expressions of one mapping, which a server wrote.
const (
	maxExpressions = 64
	maxExpression  = 1 << 10 // bytes
	maxCost        = 10_000  // of CEL's units, each
	maxDepth       = 64      // of lists and objects
)

// expressions works out those of one mapping, of which each reads the params of
// the call and the claims of a verified token.
type expressions struct {
	*budget
	env   *cel.Env
	input map[string]any
	done  int
}

// language is that of the expressions, the same for every call.
var language = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(cel.Variable("params", cel.DynType), cel.Variable("token", cel.DynType), cel.OptionalTypes(),
		cel.ParserExpressionSizeLimit(maxExpression), cel.ParserRecursionLimit(maxNested))
})

// newExpressions prepares for the call. A subject says that the token was
// verified; without one there are no claims.
func newExpressions(r *decision.Request, subject string, left *budget) (*expressions, error) {
	env, err := language()
	if err != nil {
		return nil, err
	}
	message, err := native(r.Body.Raw) // which the engine has read as strictly as ever
	if err != nil {
		return nil, err
	}
	params := any(map[string]any{})
	if whole, ok := message.(map[string]any); ok && whole["params"] != nil {
		params = whole["params"]
	}
	claims := map[string]any{}
	if subject != "" {
		claims = claimsOf(r.Caller.Bearer, subject)
	}
	return &expressions{env: env, input: map[string]any{"params": params, "token": claims}, budget: left}, nil
}

// claimsOf reads the claims of a token that was verified: what it signs is what
// it says. An opaque token says no more than whose it is.
func claimsOf(bearer decision.Secret, subject string) map[string]any {
	only := map[string]any{"sub": subject}
	middle := strings.Split(string([]byte(bearer)), ".")
	if len(middle) != 3 {
		return only
	}
	raw, err := base64.RawURLEncoding.DecodeString(middle[1])
	if err != nil {
		return only
	}
	doc, err := strictjson.Parse(raw, strictjson.Limits{}) // two readers must not read two subjects
	if err != nil {
		return only
	}
	doc.Free()
	claims, err := native(raw)
	if all, ok := claims.(map[string]any); ok && err == nil {
		return all
	}
	return only
}

// native reads JSON as CEL takes it: integers stay integers.
func native(raw []byte) (any, error) {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return counted(v), nil
}

func counted(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = counted(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = counted(v[k])
		}
	}
	return v
}

// resolve writes a value of a mapping with its expressions worked out. Nil is
// an absent one.
func (x *expressions) resolve(ctx context.Context, v strictjson.Value) ([]byte, error) {
	switch v.Kind() {
	case strictjson.None:
		return nil, nil
	case strictjson.String:
		text, _ := v.Text()
		if literal, ok := strings.CutPrefix(string(text), "$$"); ok {
			return []byte(quoted("$" + literal)), nil
		}
		if expression, ok := strings.CutPrefix(string(text), "$"); ok {
			return x.eval(ctx, expression)
		}
		return v.Raw(), nil
	case strictjson.Object:
		return x.object(ctx, v)
	case strictjson.Array:
		return x.array(ctx, v)
	default:
		return v.Raw(), nil
	}
}

func (x *expressions) object(ctx context.Context, v strictjson.Value) ([]byte, error) {
	out := []byte{'{'}
	for name, value := range v.Members() {
		text, err := x.resolve(ctx, value)
		if err != nil {
			return nil, err
		}
		if text == nil {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, name.Raw()...), ':'), text...)
	}
	return append(out, '}'), nil
}

func (x *expressions) array(ctx context.Context, v strictjson.Value) ([]byte, error) {
	out := []byte{'['}
	for _, value := range v.Elements() {
		text, err := x.resolve(ctx, value)
		if err != nil {
			return nil, err
		}
		if text == nil {
			text = []byte("null")
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, text...)
	}
	return append(out, ']'), nil
}

// eval works out one expression. Errors name it and no value.
func (x *expressions) eval(ctx context.Context, text string) ([]byte, error) {
	x.done++
	if x.done > maxExpressions || len(text) > maxExpression {
		return nil, malformed("it has more than 64 expressions, or one of more than 1 KiB")
	}
	failed := func(what string) error { return malformed(fmt.Sprintf("the expression %q %s", text, what)) }
	program, err := x.program(x.env, text)
	if err != nil {
		return nil, err
	}
	if program == nil {
		return nil, failed("does not compile")
	}
	value, details, err := program.ContextEval(ctx, x.input)
	if spent := x.spend(details); spent != nil {
		return nil, spent
	}
	if err != nil {
		return nil, failed("cannot be evaluated for this call")
	}
	if optional, ok := value.(*types.Optional); ok {
		if !optional.HasValue() {
			return nil, nil
		}
		value = optional.GetValue()
	}
	if !x.affords(value, maxDepth) {
		return nil, failed("comes to more than a mapping may hold")
	}
	out, err := value.ConvertToNative(reflect.TypeFor[*structpb.Value]())
	if err != nil {
		return nil, failed("comes to no JSON value")
	}
	written, err := protojson.Marshal(out.(*structpb.Value))
	if err != nil {
		return nil, failed("comes to no JSON value")
	}
	return written, nil
}
