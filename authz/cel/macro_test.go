package cel

import (
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// The macros and functions that authors of CEL expect are there.
func TestStandardLanguage(t *testing.T) {
	c := compiler(t)
	r := &decision.Request{Surface: decision.MCP, Method: "tools/call", Source: "10.1.2.3:80", Tool: decision.Tool{
		Name: "list_issues", Args: []byte(`{"l":[1,2,3],"s":"a,b","when":"2026-03-01T12:00:00Z","o":{"k":1}}`),
	}}
	p := &decision.Principal{Scopes: []string{"a", "b"}, Claims: map[string]any{"team": "x", "groups": []any{"p", "q"}}}
	for _, expr := range []string{
		"has(claims.team) && !has(claims.other)",
		"scopes.all(s, s in ['a', 'b', 'c'])", "scopes.exists(s, s == 'b')", "scopes.exists_one(s, s != 'a')",
		"scopes.map(s, s + '!') == ['a!', 'b!']", "scopes.map(s, s != 'a', s + '!') == ['b!']", "scopes.filter(s, s > 'a') == ['b']",
		"tool.args.l.exists(n, n > 2)", "tool.args.o.all(k, k == 'k')",
		"cel.bind(parts, tool.args.s.split(','), parts[0] == 'a' && size(parts) == 2)",
		"cel.bind(n, size(scopes), cel.bind(m, n + 1, m == 3 && n == 2))",
		"tool.name.substring(5) == 'issues' && tool.name.lastIndexOf('s') == 10 && tool.name.upperAscii() == 'LIST_ISSUES'",
		"'%s/%d'.format(['a', 1]) == 'a/1' && ['a', 'b'].join('-') == 'a-b' && 'aXb'.replace('X', '') == 'ab'",
		"sets.contains(scopes, ['a']) && sets.intersects(claims.groups, ['q']) && sets.equivalent(scopes, ['b', 'a'])",
		"tool.name.matches('^list_[a-z]+$')",
		"cidr('10.0.0.0/8').containsIP(ip(source.split(':')[0])) && isIP('::1') && !isIP('x')",
		"timestamp(tool.args.when) < timestamp('2027-01-01T00:00:00Z') && timestamp(tool.args.when).getHours('UTC') == 12",
		"duration('90m') == duration('1.5h') && timestamp(tool.args.when) + duration('1h') == timestamp('2026-03-01T13:00:00Z')",
		"math.greatest(1, size(scopes)) == 2",
		"scopes == ['a', 'b'] ? true : false",
	} {
		if got := compile(t, c, expr).Eval(input.New(r, p)); got.Truth != True {
			t.Errorf("%s: %+v", expr, got)
		}
	}
}

// A bound name is no word of the call, and hides none.
func TestBoundNames(t *testing.T) {
	c := compiler(t)
	if p := compile(t, c, "cel.bind(x, tool.args.n, x == 1)"); !p.ReadsArgs() || !p.Roots().Has(input.Tool) {
		t.Errorf("reads arguments %v, roots %s", p.ReadsArgs(), p.Roots())
	}
	if p := compile(t, c, "cel.bind(x, findings, size(x) > 0)"); p.Stage() != input.Guarded {
		t.Errorf("stage %d", p.Stage())
	}
	for _, expr := range []string{"cel.bind(tool, claims, tool.name == 'x')", "cel.bind(x, y, x == 1)", "cel.bind(x, 1, y == 1)"} {
		if _, err := c.Compile(expr); err == nil {
			t.Errorf("%s loads", expr)
		}
	}
}
