package cel

import (
	"errors"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// TestInexactNumbers: a number that cannot be compared exactly fails the rules
// that read it, in whatever way, and no others.
func TestInexactNumbers(t *testing.T) {
	const args = `{"repo":"web","n":9223372036854775808,"far":1e400,"long":100.00000000000000001,
		"list":[1,9223372036854775808],"plain":[1,2],"o":{"deep":{"n":18446744073709551615},"k":"v"},"whole":2.0}`
	c := compiler(t)
	call := input.New(&decision.Request{Surface: decision.MCP, Method: "tools/call", Tool: decision.Tool{Name: "x", Args: []byte(args)}}, nil)
	for expr, want := range map[string]Truth{
		"tool.args.repo == 'web'":                          True,
		"tool.args['repo'] == 'web'":                       True,
		"has(tool.args.repo) && tool.args.repo != 'infra'": True,
		"has(tool.args.n) && has(tool.args.o.deep.n)":      True, // asks whether it is there
		"!has(tool.args.m) && has(tool.args.list)":         True,
		"'n' in tool.args && !('m' in tool.args)":          True,
		"'k-v' in mcp.tool.arguments":                      False,
		"'n' in tool.args.o":                               Failed,
		"tool.args.o.k == 'v'":                             True,
		"tool.args.plain.exists(x, x == 2)":                True,
		"tool.args.whole == 2 && tool.args.whole % 2 == 0": True,
		"tool.name == 'y' && tool.args.n > 1":              False,
		"tool.name == 'x' || tool.args.n > 1":              True,
		"tool.args.n > 9223372036854775806":                Failed,
		"tool.args.n != 1":                                 Failed,
		"!(tool.args.n == 1)":                              Failed,
		"tool.args.n == tool.args.n":                       Failed,
		"tool.args.far > 1.0":                              Failed,
		"tool.args.long <= 100":                            Failed,
		"tool.args.o.deep.n == 1u":                         Failed,
		"string(tool.args.n) == ''":                        Failed,
		"type(tool.args.n) == int":                         Failed,
		"dyn(tool.args.n) == null":                         Failed,
		"tool.args.list[0] == 1":                           Failed, // lists are read as a whole
		"tool.args.list.exists(x, x == 1)":                 Failed,
		"1 in tool.args.list":                              Failed,
		"size(tool.args.list) == 2":                        Failed,
		"tool.args.o == {'k': 'v'}":                        Failed,
		"{'k': 'v'} != tool.args.o":                        Failed,
		"[tool.args.o] == [{}]":                            Failed,
		"[tool.args] != []":                                Failed,
		"{'a': tool.args.n} == {'a': 1}":                   Failed,
		"tool.args.exists(k, k == 'repo')":                 Failed,
		"tool.args.all(k, k != 'zzz')":                     Failed,
		"tool.args[tool.args.repo] == 1":                   Failed, // there is no such member
		"cel.bind(a, tool.args, a.repo == 'web')":          Failed,
		"mcp.tool.arguments.n > 1":                         Failed,
		"(tool.name == 'x' ? tool.args.n : 1) == 1":        Failed,
		"tool.args.o.deep['n'] > 1":                        Failed,
		"sets.contains(tool.args.list, [1])":               Failed,
	} {
		p := compile(t, c, expr)
		got := p.Eval(call)
		if got.Truth != want || want == Failed && got.Missing == "" {
			t.Errorf("%s: %v %q, want %v", expr, got.Truth, got.Missing, want)
		}
		checkTruth(t, c, p, expr, call)
	}
	if got := compile(t, c, "tool.args.n > 1").Eval(call); got.Missing != input.ErrInexact.Error() {
		t.Errorf("the reason is %q", got.Missing)
	}
}

// TestRoundingDoubles: a double literal that integers would be rounded for is
// refused where it stands, whatever is done with it.
func TestRoundingDoubles(t *testing.T) {
	c := withMacros(t, "over(x, bound) = x > bound")
	for expr, want := range map[string]string{
		"tool.args.wei > 1e18":                          "at 1:17 of the expression: integers are rounded when they are compared with the double 1e+18: write 1000000000000000000",
		"tool.args.n > 9007199254740992.0":              "at 1:15 of the expression: integers are rounded when they are compared with the double 9.007199254740992e+15: write 9007199254740992",
		"tool.args.n < 9223372036854775808.0":           "at 1:15 of the expression: integers are rounded when they are compared with the double 9.223372036854776e+18: the largest integer is 9223372036854775807",
		"-1e18 <= tool.args.n":                          "write -1000000000000000000",
		"tool.args.n > -(1e18)":                         "write 1000000000000000000",
		"tool.args.n == -9223372036854775808.0":         "write -9223372036854775808",
		"tool.args.list.exists(x, x == 1e16)":           "write 10000000000000000",
		"tool.args.n in [1, 1e16]":                      "write 10000000000000000",
		"{'a': 1e16} == tool.args":                      "write 10000000000000000",
		"cel.bind(b, 1e16, tool.args.n > b)":            "write 10000000000000000",
		"tool.args.n > (tool.name == 'x' ? 1e16 : 0.0)": "write 10000000000000000",
		"over(tool.args.n, 1e16)":                       "write 10000000000000000",
	} {
		_, err := c.Compile(expr)
		var refused *Error
		if !errors.As(err, &refused) || refused.Line == 0 || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v", expr, err)
		}
	}
	if _, err := c.CompileValue("1e18", false); err == nil {
		t.Error("a value is not refused")
	}
	if err := c.Define("limit", "1e18"); err == nil {
		t.Error("a variable is not refused")
	}
	if err := defineMacros(compiler(t), "over(x) = x > 1e18"); err == nil {
		t.Error("a macro is not refused")
	}
}

// TestDoublesThatStay: a double literal that is not refused compares with all
// integers as it is written.
func TestDoublesThatStay(t *testing.T) {
	c := compiler(t)
	r := rand.New(rand.NewPCG(3, 5))
	for _, bound := range []float64{0.5, -2.25, 9007199254740991, -9007199254740991, 9223372036854777856, -9223372036854777856, 1e19, 1e300} {
		p := compile(t, c, "tool.args.n > "+strconv.FormatFloat(bound, 'e', -1, 64))
		for range 200 {
			n := []int64{math.MaxInt64, math.MinInt64, 1 << 53, -1 << 53, 1<<53 - 1, 1 - 1<<53, 0}[r.IntN(7)]
			if near := n + r.Int64N(9) - 4; (near < 0) == (n < 0) {
				n = near // and not wrapped around
			}
			call := input.New(&decision.Request{Surface: decision.MCP, Tool: decision.Tool{Name: "x", Args: []byte(`{"n":` + strconv.FormatInt(n, 10) + `}`)}}, nil)
			want := truth(bound < -1<<63 || bound < 1<<53 && n > int64(math.Floor(bound)))
			if got := p.Truth(call, nil); got != want {
				t.Errorf("%d > %g: %v", n, bound, got)
			}
		}
	}
}
