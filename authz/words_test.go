package authz

import (
	"fmt"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// claimed is a principal whose token holds these claims.
func claimed(claims map[string]any) *decision.Principal {
	claims["aud"] = "api://default"
	return &decision.Principal{Agent: "copilot", Issuer: issuer, Subject: "ann", Claims: claims}
}

const schema = believing + `, claims: {
  team: {type: String, default: guest}, nick: {type: String}, level: {type: Int, default: "3"}, admin: {type: Bool, default: "false"},
  groups: {type: StringList, default: "[a, b]"}, "https://x.example/y": {type: String, default: '""'}}`

func TestClaims(t *testing.T) {
	for _, tc := range []struct {
		when, want string
		claims     map[string]any
	}{
		{"claims.team == 'guest'", "allow", nil},
		{"claims['team'] == 'guest' && jwt.team == 'guest' && 'team' in claims", "allow", nil},
		{"has(claims.team) && !has(claims.nick) && has(claims.groups)", "allow", nil},
		{"has(claims.nick)", "allow", map[string]any{"nick": ""}},
		{"claims.team == 'x'", "allow", map[string]any{"team": "x"}},
		{"claims.level + 1 == 4 && !claims.admin", "allow", nil},
		{"claims.level == 7 && claims.admin", "allow", map[string]any{"level": int64(7), "admin": true}},
		{"claims.level == 7", "allow", map[string]any{"level": float64(7)}},
		{"'b' in claims.groups && claims.groups.exists(g, g == 'a') && claims.groups.size() == 2", "allow", nil},
		{"'c' in claims.groups", "allow", map[string]any{"groups": []any{"c"}}},
		{"claims['https://x.example/y'] == ''", "allow", nil},
		{"claims.other == 'o'", "allow", map[string]any{"other": "o"}},
		{"claims.nick == 'n'", "not_allowed", nil},
		{"claims.team != 'x'", "not_allowed", map[string]any{"team": int64(1)}},
		{"claims.level > 0", "not_allowed", map[string]any{"level": 1.5}},
		{"claims.level > 0", "not_allowed", map[string]any{"level": "1"}},
		{"!('z' in claims.groups)", "not_allowed", map[string]any{"groups": []any{"a", int64(1)}}},
		{"!('z' in claims.groups)", "not_allowed", map[string]any{"groups": "a"}},
	} {
		set := load(t, policy(t, "p", "{"+schema+", rules: [{name: a, allow: {}, when: \""+tc.when+"\"}]}"))
		if tc.claims == nil {
			tc.claims = map[string]any{}
		}
		c := input.New(toolCall("x", ""), claimed(tc.claims))
		if out := set.Select(&c.Request.Caller).Judge(c); effect(out) != tc.want {
			t.Errorf("%s of %v: %+v", tc.when, tc.claims, out)
		}
		checkRules(t, set, c)
	}
}

// A claim of another type denies where a deny reads it, in both languages, and
// says so without its value.
func TestClaimOfAnotherType(t *testing.T) {
	for _, rules := range []string{
		`rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "claims.team == 'x'"}]`,
		`rego: "package outrider\nallow := true\ndeny contains \"no\" if input.claims.team == \"x\""`,
	} {
		set := load(t, policy(t, "p", "{"+schema+", "+rules+"}"))
		for value, want := range map[any]string{"x": "denied_by_rule", "y": "allow", int64(77): "rule_error"} {
			out := judge(set, toolCall("x", ""), claimed(map[string]any{"team": value}))
			if effect(out) != want || strings.Contains(out.Reason.Message, "77") {
				t.Errorf("%v: %+v", value, out)
			}
		}
	}
}

// A module sees the defaults, and no policy sees those of another.
func TestDefaultsAreThePolicysOwn(t *testing.T) {
	module := policy(t, "m", "{"+schema+`, rego: "package outrider\nallow if { input.claims.team == \"guest\"; input.claims.groups[0] == \"a\"; input.jwt.level == 3 }"}`)
	other := policy(t, "o", "{"+believing+`, rules: [{name: a, allow: {}, when: "!has(claims.team) && !('level' in claims)"}]}`)
	if out := judge(load(t, module, other), toolCall("x", ""), claimed(map[string]any{})); !out.Allow {
		t.Errorf("%+v", out)
	}
}

func TestVariables(t *testing.T) {
	const variables = believing + `, variables: [
  {name: reader, expression: "'read' in scopes"}, {name: team, expression: "claims.team"}, {name: path, expression: "tool.args.path.split('/')"},
  {name: gets, expression: "tool.name.startsWith('get_')"}, {name: trusted, expression: "variables.reader && variables.team == 'x'"}]`
	for _, tc := range []struct {
		rule, tool, args, want string
		visible                bool
	}{
		{`allow: {}, when: "variables.reader"`, "x", "", "allow", true},
		{`allow: {}, when: "variables.trusted && variables.gets"`, "get_a", "", "allow", true},
		{`allow: {}, when: "variables.trusted && variables.gets"`, "put_a", "", "not_allowed", false},
		{`allow: {}, when: "variables.path[1] == 'b' || variables.path.size() == 3"`, "x", `{"path":"a/b"}`, "allow", true},
		{`allow: {}, when: "variables.path[1] == 'b'"`, "x", `{"path":"a/c"}`, "not_allowed", true},
		{`allow: {}, when: "variables.path[1] == 'b'"`, "x", `{}`, "not_allowed", true},
		{`deny: {}, when: "variables.path[1] == 'b'"`, "x", `{}`, "rule_error", false},
		{`deny: {}, when: "variables.path[1] == 'b'"`, "x", `{"path":"a/b"}`, "denied_by_rule", false},
	} {
		set := load(t, policy(t, "p", "{"+variables+", rules: [{name: r, "+tc.rule+"}]}"))
		p := claimed(map[string]any{"team": "x"})
		p.Scopes = []string{"read"}
		c := input.New(toolCall(tc.tool, tc.args), p)
		out := set.Select(&c.Request.Caller).Judge(c)
		if effect(out) != tc.want {
			t.Errorf("%s of %s %s: %+v", tc.rule, tc.tool, tc.args, out)
		}
		checkRules(t, set, c)
		tools := []decision.Tool{{Name: "other"}, {Name: tc.tool}}
		if got := set.Select(&c.Request.Caller).Visible(c, tools)[1]; got != tc.visible {
			t.Errorf("%s of %s: visible %v", tc.rule, tc.tool, got)
		}
	}
}

// What goes wrong in a variable is told by the rule that reads it.
func TestVariablesFailByName(t *testing.T) {
	set := load(t, policy(t, "p", `{variables: [{name: a, expression: "claims.team"}, {name: b, expression: "variables.a == 'x'"}],
  rules: [{name: r, allow: {}}, {name: d, deny: {}, when: "variables.b"}]}`))
	out := judge(set, toolCall("x", ""), nil)
	if want := "deny rule rules[1] d cannot be evaluated: no such key: team"; out.Reason.Message != want {
		t.Errorf("got %q", out.Reason.Message)
	}
	if w := set.Warnings(); len(w) == 0 || !strings.Contains(w[0].String(), "claims.team") {
		t.Errorf("the unguarded claim is not told: %v", w)
	}
}

// A scope that a variable asks for is one that a refusal names.
func TestNeededScopesOfVariables(t *testing.T) {
	set := load(t, policy(t, "p", "{"+believing+`, variables: [{name: a, expression: "'read' in scopes"}], rules: [{name: r, allow: {}, when: "variables.a"}]}`))
	if out := judge(set, toolCall("x", ""), claimed(map[string]any{})); strings.Join(out.Reason.NeededScopes, " ") != "read" {
		t.Errorf("%+v", out.Reason)
	}
}

func TestWordsRefused(t *testing.T) {
	const rule = `rules: [{name: r, allow: {}, when: "`
	for _, tc := range []struct{ spec, want string }{
		{`{variables: [{name: a, expression: "variables.b"}, {name: b, expression: "true"}]}`, "variables.b is not defined yet: a variable reads those above it"},
		{`{variables: [{name: a, expression: "variables.a"}]}`, "variables.a is not defined yet"},
		{`{variables: [{name: abc, expression: "true"}], ` + rule + `variables.abd"}]}`, "no field variables.abd: did you mean variables.abc?"},
		{`{` + rule + `variables.a"}]}`, "no variable variables.a"},
		{`{variables: [{name: a, expression: "true"}, {name: a, expression: "true"}]}`, "another variable has the same name"},
		{`{variables: [{name: a-b, expression: "true"}]}`, "the name is no identifier"},
		{`{variables: [{name: a, expression: "claims."}]}`, "spec.variables[0].expression: at 1:8"},
		{`{variables: [{name: a, expression: "scopes"}], ` + rule + `variables.a == 'x'"}]}`, "found no matching overload"},
		{`{variables: [{name: a, expression: "tool.name"}, {name: b, expression: "llm.model"}], ` + rule + `variables.a == variables.b"}]}`, "no call has both"},
		{`{claims: {a: {type: Text}}}`, "the type is unknown"},
		{`{claims: {a: {type: Int, default: x}}}`, "the default has another type than the claim"},
		{`{claims: {a: {type: Int, default: "1.5"}}}`, "the default has another type"},
		{`{claims: {a: {type: Bool, default: "3"}}}`, "the default has another type"},
		{`{claims: {a: {type: StringList, default: "[1]"}}}`, "the default has another type"},
		{`{claims: {a: {type: StringList, default: "a"}}}`, "the default has another type"},
		{`{claims: {a: {type: Int}}, ` + rule + `claims.a == 'x'"}]}`, "found no matching overload"},
		{`{claims: {a: {type: Int}}, ` + rule + `claims.a.b == 'x'"}]}`, "does not support field selection"},
		{`{rules: [{name: r, deny: {phases: [Never]}}]}`, "the phase is unknown"},
		{`{rules: [{name: r, deny: {agents: [""]}}]}`, "the pattern is empty"},
	} {
		_, err := NewSet([]Source{policy(t, "p", tc.spec)})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s\n got %v\nwant %s", tc.spec, err, tc.want)
		}
	}
}

// Places inside of expressions and modules become places in the file.
func TestErrorsPointIntoTheFile(t *testing.T) {
	for spec, want := range map[string]string{
		`{rules: [{name: r, deny: {}, when: "true && tool.nam == 'x'"}]}`: "IN spec.rules[0].when true && tool.nam == 'x' 1:9: policy p, spec.rules[0].when: no field tool.nam: did you mean tool.name?",
		`{variables: [{name: v, expression: "nam"}]}`:                     "IN spec.variables[0].expression nam 1:1: policy p, spec.variables[0].expression: no variable nam",
		`{rego: "package outrider\nallow if input.nam"}`:                  "IN spec.rego package outrider\nallow if input.nam 2:10: policy p, spec.rego: no field input.nam",
	} {
		src := policy(t, "p", spec)
		src.In = func(path, text string, line, column int) string {
			return fmt.Sprintf("IN %s %s %d:%d", path, text, line, column)
		}
		if _, err := NewSet([]Source{src}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		src.In = func(string, string, int, int) string { return "" }
		if _, err := NewSet([]Source{src}); err == nil || !strings.Contains(err.Error(), "at ") {
			t.Errorf("without a place: %v", err)
		}
	}
}
