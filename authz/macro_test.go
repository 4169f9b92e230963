package authz

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// macros take a random policy's formulas apart into macros, some of which call
// others, and return the formula that calls them.
type macros struct {
	rng  *rand.Rand
	text []string
}

// of writes a formula down in CEL with calls in it.
func (m *macros) of(f formula) string {
	if f.op == "atom" {
		return m.called("(" + f.atom.cel + ")")
	}
	sides := make([]string, len(f.kids))
	for i, k := range f.kids {
		sides[i] = m.of(k)
	}
	if f.op == "not" {
		return m.called("!" + sides[0])
	}
	sign := map[string]string{"and": " && ", "or": " || "}[f.op]
	if m.rng.IntN(2) == 0 {
		return m.called("(" + strings.Join(sides, sign) + ")")
	}
	params := []string{"p0", "p1", "p2"}[:len(sides)]
	return m.define(params, strings.Join(params, sign), sides)
}

// called sometimes makes a macro of an expression, with some of its names and
// texts as parameters.
func (m *macros) called(expr string) string {
	if m.rng.IntN(2) == 0 {
		return expr
	}
	for _, part := range []string{"scopes", "tool.name", "claims", "jwt", "agent.labels", "tool.args.repo", "llm.model", "'a'", "'x'"} {
		if strings.Contains(expr, part) && !strings.Contains(expr, "has("+part) && m.rng.IntN(2) == 0 {
			if with := replaceWord(expr, part, "arg"); with != expr {
				return m.define([]string{"arg"}, with, []string{part})
			}
		}
	}
	return m.define(nil, expr, nil)
}

// replaceWord puts a parameter where a word stands that no name goes on from.
func replaceWord(expr, word, by string) string {
	if word == "tool.name" {
		expr = strings.ReplaceAll(expr, "mcp.tool.name", "mcp_tool_name")
	}
	expr = strings.ReplaceAll(expr, word, by)
	return strings.ReplaceAll(expr, "mcp_tool_name", "mcp.tool.name")
}

func (m *macros) define(params []string, expr string, args []string) string {
	name := fmt.Sprintf("m%d", len(m.text))
	m.text = append(m.text, fmt.Sprintf("{name: %s, params: [%s], expression: %q}", name, strings.Join(params, ", "), expr))
	return name + "(" + strings.Join(args, ", ") + ")"
}

// inMacros is the policy with its formulas in macros.
func (p pair) inMacros(rng *rand.Rand) string {
	m := &macros{rng: rng}
	text := believing + ", rules: ["
	for i, f := range p.allows {
		text += fmt.Sprintf("{name: a%d, allow: {}, when: %q}, ", i, guards[p.kind].cel+m.of(f))
	}
	for i, f := range p.denies {
		text += fmt.Sprintf("{name: d%d, deny: {}, when: %q}, ", i, guards[p.kind].cel+m.of(f))
	}
	return "{" + text + "], macros: [" + strings.Join(m.text, ", ") + "]}"
}

// checkMacros holds a policy with macros to the same policy without.
func checkMacros(t *testing.T, seed uint64) (defined, allowed int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 13))
	p := randomPair(rng)
	with := p.inMacros(rng)
	inMacros, inCEL := load(t, policy(t, "p", with)), load(t, policy(t, "p", p.inCEL()))
	for range 15 {
		w := randomWorld(rng)
		w.r.LLM.Stream, w.provider = rng.IntN(2) == 0, pick(rng, "", "x", "y")
		want, got := w.judge(inCEL), w.judge(inMacros)
		if effect(got) != p.want(w) || effect(got) != effect(want) || got.Rule != want.Rule {
			t.Fatalf("seed %d: %s with macros, %s without\n%s\n%s\n%+v\n%+v", seed, effect(got), effect(want), with, p.inCEL(), w.r, w.p)
		}
		checkRules(t, inMacros, w.call())
		if got.Allow {
			allowed++
		}
	}
	for i, r := range inMacros.policies[0].document {
		if plain := inCEL.policies[0].document[i]; r.roots != plain.roots || r.readsArgs() != plain.readsArgs() {
			t.Fatalf("seed %d: rule %s has the roots %s, without macros %s\n%s", seed, r.label, r.roots, plain.roots, with)
		}
	}
	return strings.Count(with, "expression:"), allowed
}

func TestMacrosNeverDisagree(t *testing.T) {
	defined, allowed := 0, 0
	for seed := range uint64(150) {
		d, a := checkMacros(t, seed)
		defined, allowed = defined+d, allowed+a
	}
	if defined < 300 || allowed < 200 || allowed > 2000 {
		t.Errorf("%d macros, %d of 2250 calls are allowed", defined, allowed)
	}
}

