package cel

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

func compiler(t testing.TB) *Compiler {
	t.Helper()
	c, err := New(NewAtoms(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func compile(t testing.TB, c *Compiler, expr string) *Program {
	t.Helper()
	p, err := c.Compile(expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return p
}

// checkTruth holds the ways to evaluate a program together: as it was written,
// taken apart, with a memo, and folded.
func checkTruth(t *testing.T, c *Compiler, p *Program, expr string, call *input.Call) {
	t.Helper()
	want, memo, folded := p.Eval(call).Truth, c.atoms.NewMemo(), p.Fold(call)
	_, explained := p.explain(p.pieces(), call)
	for name, got := range map[string]Truth{
		"taken apart": p.Truth(call, nil), "with a memo": p.Truth(call, memo), "with the memo again": p.Truth(call, memo),
		"explained": explained, "folded": folded.Truth(call, nil), "folded, with a memo": folded.Truth(call, memo),
	} {
		if got != want {
			t.Errorf("%s: %s %v, as it was written %v", expr, name, got, want)
		}
	}
	if p.Refuted(call) && want != False || p.tree.surely(True, call) && want != True {
		t.Errorf("%s: settled by the key, as it was written %v", expr, want)
	}
}

const sampleArgs = `{"repo":"infra/x","n":3,"f":1.5,"l":["a","b"],"o":{"k":"v"},"nil":null}`

func sample() *input.Call {
	r := &decision.Request{
		Surface: decision.MCP, Method: "tools/call", Session: "s", Source: "10.0.0.1:99",
		Caller: decision.Caller{Agent: "bot", Labels: map[string]string{"app": "x"}},
		HTTP:   decision.HTTP{Method: "POST", Headers: map[string]string{"x-a": "b"}},
		Tool:   decision.Tool{Server: "github", Name: "list_issues", Exposed: "github__list_issues", Args: []byte(sampleArgs)},
	}
	return input.New(r, &decision.Principal{Subject: "ann", Scopes: []string{"mcp:read"}, Claims: map[string]any{
		"scp": []any{"mcp:read"}, "org": map[string]any{"tier": int64(2)}, "admin": true, "iat": int64(1769850000),
	}})
}

func TestEval(t *testing.T) {
	c := compiler(t)
	for _, tc := range []struct {
		expr    string
		want    Truth
		missing string
	}{
		{"claims.scp.exists(s, s == 'mcp:read') && (\ntool.name.startsWith('list_') || tool.name.startsWith('get_') )", True, ""},
		{"tool.name.contains('delete') || tool.name.contains('merge_pull_request')", False, ""},
		{"'mcp:read' in scopes && !('mcp:admin' in scopes)", True, ""},
		{"has(tool.args.repo) && tool.args.repo.startsWith('infra/')", True, ""},
		{"has(tool.args.missing)", False, ""},
		{"has(tool.args.o.k) && !has(tool.args.o.x)", True, ""},
		{"has(tool.name) && has(tool.args) && !has(principal.issuer)", True, ""},
		{"!has(agent.namespace) && has(agent.labels) && has(request.headers)", True, ""},
		{"tool.args.n == 3 && tool.args.n < 3.5 && tool.args.f > 1", True, ""},
		{"tool.args.nil == null", True, ""},
		{"tool.args.l == ['a', 'b'] && tool.args.l.size() == 2 && tool.args.l[1] == 'b'", True, ""},
		{"tool.args == {'repo': 'x'}", False, ""},
		{"mcp.tool.arguments.repo == tool.args.repo && mcp.tool.target == tool.server && mcp.tool.name == tool.name", True, ""},
		{"tool.exposed == tool.server + '__' + tool.name && mcp.method == 'tools/call'", True, ""},
		{"jwt.org.tier >= 2 && claims['admin'] == true", True, ""},
		{"principal.subject == 'ann' && agent.name == 'bot' && agent.labels.app == 'x' && session == 's'", True, ""},
		{"request.headers['x-a'] == 'b' && request.method == 'POST' && source.startsWith('10.')", True, ""},
		{"tool.name.matches('^(list|get)_[a-z]+$')", True, ""},
		{"sets.contains(['mcp:read', 'x'], scopes) && math.greatest(1, 2) == 2 && 'A'.lowerAscii() == 'a'", True, ""},
		{"cidr('10.0.0.0/8').containsIP(ip(source.split(':')[0])) && !ip('10.0.0.1').isLoopback()", True, ""},
		{"isIP('::1') && !isIP(tool.name) && cidr('fd00::/8').containsCIDR('fd00:1::/32')", True, ""},
		{"timestamp('2026-01-31T09:00:00Z') < timestamp('2026-01-31T09:00:00Z') + duration('1h')", True, ""},
		{"timestamp(claims.iat).getFullYear() == 2026 && timestamp(claims.iat).getDayOfWeek('Europe/Berlin') == 6", True, ""},
		{"sets.intersects(scopes, ['mcp:read', 'mcp:write']) && 'a-b'.split('-').join('+') == 'a+b'", True, ""},
		{"ip(tool.args.repo).isLoopback()", Failed, "a value cannot be used as the rule uses it"},
		{"true || claims.nothing == 1", True, ""},
		{"claims.nothing == 1 || true", True, ""},
		{"false && claims.nothing == 1", False, ""},

		{"claims.sub == 'x'", Failed, "no such key: sub"},
		{"claims.org.name == 'x'", Failed, "no such key: name"},
		{"claims.nothing.deep == 1", Failed, "no such key: nothing"},
		{"request.headers['x-b'] == 'c'", Failed, "no such key: x-b"},
		{"claims[tool.args.repo] == 'x'", Failed, "no such key"},
		{"tool.args.repo > 3", Failed, "a value has another type than the rule expects"},
		{"tool.args.n.startsWith('x')", Failed, "a value has another type than the rule expects"},
		{"int(tool.args.repo) == 3", Failed, "a value cannot be used as the rule uses it"},
		{"tool.args.l[7] == 'x'", Failed, "index out of bounds"},
		{"1 / (tool.args.n - 3) == 1", Failed, "division by zero"},
		{"tool.args.repo.matches(tool.args.repo + '(')", Failed, "a value cannot be used as the rule uses it"},
		{"tool.annotations.readOnlyHint == true", Failed, "the tool's annotations are not known for this call"},
		{"has(tool.annotations.destructiveHint)", Failed, "the tool's annotations are not known for this call"},
		{"!(has(claims.org.name)) && has(claims.none.deep)", Failed, "no such key: none"},
	} {
		p := compile(t, c, tc.expr)
		if got := p.Eval(sample()); got != (Result{tc.want, tc.missing}) {
			t.Errorf("%s: got %+v", tc.expr, got)
		}
		checkTruth(t, c, p, tc.expr, sample())
	}
}

// Whatever goes wrong, the message holds none of the caller's content.
func TestFailureNamesNoContent(t *testing.T) {
	c := compiler(t)
	r := &decision.Request{Surface: decision.MCP, Method: "tools/call", Tool: decision.Tool{
		Name: "SECRET", Args: []byte(`{"a":"SECRET","n":"SECRET","l":["SECRET"]}`),
	}}
	p := &decision.Principal{Claims: map[string]any{"a": "SECRET"}, Scopes: []string{"SECRET"}}
	for _, expr := range []string{
		"claims[tool.args.a] == 1", "int(claims.a) == 1", "duration(claims.a) == duration('1s')", "timestamp(tool.args.a) == timestamp(tool.args.n)",
		"tool.args.l[tool.args.a] == 1", "'x'.matches(tool.args.a + '[')", "double(tool.args.a) > 1.0", "tool.args.a + 1 == 2", "{'x': 1}[tool.name] == 1",
		"agent.labels[tool.name] == 'x'", "bool(tool.args.a)", "ip(tool.args.a).family() == 4", "cidr(claims.a).prefixLength() == 1", "tool.args.l[0].b == 1", "tool.args.l[claims.a] == 1", "tool.args.a.charAt(99) == 'x'",
	} {
		got := compile(t, c, expr).Eval(input.New(r, p))
		if got.Truth != Failed || got.Missing == "" || strings.Contains(got.Missing, "SECRET") {
			t.Errorf("%s: %+v", expr, got)
		}
	}
}

func TestRefused(t *testing.T) {
	c := compiler(t)
	for _, tc := range []struct{ expr, want string }{
		{"tool.nam == 'x'", "at 1:1 of the expression: no field tool.nam: did you mean tool.name?"},
		{"true &&\n  toool.name == 'x'", "at 2:3 of the expression: no variable toool.name: did you mean tool.name?"},
		{"claim.x == 1", "at 1:1 of the expression: no variable claim.x: did you mean claims?"},
		{"weather", "at 1:1 of the expression: no variable weather: see the list of words that rules may read"},
		{"findings.exists(f, f.typo == 'x')", "at 1:21 of the expression: undefined field 'typo'"},
		{"findings.exists(f, f.type == 3)", "at 1:27 of the expression: found no matching overload for '_==_' applied to '(string, int)': compare and combine values of the same type"},
		{"input.Finding{type: 'x'} == findings[0]", "at 1:14 of the expression: objects cannot be made here: compare fields one by one"},
		{"tool == 'x'", "at 1:1 of the expression: tool is no value of its own: name one of its fields, such as tool.name"},
		{"mcp.tool == tool", "at 1:1 of the expression: mcp.tool is no value of its own: name one of its fields, such as mcp.tool.name"},
		{"tool['name'] == 'x'", "at 1:1 of the expression: tool is no value of its own: name one of its fields, such as tool.name"},
		{"has(tool.nam)", "at 1:5 of the expression: no field tool.nam: did you mean tool.name?"},
		{"scopes.exists(tool, tool.name == 'x')", "at 1:14 of the expression: the variable tool hides a word of the vocabulary: give it another name"},
		{"scopes.exists(s, ss == 'x')", "at 1:18 of the expression: no variable ss: see the list of words that rules may read"},
		{"tool.name.startWith('x')", "at 1:20 of the expression: no function or macro startWith: did you mean startsWith?"},
		{"now() == 1", "at 1:4 of the expression: no function or macro now: see the expression language's functions"},
		{"tool.name == 3", "at 1:11 of the expression: found no matching overload for '_==_' applied to '(string, int)': compare and combine values of the same type"},
		{"tool.name.x == 'y'", "at 1:10 of the expression: type 'string' does not support field selection"},
		{"claims.admin", "the expression yields a value whose type is only known later, not a bool: compare it, as in `claims.admin == true`"},
		{"1 + 2", "the expression yields int, not a bool: compare it, as in `claims.admin == true`"},
		{"tool.name ==", "at 1:13 of the expression: Syntax error: mismatched input '<EOF>' expecting "},
		{"google.protobuf.Timestamp{seconds: 1} == timestamp('2020-01-01T00:00:00Z')", "at 1:26 of the expression: objects cannot be made here: compare fields one by one"},
		{"has(claims)", "at 1:5 of the expression: has() asks for a member, not for a whole value"},
		{"'" + strings.Repeat("x", maxExpression) + "' == ''", "the expression is longer than 8192 bytes: split it into several rules"},
		{"tool.args.l.exists(a, tool.args.l.exists(b, a == b))", "the expression may cost 3200070003 steps for one call, more than 25000000: do not walk one list inside another, or split the rule"},
		{strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100), "expression recursion limit exceeded: 64"},
	} {
		_, err := c.Compile(tc.expr)
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%.60s:\n got %v\nwant %s", tc.expr, err, tc.want)
		}
	}
}

// What walks a list once fits the bound on cost.
func TestAffordable(t *testing.T) {
	c := compiler(t)
	for _, expr := range []string{
		"tool.args.l.exists(a, a.matches('^[a-z]+$'))",
		"tool.args.l.exists(a, a.split('/').exists(p, p == 'infra'))",
		"tool.args.l.all(a, a in scopes)",
		"claims.groups.exists(g, claims.teams.exists(t, g == t))",
		"tool.args.l.map(x, x + 'a').exists(y, y == 'aa')",
		"tool.args.body.contains('x') || tool.args.body.matches('(a|b)+c')",
	} {
		compile(t, c, expr)
	}
}

func TestWhatAnExpressionReads(t *testing.T) {
	c := compiler(t)
	for _, tc := range []struct {
		expr      string
		roots     string
		args      bool
		scopes    []string
		unguarded []string
	}{
		{"true", "", false, nil, nil},
		{"'a' in scopes", "scopes", false, []string{"a"}, nil},
		{"scopes.exists(s, s == 'a' || 'b' == s)", "scopes", false, []string{"a", "b"}, nil},
		{"claims.scp.exists(s, s == 'a')", "claims", false, []string{"a"}, []string{"claims.scp"}},
		{"'a' in claims.scope", "claims", false, []string{"a"}, []string{"claims.scope"}},
		{"claims.groups.exists(s, s == 'a')", "claims", false, nil, []string{"claims.groups"}},
		{"has(claims.team.name)", "claims", false, nil, []string{"claims.team"}},
		{"has(claims.team) && claims.team.name == 'x'", "claims", false, nil, nil},
		{"'team' in claims && claims['team'] == 'x'", "claims", false, nil, nil},
		{"claims['team'] == 'x' || jwt.org == 'y'", "claims", false, nil, []string{"claims.team", "jwt.org"}},
		{"tool.args.x == 1", "tool, mcp", true, nil, nil},
		{"has(mcp.tool.arguments.x)", "tool, mcp", true, nil, nil},
		{"has(tool.args)", "tool, mcp", true, nil, nil},
		{"tool.name == 'x'", "tool, mcp", false, nil, nil},
		{"llm.model == 'x' && llm.stream", "llm", false, nil, nil},
		{"tool.name == 'x' && resource.uri == 'y'", "tool, mcp, resource", false, nil, nil},
		{"[tool.name].exists(t, t == source)", "source, tool, mcp", false, nil, nil},
		{"{'a': prompt.name}.a == 'x'", "mcp, prompt", false, nil, nil},
		{"scopes.exists(s, s == tool.args.scope)", "scopes, tool, mcp", true, nil, nil},
	} {
		p := compile(t, c, tc.expr)
		if p.Roots().String() != tc.roots || p.ReadsArgs() != tc.args || !reflect.DeepEqual(p.ScopeTests(), tc.scopes) || !reflect.DeepEqual(p.Unguarded(), tc.unguarded) {
			t.Errorf("%s: roots %s, args %v, scopes %q, unguarded %q", tc.expr, p.Roots(), p.ReadsArgs(), p.ScopeTests(), p.Unguarded())
		}
	}
}

func TestSettled(t *testing.T) {
	c := compiler(t)
	for expr, want := range map[string]string{
		"false": "0 true", "true": "1 true", "true || 'a' in scopes": "1 true", "1 == 2 && claims.x == 1": "0 true",
		"'a' in scopes": "0 false", "1 / 0 == 1 && claims.x == 1": "0 false",
	} {
		if truth, known := compile(t, c, expr).Fold(sample()).Settled(); fmt.Sprint(truth, " ", known) != want {
			t.Errorf("%s: %v, %v", expr, truth, known)
		}
	}
}
