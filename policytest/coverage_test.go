package policytest

import (
	"context"
	"strings"
	"testing"
)

// covered renders the rules that hold, a name each.
func covered(r *Report) string {
	var names []string
	for _, rule := range r.Rules {
		if rule.Covered {
			names = append(names, rule.Name)
		}
	}
	return strings.Join(names, ", ")
}

// TestCoverage: a rule of every kind is covered by the case for which it holds,
// decides or not, and by no other.
func TestCoverage(t *testing.T) {
	for name, c := range map[string]struct{ cases, want string }{
		"nothing":        {"call: {tool: unheard}", ""},
		"an expression":  {"principal: reader, call: {tool: get_x}", "backend.mcp.authorization[0]"},
		"the second one": {"principal: spaced, call: {tool: put_x}", "backend.mcp.authorization[1]"},
		"a deny, and the allow that it overrules": {
			"principal: reader, call: {tool: get_nothing}", "backend.mcp.authorization[0], backend.mcp.denyPolicy[1]",
		},
		"a named deny, and what it overrules": {
			"principal: lead, call: {tool: put_x, arguments: {to: ice}}", "backend.mcp.authorization[1], rules[1] on-ice",
		},
		"a named allow":                  {"principal: lead, call: {tool: admin_x}", "rules[0] leads"},
		"one without a condition":        {"call: {tool: mail}", "rules[2] mail"},
		"a module":                       {"call: {tool: get_merge}", "rego"},
		"a model":                        {"chat: {model: gpt-5, prompt: hi}", "backend.llm.models"},
		"a model that is not listed":     {"chat: {model: x, prompt: hi}", "backend.llm.models"},
		"a refused token covers nothing": {"principal: stranger, call: {tool: mail}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := report(t, policyYAML, headYAML+principalsYAML+"  cases:\n    - {name: c, "+c.cases+", expect: {effect: Deny}}\n", Options{Coverage: true})
			if len(r.Rules) != 9 {
				t.Errorf("%d rules", len(r.Rules))
			}
			if got := covered(r); got != c.want {
				t.Errorf("covered %q, want %q", got, c.want)
			}
		})
	}
}

// TestCoverageOfEveryPolicy: rules count in every policy, also where another
// one decides or the policy only observes.
func TestCoverageOfEveryPolicy(t *testing.T) {
	const policies = `apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: one}
spec:
  traffic: {rateLimiting: [{per: Global, limits: [{requestsPerMinute: 1}]}]}
  rules: [{name: all, allow: {}}, {name: no-x, deny: {tools: [x]}}]
---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: two}
spec:
  rules: [{name: a-or-x, allow: {tools: [a, x]}}, {name: b, allow: {tools: [b]}}]
---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: tried}
spec:
  enforcement: Observe
  rules: [{name: no-a, deny: {tools: [a]}}, {name: no-x, deny: {tools: [x]}}]
---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: of-others}
spec:
  agents: {names: [other]}
  rules: [{name: all, allow: {}}]
`
	r := report(t, policies, headYAML+`  cases:
    - {name: a, call: {tool: a}, expect: {effect: Allow}}
    - {name: x, call: {tool: x}, expect: {effect: Deny}}
`, Options{Coverage: true})
	var got []string
	for _, rule := range r.Rules {
		if rule.Covered {
			got = append(got, rule.Policy+" "+rule.Name)
		}
	}
	want := "one rules[0] all, one rules[1] no-x, two rules[0] a-or-x, tried rules[0] no-a, tried rules[1] no-x"
	if strings.Join(got, ", ") != want || len(r.Rules) != 7 {
		t.Errorf("got %s of %d, want %s of 7", strings.Join(got, ", "), len(r.Rules), want)
	}
	if r.Percent() != 71 || r.Covered() != 5 {
		t.Errorf("%d %% of %d", r.Percent(), r.Covered())
	}
}

// TestCoverageOfLayersAndLists: what rules read of their policy stays with
// them, and rules on lists are seen at lists.
func TestCoverageOfLayersAndLists(t *testing.T) {
	const policies = `apiVersion: outrider.dev/v1
kind: ClusterAgentPolicy
metadata: {name: security}
spec:
  traffic: {jwtAuthentication: {providers: [{issuer: "` + issuerURL + `", audiences: [api], jwks: {file: keys.json}}]}}
  rules: [{name: all, allow: {}}, {name: no-drops, deny: {tools: ["drop_*"]}}]
---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: team}
spec:
  claims: {team: {type: String, default: none}}
  variables: [{name: ours, expression: claims.team == 'shop'}]
  rules:
    - {name: ours, allow: {tools: ["*"]}, when: variables.ours}
    - {name: unlisted, deny: {tools: ["old_*"], phases: [List]}}
    - {name: listed, allow: {tools: ["new_*"], phases: [List]}}
    - {name: unseen, deny: {tools: ["gone_*"], phases: [List]}}
`
	r := report(t, policies, headYAML+`  principals: [{name: member, claims: {team: shop}}]
  cases:
    - {name: call, principal: member, call: {tool: drop_it}, expect: {effect: Deny}}
    - {name: list, principal: member, list: {tools: [old_a, new_a, any]}, expect: {visible: [new_a, any]}}
`, Options{Coverage: true})
	want := "rules[0] all, rules[1] no-drops, rules[0] ours, rules[1] unlisted, rules[2] listed"
	if got := covered(r); got != want || len(r.Rules) != 6 || r.Failed() > 0 {
		t.Errorf("covered %q of %d, %d failed", got, len(r.Rules), r.Failed())
	}
}

// TestCoverageAgreesWithVerdicts: every rule that a verdict names is covered,
// under the name and at the place that the verdict says.
func TestCoverageAgreesWithVerdicts(t *testing.T) {
	suites, err := Load("../examples/policies")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(context.Background(), suites, Options{Coverage: true})
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, rule := range r.Rules {
		at := rule.At
		at.File = at.File[strings.LastIndex(at.File, "/")+1:]
		known[rule.Policy+": "+rule.Name+" ("+at.String()+")"] = rule.Covered
	}
	named := 0
	for _, s := range r.Suites {
		for _, one := range s.Results {
			v := one.Answer.Verdict
			if v.Reason.Rule == "" || strings.HasPrefix(v.Reason.Rule, "rego ") {
				continue
			}
			named++
			if !known[v.Policy+": "+v.Reason.Rule] {
				t.Errorf("%s: %s of %s is not covered", one.Name, v.Reason.Rule, v.Policy)
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d verdicts name a rule", named)
	}
}

// TestCoverageUnites: what one suite leaves open another one covers.
func TestCoverageUnites(t *testing.T) {
	first := headYAML + "  cases: [{name: c, call: {tool: mail}, expect: {effect: Allow}}]\n"
	second := strings.Replace(headYAML, "suite", "second", 1) + "  cases: [{name: c, call: {tool: delete_x}, expect: {effect: Deny}}]\n"
	r := report(t, policyYAML, first+"---\n"+second, Options{Coverage: true})
	if got := covered(r); got != "backend.mcp.denyPolicy[0], rules[2] mail" || len(r.Rules) != 9 || len(r.Suites) != 2 {
		t.Errorf("covered %s of %d", got, len(r.Rules))
	}
}
