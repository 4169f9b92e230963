package authz

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/cel"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// checkPair holds together what a random policy says of random calls in CEL as
// it is evaluated, in CEL as it was written, in Rego, and in Go.
func checkPair(t *testing.T, seed uint64) (allowed int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 11))
	p := randomPair(rng)
	inCEL, inRego := load(t, policy(t, "p", p.inCEL())), load(t, policy(t, "p", p.inRego()))
	for range 25 {
		w := randomWorld(rng)
		w.r.LLM.Stream, w.provider = rng.IntN(2) == 0, pick(rng, "", "x", "y")
		want, byCEL, byRego := p.want(w), effect(w.judge(inCEL)), effect(w.judge(inRego))
		if want == "allow" {
			allowed++
		}
		if byCEL != want || byRego != want {
			t.Fatalf("seed %d: Go says %s, CEL %s, Rego %s\n%s\n%s\n%+v\n%+v", seed, want, byCEL, byRego, p.inCEL(), p.inRego(), w.r, w.p)
		}
		checkRules(t, inCEL, w.call())
		if w.isTool() && !w.hasRepo {
			checkLists(t, p, inCEL, inRego, w)
		}
	}
	return allowed
}

// checkRules holds every rule as it was written to what is made of it.
func checkRules(t *testing.T, set *Set, c *input.Call) {
	t.Helper()
	p := set.policies[0]
	for _, list := range []ruleList{p.allows, p.denies} {
		left := map[*rule]*step{}
		for _, s := range list.fold(c) {
			left[s.rule] = s
		}
		for _, r := range list.rules {
			want, got := cel.False, cel.False
			if r.applies(c) && r.target.matches(c) {
				want = r.when.Eval(c).Truth
			}
			s := left[r]
			if s != nil {
				got = s.eval(c, nil)
			}
			if got != want && !behind(list, left, r) {
				t.Fatalf("rule %s: %v as it was written, %v planned", r.label, want, got)
			}
		}
	}
}

// behind reports whether a rule stands behind one that holds anyway.
func behind(l ruleList, left map[*rule]*step, r *rule) bool {
	for _, earlier := range l.rules {
		if earlier == r {
			return false
		}
		if s := left[earlier]; s != nil && s.when == nil && s.selects {
			return true
		}
	}
	return false
}

// checkLists compares what lists show where nothing is unknown.
func checkLists(t *testing.T, p pair, inCEL, inRego *Set, w world) {
	t.Helper()
	list := mcpCall("tools/list")
	entries := []decision.Tool{{Server: "github", Name: "other"}, {Server: w.r.Tool.Server, Name: w.r.Tool.Name}}
	call := input.New(list, w.p)
	byCEL := inCEL.Select(&list.Caller).Visible(call, entries)[1]
	if p.readsArgs() {
		if !byCEL && effect(judge(inCEL, w.r, w.p)) == "allow" {
			t.Fatalf("a tool that may be called is hidden")
		}
		return
	}
	byRego := inRego.Select(&list.Caller).Visible(call, entries)[1]
	if want := p.want(w) == "allow"; byCEL != want || byRego != want {
		t.Fatalf("visible: Go says %v, CEL %v, Rego %v\n%s\n%+v", want, byCEL, byRego, p.inCEL(), w.r)
	}
}

func (p pair) readsArgs() bool {
	return slices.ContainsFunc(slices.Concat(p.allows, p.denies), formula.readsArgs)
}

func (f formula) readsArgs() bool {
	return strings.Contains(f.atom.cel, "tool.args") || slices.ContainsFunc(f.kids, formula.readsArgs)
}

// Two hundred random policies, each with what both languages and Go say of it.
func TestLanguagesNeverDisagree(t *testing.T) {
	allowed := 0
	for seed := range uint64(200) {
		allowed += checkPair(t, seed)
	}
	if allowed < 500 || allowed > 4500 {
		t.Errorf("%d of 5000 calls are allowed", allowed)
	}
}

// FuzzLanguages looks for a policy on which the four readings disagree.
func FuzzLanguages(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed * 7919)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { checkPair(t, seed) })
}

// FuzzReference looks for policies, with rules that fail among them, on which
// the package and the reference disagree.
func FuzzReference(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed * 104729)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 7))
		s := randomScene(rng)
		set := load(t, s.sources...)
		for _, w := range s.worlds {
			w.provider = pick(rng, "", "x", "y")
			if got, want := effect(w.judge(set)), decide(s.policies, w); got != want {
				t.Fatalf("got %s, the reference says %s\ncall %+v\nprincipal %+v\npolicies %v", got, want, w.r, w.p, describe(s))
			}
		}
	})
}
