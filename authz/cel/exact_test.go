package cel

import (
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
