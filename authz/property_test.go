package authz

import (
	"math/rand/v2"
	"slices"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// scene is some policies, the same as the reference knows them, and calls.
type scene struct {
	policies []refPolicy
	sources  []Source
	worlds   []world
}

func randomScene(rng *rand.Rand) scene {
	var s scene
	for i := range rng.IntN(4) {
		p := randomPolicy(rng)
		src := p.source(rng, i)
		s.policies, s.sources = append(s.policies, p), append(s.sources, src)
	}
	for range 12 {
		s.worlds = append(s.worlds, randomWorld(rng))
	}
	return s
}

// eachScene runs a property over random scenes that are the same every time.
func eachScene(t *testing.T, check func(t *testing.T, rng *rand.Rand, s scene)) {
	t.Helper()
	for seed := range uint64(120) {
		rng := rand.New(rand.NewPCG(seed, 7))
		check(t, rng, randomScene(rng))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func describe(s scene) []*configv1.AgentPolicy {
	docs := make([]*configv1.AgentPolicy, len(s.sources))
	for i, src := range s.sources {
		docs[i] = src.Doc
	}
	return docs
}

func TestAgreesWithReference(t *testing.T) {
	counts := map[string]int{}
	eachScene(t, func(t *testing.T, _ *rand.Rand, s scene) {
		set := load(t, s.sources...)
		for _, w := range s.worlds {
			got, want := effect(judge(set, w.r, w.p)), decide(s.policies, w)
			counts[want]++
			if got != want {
				t.Fatalf("got %s, the reference says %s\ncall %+v\nprincipal %+v\npolicies %v", got, want, w.r, w.p, describe(s))
			}
		}
	})
	for _, code := range []string{"allow", "no_policy", "denied_by_rule", "rule_error", "not_allowed", "model_not_allowed"} {
		if counts[code] < 20 {
			t.Errorf("the scenes reach %s only %d times", code, counts[code])
		}
	}
}

func TestListAgreesWithReference(t *testing.T) {
	shown := 0
	eachScene(t, func(t *testing.T, _ *rand.Rand, s scene) {
		set := load(t, s.sources...)
		for _, w := range s.worlds {
			if w.r.Method != "tools/call" {
				continue
			}
			w.listing = true
			list := mcpCall("tools/list")
			entry := decision.Tool{Server: w.r.Tool.Server, Name: w.r.Tool.Name}
			got := set.Select(&list.Caller).Visible(input.New(list, w.p), []decision.Tool{entry})[0]
			if got {
				shown++
			}
			if want := decide(s.policies, w) == "allow"; got != want {
				t.Fatalf("tool %s visible %v, the reference says %v\npolicies %v", entry.Name, got, want, describe(s))
			}
		}
	})
	if shown < 20 {
		t.Errorf("the scenes show only %d tools", shown)
	}
}

func TestHiddenMeansNotVisible(t *testing.T) {
	hidden := 0
	eachScene(t, func(t *testing.T, _ *rand.Rand, s scene) {
		set := load(t, s.sources...)
		for _, w := range s.worlds {
			out := judge(set, w.r, w.p)
			if out.Allow || w.r.Method != "tools/call" || len(s.sources) == 0 {
				if out.Reason.Hidden {
					t.Fatal("only the refused call of a tool is hidden")
				}
				continue
			}
			list := mcpCall("tools/list")
			visible := set.Select(&list.Caller).Visible(input.New(list, w.p), []decision.Tool{w.r.Tool})[0]
			if visible == out.Reason.Hidden {
				t.Fatalf("visible %v, hidden %v", visible, out.Reason.Hidden)
			}
			if out.Reason.Hidden {
				hidden++
			}
		}
	})
	if hidden < 20 {
		t.Errorf("the scenes hide only %d tools", hidden)
	}
}

// outcome is what of an Outcome must not depend on the order of anything.
type outcome struct {
	allow, hidden bool
	code          decision.Code
}

func essence(o Outcome) outcome { return outcome{o.Allow, o.Reason.Hidden, o.Reason.Code} }

func TestOrderDecidesNothing(t *testing.T) {
	eachScene(t, func(t *testing.T, rng *rand.Rand, s scene) {
		before := load(t, s.sources...)
		shuffled := slices.Clone(s.sources)
		rng.Shuffle(len(shuffled), func(a, b int) { shuffled[a], shuffled[b] = shuffled[b], shuffled[a] })
		for _, src := range shuffled {
			rng.Shuffle(len(src.Doc.Spec.Rules), func(a, b int) {
				src.Doc.Spec.Rules[a], src.Doc.Spec.Rules[b] = src.Doc.Spec.Rules[b], src.Doc.Spec.Rules[a]
			})
		}
		after := load(t, shuffled...)
		for _, w := range s.worlds {
			if a, b := essence(judge(before, w.r, w.p)), essence(judge(after, w.r, w.p)); a != b {
				t.Fatalf("%+v became %+v in another order", a, b)
			}
		}
	})
}

func TestObserveChangesNothing(t *testing.T) {
	refusals := 0
	eachScene(t, func(t *testing.T, _ *rand.Rand, s scene) {
		var enforcing []Source
		for i, p := range s.policies {
			if !p.observe {
				enforcing = append(enforcing, s.sources[i])
			}
		}
		with, without := load(t, s.sources...), load(t, enforcing...)
		for _, w := range s.worlds {
			out := judge(with, w.r, w.p)
			refusals += len(observed(with, w.r, w.p))
			switch {
			case len(enforcing) == 0 && len(s.sources) > 0:
				if !out.Allow {
					t.Fatalf("an agent with observing policies only was refused: %+v", out)
				}
			case essence(out) != essence(judge(without, w.r, w.p)):
				t.Fatal("an observing policy changed the outcome")
			}
		}
	})
	if refusals < 20 {
		t.Errorf("only %d refusals were observed", refusals)
	}
}

// What a policy in Observe reports is what it refuses once it enforces.
func TestObserveTellsWhatEnforceRefuses(t *testing.T) {
	eachScene(t, func(t *testing.T, _ *rand.Rand, s scene) {
		for _, src := range s.sources {
			src.Doc.Spec.Enforcement = "Observe"
			observing := load(t, src)
			src.Doc.Spec.Enforcement = "Enforce"
			enforcing := load(t, src)
			for _, w := range s.worlds {
				seen, out := observed(observing, w.r, w.p), judge(enforcing, w.r, w.p)
				if (len(seen) == 0) != out.Allow {
					t.Fatalf("observed %+v, enforced %+v", seen, out)
				}
				if len(seen) > 0 && (seen[0].Reason.Code != out.Reason.Code || seen[0].Reason.Message != out.Reason.Message) {
					t.Fatalf("observed %+v, enforced %+v", seen[0].Reason, out.Reason)
				}
			}
		}
	})
}

// One more deny, or one more policy, never opens a call.
func TestPoliciesOnlyNarrow(t *testing.T) {
	eachScene(t, func(t *testing.T, rng *rand.Rand, s scene) {
		if len(s.sources) == 0 || !slices.ContainsFunc(s.policies, func(p refPolicy) bool { return !p.observe && p.lists(decision.MCP) }) {
			return
		}
		extra := randomPolicy(rng)
		wide, narrow := load(t, s.sources...), load(t, append(slices.Clip(s.sources), extra.source(rng, len(s.sources)))...)
		for _, w := range s.worlds {
			if !judge(wide, w.r, w.p).Allow && judge(narrow, w.r, w.p).Allow {
				t.Fatalf("a policy more opened %s", w.r.Method)
			}
		}
	})
}
