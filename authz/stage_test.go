package authz

import (
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// guarded is a call that the guards have read.
func guarded(r *decision.Request, provider string, answer bool, types ...string) *input.Call {
	c := input.New(r, nil)
	c.Provider, c.Guarded, c.Answer = provider, true, answer
	for _, t := range types {
		c.Found = append(c.Found, input.Finding{Type: t, Origin: "user", Kind: "prompt", Confidence: 1, Phase: input.PhaseCall})
	}
	return c
}

// A rule has its say at its own time and at no other.
func TestRulesHaveTheirTime(t *testing.T) {
	set := load(t, policy(t, "p", `{rules: [
  {name: all, allow: {}},
  {name: now, deny: {tools: [a]}},
  {name: call, deny: {tools: [b], phases: [Call]}},
  {name: list, deny: {tools: [c], phases: [List]}},
  {name: result, deny: {tools: [d], phases: [Result]}},
  {name: always, deny: {tools: [e], phases: [List, Call, Result]}},
  {name: found, deny: {tools: [f]}, when: "findings.exists(x, x.type == 'pii.email')"},
  {name: leaked, deny: {tools: [g], phases: [Result]}, when: "findings.exists(x, x.type == 'pii.email')"},
  {name: both, deny: {tools: [h], phases: [Call, Result]}, when: "findings.exists(x, x.type == 'pii.email')"},
  {name: args, deny: {tools: [i], phases: [Result]}, when: "tool.args.n == 1"}]}`))
	for tool, want := range map[string]string{
		"a": "call list", "b": "call", "c": "list", "d": "answer", "e": "call list answer",
		"f": "guarded", "g": "answer", "h": "guarded answer", "i": "answer", "j": "",
	} {
		r := toolCall(tool, `{"n":1}`)
		sel := set.Select(&r.Caller)
		var got []string
		for _, at := range []struct {
			name  string
			allow bool
		}{
			{"call", sel.Judge(input.New(r, nil)).Allow},
			{"list", sel.Visible(input.New(mcpCall("tools/list"), nil), []decision.Tool{r.Tool})[0]},
			{"guarded", sel.Judge(guarded(r, "", false, "pii.email")).Allow},
			{"answer", sel.Judge(guarded(r, "", true, "pii.email")).Allow},
		} {
			if !at.allow {
				got = append(got, at.name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s is refused in %q, want %q", tool, got, want)
		}
		if judges, _ := sel.JudgesAnswer(input.New(r, nil)); judges != strings.Contains(want, "answer") {
			t.Errorf("%s: its answer is judged: %v", tool, judges)
		}
	}
	caller := copilot()
	if sel := set.Select(&caller); !sel.Waits() || sel.ReadsProviders() {
		t.Error("the set waits for guards and not for providers")
	}
}

// A deny that reads findings denies when it cannot be evaluated, as any other.
func TestFailingDenyAfterTheGuards(t *testing.T) {
	set := load(t, policy(t, "p", `{rules: [{name: all, allow: {}}, {name: broken, deny: {phases: [Call, Result]}, when: "findings[0].confidence > 0.5"}]}`))
	r := toolCall("a", "")
	for _, answer := range []bool{false, true} {
		if got := effect(set.Select(&r.Caller).Judge(guarded(r, "", answer))); got != "rule_error" {
			t.Errorf("without a finding: %s", got)
		}
		if got := effect(set.Select(&r.Caller).Judge(guarded(r, "", answer, "x"))); got != "denied_by_rule" {
			t.Errorf("with a finding: %s", got)
		}
	}
}

// Rules about providers hold for each provider by itself.
func TestRulesAboutProviders(t *testing.T) {
	for name, tc := range map[string]struct {
		rules string
		want  string // providers of m1 that pass, of a, b and none
	}{
		"deny":           {`[{name: d, deny: {providers: [b]}}]`, "a -"},
		"deny by glob":   {`[{name: d, deny: {providers: ["*"]}}]`, ""},
		"deny a model":   {`[{name: d, deny: {providers: [b], models: [m2]}}]`, "a b -"},
		"deny in when":   {`[{name: d, deny: {}, when: "llm.provider == 'b' && llm.model == 'm1'"}]`, "a -"},
		"deny that errs": {`[{name: d, deny: {providers: [b]}, when: "claims.x == 1"}]`, "a -"},
		"allow":          {`[{name: d, allow: {providers: [b]}}]`, "b"},
		"allow in when":  {`[{name: d, allow: {}, when: "llm.provider in ['a', 'c']"}]`, "a"},
		"both":           {`[{name: d, allow: {models: [m1]}}, {name: e, deny: {providers: [a]}}]`, "b -"},
		"of MCP":         {`[{name: d, deny: {tools: [x]}}]`, "a b -"},
	} {
		t.Run(name, func(t *testing.T) {
			set, r := load(t, policy(t, "p", "{rules: "+tc.rules+"}")), llmCall("m1")
			sel := set.Select(&r.Caller)
			var got []string
			for _, provider := range []string{"a", "b", "-"} {
				c := input.New(r, nil)
				c.Provider = provider
				if sel.Judge(c).Allow {
					got = append(got, provider)
				}
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("passes to %q, want %q", got, tc.want)
			}
			if sel.ReadsProviders() != (name != "of MCP") {
				t.Errorf("reads providers: %v", sel.ReadsProviders())
			}
		})
	}
}

// A module may ask for providers and, in deny, for findings.
func TestModulesHaveTheirTime(t *testing.T) {
	const head = "package outrider\n"
	for name, tc := range map[string]struct {
		module             string
		providers, waits   bool
		call, found, other string // with a finding after the guards; to provider b
	}{
		"plain":     {head + `deny contains "no" if input.llm.model == "m1"`, false, false, "denied_by_rule", "allow", "denied_by_rule"},
		"provider":  {head + `deny contains "no" if input.llm.provider == "b"`, true, false, "allow", "allow", "denied_by_rule"},
		"findings":  {head + `deny contains "no" if input.findings[_].type == "pii.email"`, false, true, "allow", "denied_by_rule", "allow"},
		"hands on":  {head + "deny contains \"no\" if f(input)\nf(x) if x.llm.model == \"m1\"\nvisible := true", true, false, "denied_by_rule", "allow", "denied_by_rule"},
		"allows it": {head + `allow if input.llm.provider == "b"`, true, false, "not_allowed", "allow", "allow"},
	} {
		t.Run(name, func(t *testing.T) {
			src := policy(t, "p", "{}")
			src.Doc.Spec.Rego = tc.module
			set, r := load(t, src), llmCall("m1")
			sel := set.Select(&r.Caller)
			if sel.ReadsProviders() != tc.providers || sel.Waits() != tc.waits {
				t.Errorf("reads providers %v, waits %v", sel.ReadsProviders(), sel.Waits())
			}
			b := input.New(r, nil)
			b.Provider = "b"
			call, found, other := effect(sel.Judge(input.New(r, nil))), effect(sel.Judge(guarded(r, "a", false, "pii.email"))), effect(sel.Judge(b))
			if call != tc.call || found != tc.found || other != tc.other {
				t.Errorf("call %s, after the guards %s, to b %s", call, found, other)
			}
			if got := effect(sel.Judge(guarded(r, "b", true, "pii.email"))); got != "allow" {
				t.Errorf("a module said of an answer: %s", got)
			}
		})
	}
}

// Observing policies tell what they would have refused, at every time.
func TestObservedAtTheirTime(t *testing.T) {
	set := load(t, policy(t, "p", `{enforcement: Observe, rules: [
  {name: found, deny: {}, when: "size(findings) > 0"},
  {name: result, deny: {models: [m1], phases: [Result]}}]}`))
	r := llmCall("m1")
	sel := set.Select(&r.Caller)
	for name, tc := range map[string]struct {
		call *input.Call
		want int
	}{
		"call": {input.New(r, nil), 0}, "found": {guarded(r, "", false, "x"), 1}, "nothing found": {guarded(r, "", false), 0}, "answer": {guarded(r, "", true), 1},
	} {
		if got := sel.Observe(tc.call); len(got) != tc.want || !sel.Judge(tc.call).Allow {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// What comes at a time when it can do nothing does not load.
func TestUntimelyRules(t *testing.T) {
	for rule, want := range map[string]string{
		`{name: a, allow: {}, when: "size(findings) == 0"}`:             "p.yaml:spec.rules[0].when: policy p, spec.rules[0].when: an allow cannot read findings, because guards read only what is allowed: write a deny",
		`{name: a, allow: {tools: [x], phases: [Call, Result]}}`:        "p.yaml:spec.rules[0].allow.phases: policy p, spec.rules[0].allow.phases: an allow says nothing about answers: write a deny",
		`{name: a, deny: {phases: [List]}, when: "size(findings) > 0"}`: "p.yaml:spec.rules[0].deny.phases: policy p, spec.rules[0].deny.phases: guards find nothing in a list of tools: use Call or Result",
		`{name: a, deny: {phases: [Answer]}}`:                           "p.yaml:spec.rules[0].deny.phases[0]: policy p, spec.rules[0].deny.phases[0]: the phase is unknown: use List, Call or Result",
		`{name: a, deny: {providers: [""]}}`:                            "p.yaml:spec.rules[0].deny.providers[0]: policy p, spec.rules[0].deny.providers[0]: the pattern is empty: write a name, or * for every name",
		`{name: a, deny: {providers: [x], tools: [y]}}`:                 "p.yaml:spec.rules[0].deny: policy p, spec.rules[0].deny: no call has both tool and llm, so the rule could never apply: write one rule for each",
		`{name: a, deny: {tools: [x]}, when: "llm.provider == 'y'"}`:    "p.yaml:spec.rules[0].when: policy p, spec.rules[0].when: no call has both tool and llm, so the rule could never apply: write one rule for each",
	} {
		if _, err := NewSet([]Source{policy(t, "p", "{rules: ["+rule+"]}")}); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", rule, err, want)
		}
	}
	src := policy(t, "p", "{backend: {mcp: {authorization: {policy: {matchExpressions: [\"size(findings) == 0\"]}}}}}")
	if _, err := NewSet([]Source{src}); err == nil || !strings.Contains(err.Error(), "matchExpressions[0]: an allow cannot read findings") {
		t.Errorf("an expression: %v", err)
	}
	for _, module := range []string{"allow if count(input.findings) == 0", "allow if input.tool.name == \"x\"\nvisible if count(input.findings) == 0"} {
		src := policy(t, "p", "{}")
		src.Doc.Spec.Rego = "package outrider\n" + module
		if _, err := NewSet([]Source{src}); err == nil || !strings.Contains(err.Error(), "allow and visible cannot read findings") {
			t.Errorf("%s: %v", module, err)
		}
	}
}

// A mutation changes the call before it is routed and guarded.
func TestUntimelyMutations(t *testing.T) {
	for _, m := range []string{
		`{name: m, match: {models: ["*"], providers: [x]}, clampMaxTokens: 9}`,
		`{name: m, when: "llm.provider == 'x'", clampMaxTokens: 9}`,
		`{name: m, match: {models: ["*"]}, when: "size(findings) > 0", clampMaxTokens: 9}`,
		`{name: m, match: {models: ["*"]}, header: {name: X-P, expression: llm.provider}}`,
	} {
		if _, err := NewSet([]Source{policy(t, "p", "{mutations: ["+m+"]}")}); err == nil || !strings.Contains(err.Error(), "spec.mutations[0]: a mutation cannot read providers or findings") {
			t.Errorf("%s: %v", m, err)
		}
	}
	src := policy(t, "p", "{}")
	src.Doc.Spec.Rego = "package outrider\nmutate contains {\"maxTokens\": 9} if input.llm.provider == \"x\""
	if _, err := NewSet([]Source{src}); err == nil || !strings.Contains(err.Error(), "mutate cannot read providers or findings") {
		t.Errorf("a module: %v", err)
	}
}
