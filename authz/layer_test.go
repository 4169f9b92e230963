package authz

import (
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// layer is a policy of the security team.
func layer(t testing.TB, name, spec string) Source {
	t.Helper()
	src := policy(t, name, spec)
	src.Doc.Kind = "ClusterAgentPolicy"
	return src
}

const trusting = `traffic: {jwtAuthentication: {mode: Optional, providers: [{issuer: "` + issuer + `", audiences: ["api://default"]}]}}`

// Every layer must allow, the denies of all are united, and order decides
// nothing but who is named: the security team first.
func TestLayers(t *testing.T) {
	security := layer(t, "security", `{`+trusting+`, rules: [{name: reads, allow: {tools: ["get_*", "put_*"]}}, {name: no-secrets, deny: {tools: ["*secret*"]}}]}`)
	team := policy(t, "team", `{rules: [{name: gets, allow: {tools: ["get_*", "run"]}}, {name: no-x, deny: {tools: ["*_x"]}}]}`)
	for _, sources := range [][]Source{{security, team}, {team, security}} {
		set := load(t, sources...)
		for tool, want := range map[string]string{
			"get_a": "allow security", "put_a": "not_allowed team", "run": "not_allowed security",
			"get_secret": "denied_by_rule security", "get_x": "denied_by_rule team", "get_secret_x": "denied_by_rule security",
		} {
			out := judge(set, toolCall(tool, ""), nil)
			if got := effect(out) + " " + out.Policy; got != want {
				t.Errorf("%s: %s, want %s", tool, got, want)
			}
		}
	}
}

// Issuers of the security team are believed by every selected policy; those of
// another team are not.
func TestIssuersOfLayers(t *testing.T) {
	team := policy(t, "team", `{rules: [{name: reads, allow: {}, when: "'read' in scopes"}]}`)
	for _, tc := range []struct {
		name, want string
		other      Source
	}{
		{"a layer", "allow", layer(t, "l", `{`+trusting+`}`)},
		{"another team", "not_allowed", policy(t, "o", `{`+trusting+`}`)},
		{"a layer that observes", "not_allowed", layer(t, "l", `{enforcement: Observe, `+trusting+`}`)},
		{"a layer of other agents", "not_allowed", layer(t, "l", `{agents: {names: ["other"]}, `+trusting+`}`)},
		{"a layer for another surface", "not_allowed", layer(t, "l", `{`+strings.Replace(trusting, "mode: Optional", "surfaces: [LLM]", 1)+`}`)},
		{"a layer for another audience", "not_allowed", layer(t, "l", `{`+strings.Replace(trusting, "api://default", "other", 1)+`}`)},
		{"a layer with another issuer", "not_allowed", layer(t, "l", `{`+strings.Replace(trusting, "your-okta", "my-okta", 1)+`}`)},
	} {
		set := load(t, team, tc.other)
		r, p := toolCall("x", ""), withScopes("read")
		if got := effect(judge(set, r, p)); got != tc.want {
			t.Errorf("%s: %s", tc.name, got)
		}
		sel := set.Select(&r.Caller)
		visible := sel.Visible(input.New(mcpCall("tools/list"), p), []decision.Tool{{Name: "y"}, {Name: "x"}})
		if visible[0] != (tc.want == "allow") || visible[1] != visible[0] {
			t.Errorf("%s: visible %v", tc.name, visible)
		}
	}
	set := load(t, team, layer(t, "l", `{`+trusting+`}`))
	if out := judge(set, toolCall("x", ""), withScopes("other")); strings.Join(out.Reason.NeededScopes, " ") != "read" {
		t.Errorf("needed scopes: %+v", out.Reason)
	}
	if w := set.Warnings(); len(w) != 0 {
		t.Errorf("warnings though the layer's issuers are believed: %v", w)
	}
}

// A deny of the security team for all agents makes an allow of a team useless.
func TestLayersShadow(t *testing.T) {
	team := policy(t, "team", `{rules: [{name: r, allow: {tools: ["delete_a"]}}]}`)
	for spec, want := range map[string]int{
		`{rules: [{name: d, deny: {tools: ["delete_*"]}}]}`:                                         1,
		`{enforcement: Observe, rules: [{name: d, deny: {tools: ["delete_*"]}}]}`:                   0,
		`{agents: {names: ["x"]}, rules: [{name: d, deny: {tools: ["delete_*"]}}]}`:                 0,
		`{rules: [{name: d, deny: {tools: ["delete_*"]}, when: "agent.namespace == 'untrusted'"}]}`: 0,
	} {
		if w := load(t, team, layer(t, "l", spec)).Warnings(); len(w) != want {
			t.Errorf("%s: %v", spec, w)
		}
	}
	if w := load(t, team, policy(t, "o", `{rules: [{name: d, deny: {tools: ["delete_*"]}}]}`)).Warnings(); len(w) != 0 {
		t.Errorf("another team's deny: %v", w)
	}
}

func TestKinds(t *testing.T) {
	src := policy(t, "p", `{}`)
	src.Doc.Kind = "Policy"
	if _, err := NewSet([]Source{src}); err == nil || !strings.Contains(err.Error(), "use AgentPolicy or ClusterAgentPolicy") {
		t.Errorf("got %v", err)
	}
	if set := load(t, layer(t, "l", `{}`), policy(t, "p", `{}`)); !set.Policies()[0].Cluster || set.Policies()[1].Cluster {
		t.Error("the layers are mixed up")
	}
}

// Rules by agent and by phase.
func TestTargetsOfAgentsAndPhases(t *testing.T) {
	for _, tc := range []struct {
		rules, want string
		visible     bool
	}{
		{`{name: a, allow: {agents: ["copilot"]}}`, "allow", true},
		{`{name: a, allow: {agents: ["co*", "x"]}, when: "true"}`, "allow", true},
		{`{name: a, allow: {agents: ["other"]}}`, "not_allowed", false},
		{`{name: a, allow: {agents: ["other"]}}, {name: b, allow: {tools: ["*"]}}`, "allow", true},
		{`{name: a, allow: {}}, {name: d, deny: {agents: ["copilot"], tools: ["x"]}}`, "denied_by_rule", false},
		{`{name: a, allow: {}}, {name: d, deny: {agents: ["other"]}, when: "claims.x == 1"}`, "allow", true},
		{`{name: a, allow: {phases: [Call]}}`, "allow", false},
		{`{name: a, allow: {phases: [List]}}`, "not_allowed", true},
		{`{name: a, allow: {phases: [List, Call]}}`, "allow", true},
		{`{name: a, allow: {}}, {name: d, deny: {phases: [List]}}`, "allow", false},
		{`{name: a, allow: {}}, {name: d, deny: {phases: [Call]}}`, "denied_by_rule", true},
		{`{name: a, allow: {}}, {name: d, deny: {phases: [List]}, when: "claims.x == 1"}`, "allow", false},
	} {
		set := load(t, policy(t, "p", "{rules: ["+tc.rules+"]}"))
		out := judge(set, toolCall("x", ""), nil)
		if effect(out) != tc.want || !out.Allow && out.Reason.Hidden == tc.visible {
			t.Errorf("%s: %+v", tc.rules, out)
		}
		list := mcpCall("tools/list")
		if got := set.Select(&list.Caller).Visible(input.New(list, nil), []decision.Tool{{Name: "y"}, {Name: "x"}})[1]; got != tc.visible {
			t.Errorf("%s: visible %v", tc.rules, got)
		}
	}
}
