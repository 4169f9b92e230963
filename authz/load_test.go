package authz

import (
	"errors"
	"strings"
	"testing"
)

func TestDoesNotLoad(t *testing.T) {
	for _, tc := range []struct{ spec, want string }{
		{`{rules: [{name: a, allow: {}, when: "tool.nam == 'x'"}]}`, "p.yaml:spec.rules[0].when: policy p, spec.rules[0].when: at 1:1 of the expression: no field tool.nam: did you mean tool.name?"},
		{`{backend: {mcp: {authorization: {policy: {matchExpressions: ["true", "claims.x"]}}}}}`, "p.yaml:spec.backend.mcp.authorization.policy.matchExpressions[1]: policy p, spec.backend.mcp.authorization.policy.matchExpressions[1]: the expression yields a value whose type is only known later, not a bool: compare it, as in `claims.admin == true`"},
		{`{backend: {mcp: {denyPolicy: {matchExpressions: ["tool.name =="]}}}}`, "p.yaml:spec.backend.mcp.denyPolicy.matchExpressions[0]: policy p, spec.backend.mcp.denyPolicy.matchExpressions[0]: at 1:13 of the expression: Syntax error"},
		{`{backend: {mcp: {authorization: {policy: {matchExpressions: ["llm.model == 'x'"]}}}}}`, "no call has both mcp and llm, so the rule could never apply: write one rule for each"},
		{`{rules: [{name: a, allow: {}, when: "llm.model == 'x' || tool.name == 'y'"}]}`, "no call has both tool and llm, so the rule could never apply: write one rule for each"},
		{`{rules: [{name: a, deny: {tools: ["x"]}, when: "resource.uri == 'y'"}]}`, "no call has both tool and resource"},
		{`{rules: [{name: a, deny: {tools: ["x"], models: ["y"]}}]}`, "p.yaml:spec.rules[0].deny: policy p, spec.rules[0].deny: no call has both tool and llm"},
		{`{rules: [{name: a, deny: {methods: ["x"], models: ["y"]}}]}`, "no call has both mcp and llm"},
		{`{rules: [{name: a}]}`, "policy p, spec.rules[0]: the rule needs exactly one of allow and deny"},
		{`{rules: [{name: a, allow: {}, deny: {}}]}`, "the rule needs exactly one of allow and deny"},
		{`{rules: [{name: a, allow: {tools: ["x", ""]}}]}`, "policy p, spec.rules[0].allow.tools[1]: the pattern is empty: write a name, or * for every name"},
		{`{agents: {names: [""]}}`, "policy p, spec.agents.names[0]: the pattern is empty"},
		{`{enforcement: Maybe}`, "policy p, spec.enforcement: the value is unknown: use Enforce or Observe"},
		{`{backend: {llm: {models: {}}}}`, "policy p, spec.backend.llm.models.allow: the list is empty"},
		{`{backend: {mcp: {authorization: {}}}}`, "the list is empty: write an expression, or remove authorization"},
		{`{backend: {mcp: {authorization: {action: Deny, policy: {matchExpressions: ["true"]}}}}}`, "the action is unknown: use Allow"},
		{`{traffic: {jwtAuthentication: {mode: Maybe, providers: [{issuer: "x"}]}}}`, "policy p, spec.traffic.jwtAuthentication.mode: the mode is unknown"},
		{`{traffic: {jwtAuthentication: {surfaces: [Web], providers: [{issuer: "x"}]}}}`, "policy p, spec.traffic.jwtAuthentication.surfaces[0]: the surface is unknown"},
		{`{traffic: {jwtAuthentication: {}}}`, "no issuer is listed"},
		{`{rego: "package other"}`, "p.yaml:spec.rego: policy p, spec.rego: at 1:1 of the module: the package is other: write `package outrider`"},
		{`{rego: "package outrider\nallow if input.tool.args.x"}`, "define `visible`"},
	} {
		_, err := NewSet([]Source{policy(t, "p", tc.spec)})
		var e *LoadError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s:\n got %v\nwant %s", tc.spec, err, tc.want)
		}
	}
}

func TestEveryMistakeIsReported(t *testing.T) {
	_, err := NewSet([]Source{
		policy(t, "a", `{rules: [{name: x, allow: {}, when: "toool.x"}, {name: y, deny: {}, when: "1"}], rego: "nonsense"}`),
		policy(t, "b", `{enforcement: Off}`),
		policy(t, "b", `{}`),
		{Doc: parse(t, "{}")},
	})
	if err == nil {
		t.Fatal("it loaded")
	}
	for _, want := range []string{"spec.rules[0].when", "spec.rules[1].when", "spec.rego", "policy b, spec.enforcement", "another policy has the same name", "the policy has no name"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing of %q in\n%v", want, err)
		}
	}
	if n := len(strings.Split(err.Error(), "\n")); n != 6 {
		t.Errorf("%d lines:\n%v", n, err)
	}
}

