package policytest

import (
	"context"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

// TestExpectations: each right expectation passes, and each wrong one fails
// with what was expected and what came.
func TestExpectations(t *testing.T) {
	for name, c := range map[string]struct{ principal, request, right, wrong, want string }{
		"effect": {"reader", "call: {tool: get_x}", "{effect: Allow}", "{effect: Deny}", "effect: Deny / Allow"},
		"code": {
			"reader", "call: {tool: put_x}", "{code: not_allowed}", "{code: denied_by_rule}",
			"code: denied_by_rule / not_allowed",
		},
		"no code": {"reader", "call: {tool: get_x}", "{effect: Allow}", "{code: not_allowed}", "code: not_allowed / nothing"},
		"rule of an allow": {
			"reader", "call: {tool: get_x}", "{rule: 'authorization[0] (policy.yaml:'}", "{rule: leads}",
			"rule: leads / backend.mcp.authorization[0] (policy.yaml:12:51)",
		},
		"message": {
			"spaced", "call: {tool: put_x, arguments: {to: ice}}", "{message: cold, rule: on-ice}", "{message: hot}",
			"message: hot / Too cold.",
		},
		"a module's message": {"reader", "call: {tool: get_merge}", "{message: no merges, rule: rego}", "{effect: Allow}", "effect: Allow / Deny"},
		"arguments": {
			"nobody", "call: {tool: mail, arguments: {to: ann@example.com, n: 1, deep: {a: [null, true]}}}",
			`{effect: Mutate, arguments: {to: "[EMAIL]", n: 1, deep: {a: [null, true]}}}`, "{arguments: {to: x}}",
			`arguments: {"to":"x"} / {"deep":{"a":[null,true]},"n":1,"to":"[EMAIL]"}`,
		},
		"arguments of a denied call": {
			"nobody", "call: {tool: delete_x, arguments: {a: 1}}", "{effect: Deny}", "{arguments: {a: 1}}",
			`arguments: {"a":1} / nothing`,
		},
		"text": {
			"nobody", "chat: {model: gpt-5, prompt: call 212-555-0100 now}", `{effect: Mutate, text: "call [PHONE] now"}`, "{text: x}",
			"text: x / call [PHONE] now",
		},
		"findings": {
			"nobody", "chat: {model: gpt-5, prompt: ann@example.com and bob@example.com at 212-555-0100}", "{findings: [pii.phone, pii.email]}", "{findings: [pii.email]}",
			"findings: pii.email / pii.email, pii.phone",
		},
		"visible": {
			"reader", "list: {tools: [get_b, put_a, get_a, delete_a]}", "{visible: [get_a, get_b], hidden: [delete_a, put_a]}", "{visible: [get_a], hidden: [put_a]}",
			"visible: get_a / get_a, get_b\nhidden: put_a / delete_a, put_a",
		},
		"observed": {"reader", "call: {tool: get_x}", "{effect: Allow}", "{observed: [denied_by_rule]}", "observed: denied_by_rule / nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			got := results(t, "  cases:\n"+
				"    - {name: right, principal: "+c.principal+", "+c.request+", expect: "+c.right+"}\n"+
				"    - {name: wrong, principal: "+c.principal+", "+c.request+", expect: "+c.wrong+"}\n")
			if !got[0].Passed() {
				t.Errorf("the right one fails:\n%s", mismatches(&got[0]))
			}
			if have := mismatches(&got[1]); have != c.want {
				t.Errorf("got\n%s\nwant\n%s", have, c.want)
			}
		})
	}
}

