package cel

import (
	celgo "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"outrider.dev/outrider/authz/input"
)

// exact turns what a call holds into values of the library. What holds a number
// that cannot be compared exactly becomes an error as soon as it is a value: on
// the way to a member of it the library asks Go's own maps.
type exact struct{ types.Adapter }

// NativeToValue implements [types.Adapter].
func (a exact) NativeToValue(value any) ref.Val {
	if input.Holds(value) {
		return types.WrapErr(input.ErrInexact)
	}
	return a.Adapter.NativeToValue(value)
}

// exactly is the option that puts exact before the adapter of an environment.
func exactly(e *celgo.Env) (*celgo.Env, error) {
	return celgo.CustomTypeAdapter(exact{e.CELTypeAdapter()})(e)
}
