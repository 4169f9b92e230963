package policytest

import (
	"strings"
	"testing"
)

const mutatingYAML = `apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: main}
spec:
  rules: [{name: all, allow: {}}]
  mutations:
    - {name: cap, match: {tools: [get_x]}, clamp: {argument: /n, max: 5}}
    - {name: never, match: {tools: [other]}, remove: {argument: /n}}
    - {name: team, match: {}, header: {name: X-Team, value: ops}}
    - {name: cheaper, match: {models: [gpt-5]}, model: gpt-4o-mini}
    - {name: short, match: {models: ["*"]}, clampMaxTokens: 100}
---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: trial}
spec:
  enforcement: Observe
  mutations:
    - {name: tighter, match: {tools: [get_x]}, clamp: {argument: /n, max: 3}}
`

// TestMutationExpectations: each right expectation passes, and each wrong one
// fails with what was expected and what came.
func TestMutationExpectations(t *testing.T) {
	const call, chat = "call: {tool: get_x, arguments: {n: 9}}", "chat: {model: gpt-5, prompt: hi, maxTokens: 7}"
	for name, c := range map[string]struct{ request, right, wrong, want string }{
		"mutations":      {call, "{mutations: [cap, team]}", "{mutations: [cap]}", "mutations: cap / mutations[0] cap (policy.yaml:7:7), mutations[2] team (policy.yaml:9:7)"},
		"one too many":   {call, "{arguments: {n: 5}}", "{mutations: [cap, team, short]}", "mutations: cap, team, short / mutations[0] cap (policy.yaml:7:7), mutations[2] team (policy.yaml:9:7)"},
		"headers":        {call, "{headers: {x-team: ops}}", "{headers: {X-Team: dev}}", `headers: {"x-team":"dev"} / {"x-team":"ops"}`},
		"all headers":    {call, "{headers: {X-TEAM: ops}}", "{headers: {X-Team: ops, X-Other: y}}", `headers: {"x-other":"y","x-team":"ops"} / {"x-team":"ops"}`},
		"model":          {chat, "{effect: Mutate, model: gpt-4o-mini}", "{model: gpt-5}", "model: gpt-5 / gpt-4o-mini"},
		"max tokens":     {"chat: {model: gpt-4o, prompt: hi}", "{maxTokens: 100}", "{maxTokens: 7}", "maxTokens: 7 / 100"},
		"their own ones": {chat, "{maxTokens: 7}", "{maxTokens: 100}", "maxTokens: 100 / 7"},
		"a model's kind": {"chat: {model: o3, prompt: hi}", "{maxTokens: 100}", "{mutations: [cheaper]}", "mutations: cheaper / mutations[2] team (policy.yaml:9:7), mutations[4] short (policy.yaml:11:7)"},
		"observed":       {call, "{observed: [tighter]}", "{observed: [cap]}", "observed: cap / trial: changes argument /n mutations[0] tighter (policy.yaml:19:7)"},
	} {
		t.Run(name, func(t *testing.T) {
			suite := report(t, mutatingYAML, headYAML+"  cases:\n"+
				"    - {name: right, "+c.request+", expect: "+c.right+"}\n"+
				"    - {name: wrong, "+c.request+", expect: "+c.wrong+"}\n", Options{}).Suites[0]
			if r := suite.Results[0]; !r.Passed() {
				t.Errorf("the right one fails:\n%s", mismatches(&r))
			}
			if have := mismatches(&suite.Results[1]); have != c.want {
				t.Errorf("got\n%s\nwant\n%s", have, c.want)
			}
		})
	}
}

// TestCoverageOfMutations: a mutation is covered by a case that it changes, in
// a policy that only observes, too, and mutate of a module is one with it.
func TestCoverageOfMutations(t *testing.T) {
	policies := mutatingYAML + `---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: module}
spec:
  rego: |
    package outrider
    mutate contains {"argument": "/m", "value": 1} if input.tool.name == "get_x"
---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: idle}
spec:
  rego: |
    package outrider
    mutate contains {"argument": "/m", "value": 1} if input.tool.name == "nobody"
`
	r := report(t, policies, headYAML+"  cases:\n    - {name: c, call: {tool: get_x, arguments: {n: 9}}, expect: {effect: Mutate}}\n", Options{Coverage: true})
	var covered []string
	for _, rule := range r.Rules {
		if rule.Covered {
			covered = append(covered, rule.Policy+" "+rule.Name)
		}
	}
	const want = "main rules[0] all, main mutations[0] cap, main mutations[2] team, trial mutations[0] tighter, module rego"
	if got := strings.Join(covered, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