// TestPipeline: cases go the way of calls, from the token to the guards.
func TestPipeline(t *testing.T) {
	for name, c := range map[string]struct{ principal, request, expect string }{
		"scp as a list":           {"reader", "call: {tool: get_x}", "{effect: Allow}"},
		"scope as a text":         {"spaced", "call: {tool: get_x}", "{effect: Deny, code: not_allowed}"},
		"scope as a text, merged": {"spaced", "call: {tool: put_x}", "{effect: Allow, rule: 'authorization[1]'}"},
		"roles are scopes":        {"lead", "call: {tool: put_x}", "{effect: Allow}"},
		"claims keep their types": {"lead", "call: {tool: admin_x}", "{effect: Allow, rule: leads}"},
		"a foreign issuer":        {"stranger", "call: {tool: get_x}", "{effect: Deny, code: issuer_unknown}"},
		"a foreign audience":      {"astray", "call: {tool: get_x}", "{effect: Deny, code: audience_mismatch}"},
		"no token, optional":      {"nobody", "call: {tool: get_x}", "{effect: Deny, code: not_allowed}"},
		"a list without a token":  {"nobody", "list: {tools: [get_x, mail]}", "{effect: Allow, visible: [mail]}"},
		"a list by a stranger":    {"stranger", "list: {tools: [get_x, mail]}", "{effect: Deny, code: issuer_unknown, hidden: [get_x, mail]}"},
		"an unlisted model":       {"nobody", "chat: {model: llama-4, prompt: hi}", "{effect: Deny, code: model_not_allowed}"},
		"a conversation":          {"nobody", "chat: {model: gpt-5, messages: [{role: system, content: a}, {role: user, content: b}], stream: true}", "{effect: Allow, text: b}"},
		"the handshake":           {"nobody", "method: {name: initialize, params: {protocolVersion: '2025-06-18'}}", "{effect: Allow}"},
		"a notification":          {"nobody", "method: {name: notifications/initialized}", "{effect: Allow}"},
		"a resource":              {"reader", "method: {name: resources/read, params: {uri: 'a://b'}}", "{effect: Deny, code: not_allowed}"},
		"a prompt without a name": {"reader", "method: {name: prompts/get}", "{effect: Deny, code: body_invalid}"},
		"an unknown method":       {"reader", "method: {name: tools/destroy}", "{effect: Deny, code: method_unknown}"},
		"a server's method":       {"reader", "method: {name: sampling/createMessage}", "{effect: Deny, code: method_unknown}"},
	} {
		t.Run(name, func(t *testing.T) {
			got := results(t, "  cases:\n    - {name: c, principal: "+c.principal+", "+c.request+", expect: "+c.expect+"}\n")
			if !got[0].Passed() {
				t.Errorf("%s", mismatches(&got[0]))
			}
		})
	}
}

// TestServers: the names of servers are those of the cases, and rules see the
// name that the agent sees.
func TestServers(t *testing.T) {
	const policy = `apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: main}
spec:
  rules:
    - {name: one, allow: {tools: [a], servers: [one]}, when: "tool.exposed == 'one__a'"}
    - {name: plain, allow: {tools: [a], servers: [server]}}
    - {name: alone, allow: {tools: [b], servers: [only]}, when: "tool.exposed == 'b'"}
`
	several := headYAML + `  cases:
    - {name: named, call: {tool: a, server: one}, expect: {effect: Allow, rule: one}}
    - {name: other, call: {tool: a, server: two}, expect: {effect: Deny}}
    - {name: unnamed, call: {tool: a}, expect: {effect: Allow, rule: plain}}
    - {name: list, list: {tools: [a, b], server: one}, expect: {visible: [a]}}
`
	one := headYAML + `  cases:
    - {name: named, call: {tool: b, server: only}, expect: {effect: Allow, rule: alone}}
    - {name: unnamed, call: {tool: b}, expect: {effect: Allow, rule: alone}}
`
	for _, tests := range []string{several, one} {
		for _, r := range report(t, policy, tests, Options{}).Suites[0].Results {
			if !r.Passed() {
				t.Errorf("%s: %s", r.Name, mismatches(&r))
			}
		}
	}
}

