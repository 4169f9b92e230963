package cel

import (
	"fmt"
	"testing"
	"time"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// A zone that a rule names is read as one that is only known from the call,
// and as Go reads it.
func TestZones(t *testing.T) {
	c := compiler(t)
	for _, zone := range []string{"Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "UTC", "+05:30", "-11:59"} {
		for _, at := range []time.Time{time.Unix(1767272399, 987e6), time.Unix(1774745999, 0), time.Unix(1709164800, 0)} {
			call := input.New(&decision.Request{
				Surface: decision.MCP, Method: "tools/call", Time: at, Tool: decision.Tool{Args: []byte(`{"zone":"` + zone + `"}`)},
			}, nil)
			for function := range zoned() {
				expr := fmt.Sprintf("request.time.%s('%s') == request.time.%s(tool.args.zone)", function, zone, function)
				if got := compile(t, c, expr).Eval(call); got.Truth != True {
					t.Errorf("%s at %s: %+v", expr, at, got)
				}
			}
			if place, err := time.LoadLocation(zone); err == nil {
				expr := fmt.Sprintf("request.time.getHours('%s') == %d && request.time.getDate('%s') == %d", zone, at.In(place).Hour(), zone, at.In(place).Day())
				if got := compile(t, c, expr).Eval(call); got.Truth != True {
					t.Errorf("%s at %s: %+v", expr, at, got)
				}
			}
		}
	}
	for expr, want := range map[string]Truth{
		"string(request.time) == '2026-01-01T12:59:59Z' && request.time.getHours() == 12": True,
		"request.time.getHours(tool.args.zone) == 1":                                      Failed,
		"duration('3h').getHours() == 3":                                                  True,
	} {
		call := input.New(&decision.Request{
			Surface: decision.MCP, Method: "tools/call", Time: time.Date(2026, 1, 1, 21, 59, 59, 0, time.FixedZone("", 9*3600)),
			Tool: decision.Tool{Args: []byte(`{"zone":"Nowhere/Land"}`)},
		}, nil)
		if got := compile(t, c, expr).Eval(call); got.Truth != want {
			t.Errorf("%s: %+v", expr, got)
		}
	}
}
