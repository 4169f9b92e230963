package cel

import (
	"strings"
	"time"
	_ "time/tzdata" // zones mean the same on machines without a database of them

	celgo "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// zone finds the time zone that a part of a time is asked for in, and refuses
// one that does not exist: the rule would fail with every call.
func (r *reading) zone(e ast.Expr) {
	call := e.AsCall()
	if !call.IsMemberFunction() || len(call.Args()) != 1 || zoned()[call.FunctionName()] == "" {
		return
	}
	name, ok := stringOf(call.Args()[0])
	if !ok || strings.Contains(name, ":") { // an offset, as in +01:00
		return
	}
	at, err := time.LoadLocation(name)
	if err != nil {
		r.refuse(call.Args()[0], "no time zone has the name "+name, "write one as in 'Europe/Berlin', 'UTC' or '+01:00'")
		return
	}
	r.zones[name] = at
}

// zoned are the functions for parts of a time that differ by zone, with what
// the library calls them when they are given one.
func zoned() map[string]string {
	return map[string]string{
		overloads.TimeGetFullYear: overloads.TimestampToYearWithTz, overloads.TimeGetMonth: overloads.TimestampToMonthWithTz,
		overloads.TimeGetDayOfYear: overloads.TimestampToDayOfYearWithTz, overloads.TimeGetDate: overloads.TimestampToDayOfMonthOneBasedWithTz,
		overloads.TimeGetDayOfMonth: overloads.TimestampToDayOfMonthZeroBasedWithTz, overloads.TimeGetDayOfWeek: overloads.TimestampToDayOfWeekWithTz,
		overloads.TimeGetHours: overloads.TimestampToHoursWithTz, overloads.TimeGetMinutes: overloads.TimestampToMinutesWithTz,
		overloads.TimeGetSeconds: overloads.TimestampToSecondsWithTz, overloads.TimeGetMilliseconds: overloads.TimestampToMillisecondsWithTz,
	}
}

// zoneFunctions are those functions for the zones that rules name: the library would
// read a zone from its file with every call.
func (a *Atoms) zoneFunctions() []celgo.EnvOption {
	var out []celgo.EnvOption
	for function, overload := range zoned() {
		read := func(at, zone ref.Val) ref.Val {
			stamp, ok := at.(types.Timestamp)
			name, named := zone.(types.String)
			if !ok || !named {
				return types.MaybeNoSuchOverloadErr(at)
			}
			if place := a.zones[string(name)]; place != nil {
				return types.Timestamp{Time: stamp.In(place)}.Receive(function, overload, nil)
			}
			return stamp.Receive(function, overload, []ref.Val{zone})
		}
		out = append(out, celgo.Function(function, celgo.MemberOverload(overload, []*celgo.Type{celgo.TimestampType, celgo.StringType}, celgo.IntType, celgo.BinaryBinding(read))))
	}
	return out
}
