package cel

import (
	"fmt"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
)

// macros are written as name(params) = expression.
func withMacros(t testing.TB, macros ...string) *Compiler {
	t.Helper()
	c := compiler(t)
	if err := defineMacros(c, macros...); err != nil {
		t.Fatal(err)
	}
	return c
}

func defineMacros(c *Compiler, macros ...string) error {
	type parts struct {
		name, expr string
		params     []string
	}
	var all []parts
	var names []string
	for _, m := range macros {
		head, expr, _ := strings.Cut(m, " = ")
		name, params, _ := strings.Cut(strings.TrimSuffix(head, ")"), "(")
		p := parts{name: name, expr: expr}
		if params != "" {
			p.params = strings.Split(params, ", ")
		}
		all, names = append(all, p), append(names, name)
	}
	c.AnnounceMacros(names)
	for _, p := range all {
		if err := c.DefineMacro(p.name, p.params, p.expr); err != nil {
			return err
		}
	}
	for _, p := range all {
		if err := c.CheckMacro(p.name, p.expr); err != nil {
			return err
		}
	}
	return nil
}

// A call of a macro is the same expression as what it stands for, down to the
// atoms, what it reads and what it costs.
func TestMacrosAreWhatTheyStandFor(t *testing.T) {
	c := withMacros(
		t,
		"mayRead(prefix) = tool.name.startsWith(prefix) && 'mcp:read' in scopes",
		"reader() = 'mcp:read' in scopes",
		"both(a, b) = a && b",
		"twice(x) = x + x",
		"has_scope(s) = scopes.exists(x, x == s)",
		"any_of(all_of, s) = all_of.exists(x, has_scope(x) && x == s)",
		"id(x) = x",
		"named(o) = has(o.repo) && o.repo == 'r'",
		"bound(a) = cel.bind(n, size(a), n > 1 && n == size(a))",
		"table(k) = {'a': [k], 'b': scopes}[k == 'a' ? 'a' : 'b'] == ['a']",
	)
	for call, plain := range map[string]string{
		"mayRead('list_')":                     "tool.name.startsWith('list_') && 'mcp:read' in scopes",
		"reader() || mayRead('x')":             "'mcp:read' in scopes || (tool.name.startsWith('x') && 'mcp:read' in scopes)",
		"both(reader(), !reader())":            "'mcp:read' in scopes && !('mcp:read' in scopes)",
		"twice(twice(1)) == 4":                 "(1 + 1) + (1 + 1) == 4",
		"twice(1 + 2) * 2 == 12":               "((1 + 2) + (1 + 2)) * 2 == 12",
		"has_scope('a')":                       "scopes.exists(x, x == 'a')",
		"['a'].exists(y, has_scope(y))":        "['a'].exists(y, scopes.exists(x, x == y))",
		"['a'].exists(x, has_scope(x))":        "['a'].exists(x, scopes.exists(x_1, x_1 == x))",
		"any_of(['mcp:read', 'z'], tool.name)": "['mcp:read', 'z'].exists(x, scopes.exists(x_1, x_1 == x) && x == tool.name)",
		"id(id(tool.name)) == 'x'":             "tool.name == 'x'",
		"id(tool).name == 'x'":                 "tool.name == 'x'",
		"named(tool.args)":                     "has(tool.args.repo) && tool.args.repo == 'r'",
		"named({'repo': 'r'})":                 "has({'repo': 'r'}.repo) && {'repo': 'r'}.repo == 'r'",
		"bound(scopes)":                        "cel.bind(n, size(scopes), n > 1 && n == size(scopes))",
		"[1].exists(n, bound([n, n]))":         "[1].exists(n, cel.bind(n_1, size([n, n]), n_1 > 1 && n_1 == size([n, n])))",
		"table('a')":                           "{'a': ['a'], 'b': scopes}['a' == 'a' ? 'a' : 'b'] == ['a']",
		"id(scopes.exists(s, s == 'a'))":       "scopes.exists(s, s == 'a')",
		"id(findings).size() > 0":              "findings.size() > 0",
		"[id('a')].all(k, id(k) == 'a')":       "['a'].all(k, k == 'a')",
	} {
		got, want := compile(t, c, call), compile(t, c, plain)
		if render(got.source) != render(want.source) {
			t.Errorf("%s:\ngot  %s\nwant %s", call, render(got.source), render(want.source))
		}
		if got.Roots() != want.Roots() || got.ReadsArgs() != want.ReadsArgs() || got.Stage() != want.Stage() || string(got.Sign(nil)) != string(want.Sign(nil)) {
			t.Errorf("%s: roots %s, arguments %v, stage %d", call, got.Roots(), got.ReadsArgs(), got.Stage())
		}
		if fmt.Sprint(got.ScopeTests(), got.Unguarded(), got.Guarded(), got.Literals()) != fmt.Sprint(want.ScopeTests(), want.Unguarded(), want.Guarded(), want.Literals()) {
			t.Errorf("%s: %v %v %v %v", call, got.ScopeTests(), got.Unguarded(), got.Guarded(), got.Literals())
		}
		mine, its := got.Explain(sample()), want.Explain(sample())
		if flat(&mine) != flat(&its) {
			t.Errorf("%s is explained as\n%s, not as\n%s", call, flat(&mine), flat(&its))
		}
		checkTruth(t, c, got, call, sample())
	}
}