func TestWarnings(t *testing.T) {
	const auth = `traffic: {jwtAuthentication: {providers: [{issuer: "https://i", audiences: [x]}]}}, `
	for _, tc := range []struct{ spec, want string }{
		{`{` + auth + `rules: [{name: a, deny: {}, when: "claims.team == 'x' || jwt.org == 'y'"}]}`, "claims.team jwt.org"},
		{`{` + auth + `rules: [{name: a, deny: {}, when: "has(claims.team) && claims.team == 'x'"}]}`, ""},
		{`{` + auth + `rules: [{name: a, allow: {}, when: "claims.team == 'x'"}]}`, ""},
		{`{` + auth + `backend: {mcp: {denyPolicy: {matchExpressions: ["claims['a'] == 1"]}}}}`, "claims.a"},
		{`{` + auth + `rules: [{name: a, allow: {}, when: "false"}]}`, "always false"},
		{`{` + auth + `rules: [{name: a, allow: {tools: ["x"], methods: ["resources/*"]}}]}`, "tools/call only"},
		{`{` + auth + `rules: [{name: a, allow: {tools: ["x"], methods: ["tools/*"]}}]}`, ""},
		{`{` + auth + `rules: [{name: a, allow: {methods: ["resource/*"]}}]}`, "no MCP method"},
		{`{` + auth + `rules: [{name: a, allow: {methods: ["resources/*"]}}]}`, ""},
		{`{rules: [{name: a, allow: {}, when: "'x' in scopes"}]}`, "believes no issuer"},
		{`{rules: [{name: a, allow: {}, when: "claims.x == 1"}]}`, "believes no issuer"},
		{`{` + auth + `rules: [{name: a, allow: {models: ["x"]}, when: "'x' in scopes"}]}`, "believes no issuer"},
		{`{` + auth + `rules: [{name: a, allow: {}, when: "'x' in scopes"}]}`, ""},
		{`{rules: [{name: a, deny: {tools: ["x"]}, when: "1 == 2 && tool.args.n == 1"}]}`, "rules[0] always false"},
		{`{rules: [{name: a, allow: {tools: ["x"]}, when: "1 == 1"}]}`, "rules[0] always true: remove"},
		{`{backend: {mcp: {authorization: {policy: {matchExpressions: ["true"]}}}}}`, "every call over MCP"},
		{`{rules: [{name: a, allow: {tools: ["get_*"]}}, {name: b, allow: {tools: ["get_a", "get_b*"]}}]}`, "rules[1] rules[0] allows every"},
		{`{rules: [{name: a, allow: {tools: ["get_a"]}}, {name: b, allow: {tools: ["get_*"]}}]}`, ""},
		{`{rules: [{name: a, allow: {tools: ["get_*"], servers: ["s"]}}, {name: b, allow: {tools: ["get_a"]}}]}`, ""},
		{`{rules: [{name: a, allow: {tools: ["get_*"], phases: [List]}}, {name: b, allow: {tools: ["get_a"]}}]}`, ""},
		{`{rules: [{name: a, allow: {tools: ["get_*"], agents: ["x"]}}, {name: b, allow: {tools: ["get_a"]}}]}`, ""},
		{`{rules: [{name: a, allow: {}}, {name: b, allow: {models: ["m"]}}]}`, "rules[0] allows every"},
		{`{rules: [{name: a, allow: {tools: ["get_a"]}}, {name: d, deny: {tools: ["*_a"]}}]}`, "rules[0] denies every call narrow"},
		{`{rules: [{name: a, allow: {}, when: "tool.name.startsWith('get_') && tool.args.n == 1"}, {name: d, deny: {tools: ["get*"]}}]}`, "rules[1] denies every"},
		{`{rules: [{name: a, allow: {}, when: "tool.name in ['get_a', 'put_a']"}, {name: d, deny: {tools: ["get_*"]}}]}`, ""},
		{`{rules: [{name: a, allow: {tools: ["get_*"]}}, {name: d, deny: {tools: ["get_*"]}, when: "tool.server == 'x'"}]}`, ""},
		{`{rules: [{name: d, deny: {tools: ["*"]}}, {name: e, deny: {tools: ["x"]}, when: "tool.server == 's'"}]}`, "rules[1] denies every"},
		{`{rules: [{name: d, deny: {tools: ["get_*", "x"]}, when: "tool.name.startsWith('put_') || tool.name == 'y'"}]}`, "no tool has"},
		{`{rules: [{name: d, deny: {tools: ["get_*"]}, when: "tool.name.startsWith('get_a')"}]}`, ""},
		{`{rules: [{name: d, deny: {tools: ["get_a*"]}, when: "tool.name.startsWith('get')"}]}`, ""},
		{`{rules: [{name: d, deny: {tools: ["*"]}, when: "tool.name == 'get'"}]}`, ""},
		{`{rules: [{name: d, deny: {tools: ["x"]}, when: "has(tool.args.n)"}, {name: e, deny: {servers: ["s"]}, when: "has(tool.args.n)"}]}`, "calls: 2; call: 1:"},
		{`{rules: [{name: d, deny: {tools: ["x", "*"]}, when: "has(tool.args.n)"}]}`, "calls: 1; call: 1:"},
		{`{rules: [{name: d, deny: {tools: ["*_x"]}, when: "has(tool.args.n)"}]}`, ""},
		{`{rules: [{name: d, deny: {tools: ["x"]}, when: "has(tool.args.n)"}, {name: e, deny: {}, when: "tool.name == 'y' && has(tool.args.n)"}]}`, ""},
		{`{rules: [{name: d, deny: {tools: ["x"]}, when: "tool.annotations.destructiveHint == true"}]}`, "rules[0] bring tool.annotations, refuses every call [List]"},
		{`{variables: [{name: v, expression: "has(tool.annotations.readOnlyHint)"}], rules: [{name: a, allow: {tools: ["x"]}, when: "variables.v"}]}`, "rules[0] allows no call"},
		{`{rules: [{name: d, deny: {tools: ["x"], phases: [List]}, when: "tool.annotations.destructiveHint == true"}]}`, ""},
		{`{mutations: [{name: m, match: {tools: [x]}, set: {argument: /a, expression: "tool.annotations.title"}}]}`, "mutations[0] mutation is denied"},
		{`{rego: "package outrider\ndeny contains \"no\" if input.tool.annotations.a"}`, "rego: deny fails refuses every call"},
		{`{rego: "package outrider\nallow if input.tool.annotations.a"}`, "rego: allows no call"},
		{`{rego: "package outrider\nallow := true\nvisible if input.tool.annotations.a"}`, ""},
		{`{rules: [{name: d, deny: {}, when: "findings.size() > 0"}]}`, "rules[0] reads requests: Observe"},
		{`{rules: [{name: d, deny: {models: ["*"]}, when: "findings.size() > 0"}], backend: {mcp: {guards: {request: [{type: PII}]}}}}`, "rules[0] reads requests:"},
		{`{rules: [{name: d, deny: {}, when: "findings.size() > 0"}], backend: {llm: {guards: {request: [{type: PII}]}}}}`, ""},
		{`{rules: [{name: d, deny: {}, when: "findings.size() > 0"}], backend: {llm: {guards: {response: [{type: PII}]}}}}`, "rules[0] reads requests:"},
		{`{variables: [{name: v, expression: "findings.size()"}], rules: [{name: d, deny: {tools: [x], phases: [Result]}, when: "variables.v > 0"}]}`, "rules[0] answers, responses:"},
		{`{rules: [{name: d, deny: {tools: [x], phases: [Result]}, when: "findings.size() > 0"}], backend: {mcp: {guards: {response: [{type: PII}]}}}}`, ""},
		{`{rules: [{name: d, deny: {tools: [x], phases: [Result]}, when: "findings.size() > 0"}], backend: {mcp: {guards: {request: [{type: PII}]}}}}`, ""},
		{`{rego: "package outrider\ndeny contains \"no\" if count(input.findings) > 0"}`, "rego: requests:"},
		{`{macros: [{name: m, params: [x], expression: "has(x.team) && x.team == 'a'"}], rules: [{name: d, deny: {}, when: "m(claims)"}]}`, ""},
		{`{macros: [{name: m, params: [x], expression: "x.team == 'a'"}], rules: [{name: d, deny: {}, when: "m(claims)"}]}`, "rules[0] claims.team"},
		{`{macros: [{name: m, params: [x], expression: "x == x"}], rules: [{name: d, deny: {tools: [x]}, when: "m(1)"}]}`, "rules[0] always true"},
	} {
		var lines []string
		for _, w := range load(t, policy(t, "p", tc.spec)).Warnings() {
			if !strings.HasPrefix(w.String(), "p.yaml:spec") || !strings.Contains(w.String(), "policy p, "+w.Rule+": ") {
				t.Errorf("the warning does not say where: %s", w)
			}
			lines = append(lines, w.String())
		}
		got := strings.Join(lines, "\n")
		if tc.want == "" && got != "" {
			t.Errorf("%s: %s", tc.spec, got)
		}
		for _, want := range strings.Fields(tc.want) {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in %q", tc.spec, want, got)
			}
		}
	}
}

func TestFragmentHasNoWarning(t *testing.T) {
	for _, w := range fragment(t).Warnings() {
		t.Errorf("the fragment warns: %s", w)
	}
}
