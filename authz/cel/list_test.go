package cel

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

func TestUnknownArguments(t *testing.T) {
	c := compiler(t)
	for expr, want := range map[string]Truth{
		"tool.args.x == 1":                                           Unknown,
		"has(tool.args.x)":                                           Unknown,
		"has(tool.args)":                                             Unknown,
		"size(tool.args) == 0":                                       Unknown,
		"tool.args.l.exists(x, x == 'a')":                            Unknown,
		"mcp.tool.arguments.x.startsWith('a')":                       Unknown,
		"tool.args['x'] in [1, 2]":                                   Unknown,
		"[tool.args.x, 1].exists(x, x == 3)":                         Unknown,
		"{'a': tool.args.x}.a == 1":                                  Unknown,
		"(tool.args.x ? 1 : 2) == 1":                                 Unknown,
		"tool.name == 'list_issues' || tool.args.x == 1":             True,
		"tool.args.x == 1 || tool.name == 'list_issues'":             True,
		"tool.name == 'other' && tool.args.x == 1":                   False,
		"tool.args.x == 1 && tool.name == 'other'":                   False,
		"tool.name == 'list_issues' && tool.args.x == 1":             Unknown,
		"claims.none == 1":                                           Failed,
		"claims.none == 1 || tool.args.x == 1":                       Unknown,
		"tool.args.x == 1 && claims.none == 1":                       Unknown,
		"!(tool.args.x == 1)":                                        Unknown,
		"scopes.exists(s, s == tool.args.scope)":                     Unknown,
		"scopes.exists(s, s == 'mcp:read' || s == tool.args.scope)":  True,
		"has(tool.annotations.x)":                                    Unknown,
		"tool.args.x == tool.args.x":                                 Unknown,
		"mcp.method == 'tools/call' && tool.name.startsWith('list')": True,
	} {
		listed, p := sample().Listed(decision.Tool{Server: "github", Name: "list_issues"}), compile(t, c, expr)
		if got := p.Eval(listed); got.Truth != want {
			t.Errorf("%s: got %+v, want %v", expr, got, want)
		}
		checkTruth(t, c, p, expr, listed)
	}
}

// randomExpr builds an expression of words that are known and words that are
// not, with what fails among them.
func randomExpr(rng *rand.Rand, depth int) string {
	atoms := []string{
		"true", "false", "'mcp:read' in scopes", "tool.name.startsWith('list_')", "claims.none == 1",
		"tool.args.a == 1", "has(tool.args.a)", "tool.args.b.startsWith('x')", "tool.args.l.exists(e, e == 'x')",
		"tool.args.l.all(e, e != 'x')", "size(tool.args) > 1", "scopes.exists(s, s == tool.args.b)", "'a' in tool.args",
	}
	if depth == 0 {
		return atoms[rng.IntN(len(atoms))]
	}
	a, b := randomExpr(rng, depth-1), randomExpr(rng, depth-1)
	switch rng.IntN(5) {
	case 0:
		return "!(" + a + ")"
	case 1:
		return fmt.Sprintf("(%s) == (%s)", a, b)
	case 2:
		return fmt.Sprintf("(%s ? %s : %s)", a, b, randomExpr(rng, depth-1))
	case 3:
		return fmt.Sprintf("(%s && %s)", a, b)
	default:
		return fmt.Sprintf("(%s || %s)", a, b)
	}
}

// What a list decides without the arguments holds for all arguments.
func TestListDecidesOnlyWhatHoldsForAllArguments(t *testing.T) {
	c := compiler(t)
	rng := rand.New(rand.NewPCG(1, 2))
	arguments := []string{
		`{}`, `{"a":1}`, `{"a":2,"b":"xy"}`, `{"b":7}`, `{"b":"mcp:read","l":["x"]}`, `{"l":[]}`, `{"a":"1","l":"x"}`, `{"a":1,"b":"x","l":["x","y",3]}`,
	}
	counts := map[Truth]int{}
	for range 1500 {
		expr := randomExpr(rng, 1+rng.IntN(3))
		p := compile(t, c, expr)
		tool := decision.Tool{Server: "github", Name: []string{"list_a", "get_a"}[rng.IntN(2)]}
		listed := p.Eval(sample().Listed(tool)).Truth
		checkTruth(t, c, p, expr, sample().Listed(tool))
		counts[listed]++
		if listed == Unknown {
			continue
		}
		for _, args := range arguments {
			r := *sample().Request
			r.Tool = tool
			r.Tool.Args = []byte(args)
			call := input.New(&r, sample().Principal)
			checkTruth(t, c, p, expr, call)
			if got := p.Eval(call); got.Truth != listed {
				t.Fatalf("%s: the list says %v, with %s it is %+v", expr, listed, args, got)
			}
		}
	}
	for _, truth := range []Truth{True, False, Unknown, Failed} {
		if counts[truth] < 50 {
			t.Errorf("only %d expressions end in %v", counts[truth], truth)
		}
	}
}

// FuzzCompile: no text makes the compiler or an evaluation panic, an error is
// always an Error, and what does not read arguments never ends in Unknown.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		"true", "claims.scp.exists(s, s == 'mcp:read') && tool.name.startsWith('list_')", "has(tool.args.repo)", "tool.nam",
		"[1,2].map(x, x)[0] == 1", "{'a':1}.a == tool.args.n", "'x' in claims", "has(has(x))", "tool.name.matches('(')", "b'\\xff' == b'x'",
		"a.b.c.d()", "@result == 1", "tool.args.exists(k, k == 'a')", "claims.exists(claims, true)", "has(claims['x'].y)", "sets.contains([1],[1])", "\xff",
	} {
		f.Add(seed)
	}
	c := compiler(f)
	f.Fuzz(func(t *testing.T, expr string) {
		p, err := c.Compile(expr)
		if err != nil {
			if e := (*Error)(nil); !errors.As(err, &e) || e.Problem == "" {
				t.Fatalf("%q: %v", expr, err)
			}
			return
		}
		if got := p.Eval(sample()); got.Truth == Unknown || (got.Truth == Failed) != (got.Missing != "") {
			t.Fatalf("%q: %+v", expr, got)
		}
		listed := p.Eval(sample().Listed(decision.Tool{Name: "x", Definition: []byte("{}")}))
		if listed.Truth == Unknown && !p.ReadsArgs() {
			t.Fatalf("%q is unknown without reading arguments", expr)
		}
		checkTruth(t, c, p, expr, sample())
		checkTruth(t, c, p, expr, sample().Listed(decision.Tool{Name: "x", Definition: []byte("{}")}))
		checkTruth(t, c, p, expr, sample().Anonymous())
	})
}