func TestMacrosRefused(t *testing.T) {
	long := make([]string, 14)
	for i := range long {
		long[i] = fmt.Sprintf("m%d(x) = ", i)
		if i == 0 {
			long[i] += "x + x"
		} else {
			long[i] += fmt.Sprintf("m%d(m%d(x))", i-1, i-1)
		}
	}
	for _, tc := range []struct {
		macros []string
		expr   string
		want   string
	}{
		{[]string{"a(x) = x"}, "a()", "the macro a takes 1 argument, not 0: call it as a(x)"},
		{[]string{"a() = true"}, "true && a(1)", "at 1:10 of the expression: the macro a takes 0 arguments, not 1: call it as a()"},
		{[]string{"mayRead(x, y) = x == y"}, "mayRaed(1)", "no function or macro mayRaed: did you mean mayRead?"},
		{[]string{"mayRead(x) = x == 1"}, "scopes.mayRead()", "the macro mayRead is no member of a value: call it as mayRead(x)"},
		{[]string{"a() = a()"}, "", "at 1:2 of the expression: the macro a is not defined here: a macro is used below its place, and never in itself"},
		{[]string{"a() = b()", "b() = true"}, "", "the macro b is not defined here"},
		{[]string{"a(x) = x.startsWith('y')"}, "true || a(3)", "at 1:10 of the expression: in the macro a, at 1:13 of its expression: found no matching overload for 'startsWith'"},
		{[]string{"a(x) = x > 0", "b(x) = a(x) && true"}, "b('y')", "at 1:2 of the expression: in the macro a, at 1:3 of its expression: found no matching overload"},
		{[]string{"a(x) = x == tool.nam"}, "", "at 1:6 of the expression: no field tool.nam: did you mean tool.name?"},
		{[]string{"a(x) = x == 1 && 1 == 'a'"}, "", "at 1:13 of the expression: found no matching overload"},
		{[]string{"a(x) = x == 1"}, "a(tool.nam)", "at 1:3 of the expression: no field tool.nam"},
		{[]string{"a(x) = x.nam == ''"}, "a(tool)", "at 1:3 of the expression: in the macro a, at 1:2 of its expression: no field tool.nam"},
		{[]string{"a(x) = has(x)"}, "", "has() asks for a member"},
		{[]string{"a(x) = true"}, "", "the expression does not use the parameter x"},
		{[]string{"a(x) = [1].exists(x, x == 1)"}, "", "a variable of the expression hides the parameter x"},
		{[]string{"a(x, x) = x"}, "", "the parameter x stands there twice"},
		{[]string{"a() = true", "a() = true"}, "", "another macro has the same name"},
		{[]string{"a-b() = true"}, "", "the name a-b is no identifier"},
		{[]string{"in() = true"}, "", "the name in is no identifier"},
		{[]string{"true() = true"}, "", "the name true is no identifier"},
		{[]string{"while() = true"}, "", "the name while is no identifier"},
		{[]string{"a(null) = null"}, "", "the parameter null is no identifier"},
		{[]string{"size(x) = x"}, "", "the name size hides a function or a type"},
		{[]string{"exists(x) = x"}, "", "the name exists hides a function or a type"},
		{[]string{"has(x) = x"}, "", "the name has hides a function or a type"},
		{[]string{"timestamp(x) = x"}, "", "the name timestamp hides a function or a type"},
		{[]string{"ip(x) = x"}, "", "the name ip hides a function or a type"},
		{[]string{"claims() = 1"}, "", "the name claims hides a word of the vocabulary"},
		{[]string{"a(tool) = tool == 1"}, "", "the parameter tool hides a word of the vocabulary"},
		{[]string{"a(int) = int == 1"}, "", "the parameter int hides a function or a type"},
		{[]string{"a(x) = type(x) == int"}, "[1].exists(int, a(int))", "the variable int hides what the macro a reads"},
		{[]string{"a(x) = [1].exists(tool, tool == x)"}, "", "the variable tool hides a word"},
		{[]string{"a(x) = Foo{a: x} == x"}, "a(1)", "objects cannot be made here"},
		{long, "m13(1) > 1", "more than 4096 parts"},
		{[]string{"a() = true"}, strings.Repeat("a() && ", 256) + "a()", "calls macros more than 256 times"},
		{deepMacros(), "d9(true)", "nests deeper than 256 parts"},
		{[]string{"a(l) = l.exists(x, l.exists(y, l.exists(z, x == z)))"}, "a(tool.args.l)", "more than 25000000"},
		{[]string{"a() = true" + strings.Repeat(" ", maxExpression)}, "", "longer than 8192 bytes"},
	} {
		c := compiler(t)
		err := defineMacros(c, tc.macros...)
		if err == nil && tc.expr != "" {
			_, err = c.Compile(tc.expr)
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%.200s | %.60s\n got %v\nwant %s", tc.macros, tc.expr, err, tc.want)
		}
	}
}