// FuzzMacros looks for a policy that macros change.
func FuzzMacros(f *testing.F) {
	for seed := range uint64(10) {
		f.Add(seed * 6151)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { checkMacros(t, seed) })
}

// Macros may be called wherever a policy has expressions, and read variables
// that read macros.
func TestMacrosEverywhere(t *testing.T) {
	set := load(t, policy(t, "p", "{"+believing+`, macros: [
  {name: scoped, params: [s], expression: "s in scopes"},
  {name: trusted, expression: "scoped('read') && variables.team == 'x'"},
  {name: tagged, params: [v], expression: "'team-' + v"}],
 variables: [{name: team, expression: "scoped('read') ? claims.team : ''"}],
 backend: {mcp: {authorization: {policy: {matchExpressions: ["trusted()"]}}, denyPolicy: {matchExpressions: ["scoped('bad')"]}}},
 rules: [{name: d, deny: {tools: [put]}, when: "!scoped('write')"}],
 mutations: [{name: m, match: {tools: [get]}, when: "trusted()", set: {argument: /tag, expression: "tagged(variables.team)"}}]}`))
	who := claimed(map[string]any{"team": "x"})
	for _, tc := range []struct {
		tool, want string
		scopes     []string
	}{
		{"get", "allow", []string{"read"}},
		{"get", "not_allowed", []string{"write"}},
		{"get", "denied_by_rule", []string{"read", "bad"}},
		{"put", "denied_by_rule", []string{"read"}},
		{"put", "allow", []string{"read", "write"}},
	} {
		who.Scopes = tc.scopes
		if out := judge(set, toolCall(tc.tool, "{}"), who); effect(out) != tc.want {
			t.Errorf("%+v: %+v", tc, out)
		}
	}
	who.Scopes = []string{"read"}
	r := toolCall("get", "{}")
	changes, failed := set.Select(&r.Caller).Mutate(world{r: r, p: who}.call())
	if failed != nil || len(changes) != 1 || string(changes[0].Value) != `"team-x"` {
		t.Errorf("%+v %+v", changes, failed)
	}
}

// A mistake in a call stands where the call stands, and names the place in the
// macro where it is.
func TestMacroErrorsPointIntoTheFile(t *testing.T) {
	for spec, want := range map[string]string{
		`{macros: [{name: m, params: [x], expression: "x.startsWith('a')"}], rules: [{name: r, deny: {}, when: "true && m(1)"}]}`: "spec.rules[0].when 1:10: policy p, spec.rules[0].when: in the macro m (spec.macros[0].expression 1:13): found no matching overload for 'startsWith'",
		`{macros: [{name: m, params: [x], expression: "x == tool.nam"}]}`:                                                         "spec.macros[0].expression 1:6: policy p, spec.macros[0].expression: no field tool.nam: did you mean tool.name?",
		`{macros: [{name: m, expression: "variables.w"}], variables: [{name: v, expression: "m()"}, {name: w, expression: "1"}]}`: "spec.variables[0].expression 1:2: policy p, spec.variables[0].expression: in the macro m (spec.macros[0].expression 1:1): variables.w is not defined yet",
		`{macros: [{name: m, params: [x], expression: "x"}], rules: [{name: r, deny: {}, when: "n(1)"}]}`:                         "spec.rules[0].when 1:2: policy p, spec.rules[0].when: no function or macro n",
	} {
		src := policy(t, "p", spec)
		src.In = func(path, _ string, line, column int) string { return fmt.Sprintf("%s %d:%d", path, line, column) }
		if _, err := NewSet([]Source{src}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		src.In = nil
		if _, err := NewSet([]Source{src}); err == nil || !strings.Contains(err.Error(), "of the expression: ") {
			t.Errorf("without places: %v", err)
		}
	}
}

// Rules are explained by the pieces that their macros put in.
func TestMacrosAreExplainedExpanded(t *testing.T) {
	set := load(t, policy(t, "p", "{"+believing+`, macros: [{name: mayRead, params: [p], expression: "tool.name.startsWith(p) && 'read' in scopes"}],
 rules: [{name: r, allow: {}, when: "mayRead('get_')"}]}`))
	r := toolCall("get_a", "{}")
	out := set.Select(&r.Caller).Explain(world{r: r, p: claimed(map[string]any{})}.call(), world{r: r, p: claimed(map[string]any{})}.call())
	raw, err := json.Marshal(out.Rules[0].When)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), `\"`, `"`)
	for _, want := range []string{`tool.name.startsWith("get_")`, `"read" in scopes`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
}