// TestMatrices: each cell is a case with a place of its own.
func TestMatrices(t *testing.T) {
	got := results(t, `  matrices:
    - name: table
      arguments: {to: ice}
      table: |
        tool   reader  spaced  nobody
        get_x  Allow   Deny    -
        put_x  Deny    Allow   Deny
`)
	var lines []string
	for i := range got {
		lines = append(lines, strings.TrimSpace(got[i].Name+" "+got[i].At.String()+" "+mismatches(&got[i])))
	}
	want := `table: get_x by reader tests.yaml:19:9
table: get_x by spaced tests.yaml:19:9
table: put_x by reader tests.yaml:20:9
table: put_x by spaced tests.yaml:20:9 effect: Allow / Deny
table: put_x by nobody tests.yaml:20:9`
	if strings.Join(lines, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), want)
	}
}

const limitedYAML = `apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: main}
spec:
  traffic: {rateLimiting: [{per: Global, limits: [{requestsPerMinute: 1}, {tokensPerMinute: 1000}]}]}
  rules: [{name: all, allow: {}}]
`

// TestCasesDoNotReachEachOther: a limit that one case used up is whole for the
// next; a case that is too much by itself is refused.
func TestCasesDoNotReachEachOther(t *testing.T) {
	long := strings.Repeat("word ", 2000)
	got := report(t, limitedYAML, headYAML+`  cases:
    - {name: one, call: {tool: a}, expect: {effect: Allow}}
    - {name: two, call: {tool: a}, expect: {effect: Allow}}
    - {name: three, chat: {model: m, prompt: short}, expect: {effect: Allow}}
    - {name: four, chat: {model: m, prompt: `+long+`}, expect: {effect: Deny, code: rate_limited}}
    - {name: five, chat: {model: m, prompt: short}, expect: {effect: Allow}}
`, Options{})
	for _, r := range got.Suites[0].Results {
		if !r.Passed() {
			t.Errorf("%s: %s", r.Name, mismatches(&r))
		}
	}
}

func TestObserved(t *testing.T) {
	const policy = `apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: tried}
spec:
  enforcement: Observe
  rules: [{name: no-x, deny: {tools: [x]}}]
`
	got := report(t, policy, headYAML+`  cases:
    - {name: seen, call: {tool: x}, expect: {effect: Allow, observed: [no-x, denied_by_rule, tried]}}
    - {name: unseen, call: {tool: x}, expect: {observed: [no-x, no-y]}}
`, Options{}).Suites[0].Results
	if !got[0].Passed() || !strings.HasPrefix(mismatches(&got[1]), "observed: no-y / tried: denied_by_rule rules[0] no-x (policy.yaml:") {
		t.Errorf("got %q and %q", mismatches(&got[0]), mismatches(&got[1]))
	}
}

// TestPattern: names are matched as document/case.
func TestPattern(t *testing.T) {
	tests := headYAML + `  cases:
    - {name: one, call: {tool: mail}, expect: {effect: Allow}}
    - {name: two, call: {tool: mail}, expect: {effect: Deny}}
`
	for p, want := range map[string]int{"": 2, "^suite/one$": 1, "two": 1, "suite/": 2, "^one": 0} {
		r := report(t, policyYAML, tests, Options{Pattern: pattern(p)})
		if r.Cases() != want || len(r.Suites) != min(want, 1) {
			t.Errorf("%q: %d cases in %d suites, want %d", p, r.Cases(), len(r.Suites), want)
		}
	}
}

// TestRequestsAreNew: the engine completes what it is asked, so that no case
// may be asked twice with one request.
func TestRequestsAreNew(t *testing.T) {
	suites, err := Load(write(t, policyYAML, headYAML+"  cases: [{name: c, call: {tool: mail}, expect: {effect: Allow}}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	q := suites[0].questions()[0]
	first, err := suites[0].request(q)
	if err != nil {
		t.Fatal(err)
	}
	second, err := suites[0].request(q)
	if err != nil || first == second || first.ExchangeID == second.ExchangeID || !decision.ValidID(first.ExchangeID) {
		t.Errorf("got %+v and %+v, %v", first, second, err)
	}
	if _, err := suites[0].Run(context.Background(), nil); err != nil {
		t.Error(err)
	}
}