// deepMacros nest deeper with every call.
func deepMacros() []string {
	out := []string{"d0(x) = " + strings.Repeat("!(", 30) + "x" + strings.Repeat(")", 30)}
	for i := 1; i < 10; i++ {
		out = append(out, fmt.Sprintf("d%d(x) = %sd%d(x)%s", i, strings.Repeat("!(", 30), i-1, strings.Repeat(")", 30)))
	}
	return out
}

// What goes wrong in a call is told without what the caller sent.
func TestMacrosFailAsTheyAreWritten(t *testing.T) {
	c := withMacros(t, "team(x) = claims.group == x")
	if got := compile(t, c, "team(tool.args.repo)").Eval(input.New(sample().Request, nil)); got.Truth != Failed || got.Missing != "no such key: group" {
		t.Errorf("%+v", got)
	}
}

// FuzzMacro puts expressions into each other. Nothing panics, and what loads
// comes to the same however it is evaluated.
func FuzzMacro(f *testing.F) {
	for _, s := range [][3]string{
		{"x == tool.name", "tool.name", "m(n(tool.name))"},
		{"scopes.exists(s, s == x)", "x + x", "scopes.exists(s, m(s)) && m(n('a'))"},
		{"cel.bind(y, x, y == y)", "has(x.a)", "m([1].map(y, y)) || n({'a': 1})"},
		{"x.all(k, x[k] == 1)", "{'a': x}", "m(n(1))"},
		{"type(x) == int", "x", "[1].exists(int, m(int))"},
	} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, one, two, expr string) {
		c := compiler(t)
		if c.DefineMacro("m", []string{"x"}, one) != nil || c.DefineMacro("n", []string{"x"}, two) != nil {
			return
		}
		_ = c.CheckMacro("m", one)
		p, err := c.Compile(expr)
		if err != nil {
			return
		}
		checkTruth(t, c, p, expr, sample())
		p.Explain(sample())
	})
}
