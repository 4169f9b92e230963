package cel

import (
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones mean the same on machines without a database of them

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/overloads"
)

// zone refuses the name of a time zone that there is none of: the rule would
// fail with every call.
func (r *reading) zone(e ast.Expr) {
	call := e.AsCall()
	if !call.IsMemberFunction() || len(call.Args()) != 1 || !slices.Contains(ofZones(), call.FunctionName()) {
		return
	}
	name, ok := stringOf(call.Args()[0])
	if !ok || strings.Contains(name, ":") { // an offset, as in +01:00
		return
	}
	if _, err := time.LoadLocation(name); err != nil {
		r.refuse(call.Args()[0], "no time zone has the name "+name, "write one as in 'Europe/Berlin', 'UTC' or '+01:00'")
	}
}

// ofZones are the parts of a time that differ by zone.
func ofZones() []string {
	return []string{
		overloads.TimeGetFullYear, overloads.TimeGetMonth, overloads.TimeGetDayOfYear, overloads.TimeGetDate, overloads.TimeGetDayOfMonth,
		overloads.TimeGetDayOfWeek, overloads.TimeGetHours, overloads.TimeGetMinutes, overloads.TimeGetSeconds, overloads.TimeGetMilliseconds,
	}
}
