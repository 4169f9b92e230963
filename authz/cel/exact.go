package cel

import (
	"fmt"
	"math"
	"strconv"

	celgo "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/authz/number"
)

// exact turns what a call holds into values of the library. What holds a number
// that cannot be compared exactly becomes an error as soon as it is a value: on
// the way to a member of it the library asks Go's own maps.
type exact struct{ types.Adapter }

// NativeToValue implements [types.Adapter].
func (a exact) NativeToValue(value any) ref.Val {
	if number.Holds(value) {
		return types.WrapErr(input.ErrInexact)
	}
	return a.Adapter.NativeToValue(value)
}

// exactly is the option that puts exact before the adapter of an environment.
func exactly(e *celgo.Env) (*celgo.Env, error) {
	return celgo.CustomTypeAdapter(exact{e.CELTypeAdapter()})(e)
}

// double refuses a double literal near which there are integers that are no
// doubles: the library rounds an integer that is compared with it. Beyond the
// range of integers on which side of it they are is clear.
func (r *reading) double(e ast.Expr, v float64) {
	if math.Abs(v) < 1<<53 || math.Abs(v) > 1<<63 {
		return
	}
	text := strconv.FormatFloat(v, 'g', -1, 64)
	fix := "write " + strconv.FormatFloat(v, 'f', 0, 64)
	if v == 1<<63 {
		fix = fmt.Sprintf("the largest integer is %d", math.MaxInt64)
	}
	r.refuse(e, "integers are rounded when they are compared with the double "+text, fix)
}
