package authz

import (
	"fmt"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

func TestSelect(t *testing.T) {
	for _, tc := range []struct {
		spec string
		want bool
	}{
		{`{}`, true},
		{`{agents: {}}`, true},
		{`{agents: {matchLabels: {app: devops-copilot}}}`, true},
		{`{agents: {matchLabels: {app: devops-copilot, tier: x}}}`, false},
		{`{agents: {matchLabels: {app: other}}}`, false},
		{`{agents: {matchLabels: {none: ""}}}`, false},
		{`{agents: {names: ["copilot"]}}`, true},
		{`{agents: {names: ["co*", "x"]}}`, true},
		{`{agents: {names: ["pilot"]}}`, false},
		{`{agents: {namespaces: ["prod*"]}}`, true},
		{`{agents: {namespaces: ["dev"], names: ["copilot"]}}`, false},
		{`{agents: {serviceAccounts: ["b*t"], namespaces: ["*"], names: ["*"], matchLabels: {app: devops-copilot}}}`, true},
		{`{agents: {serviceAccounts: ["other"]}}`, false},
	} {
		caller := copilot()
		sel := load(t, policy(t, "p", tc.spec)).Select(&caller)
		if sel.Empty() == tc.want || (len(sel.Policies()) == 1) != tc.want {
			t.Errorf("%s selects: %v", tc.spec, !sel.Empty())
		}
	}
}

func TestSelectionNamesItself(t *testing.T) {
	caller := copilot()
	a, b := policy(t, "a", "{}"), policy(t, "b", "{enforcement: Observe}")
	if sel := load(t).Select(&caller); sel.Version() != "" || len(sel.Names()) != 0 || !sel.Empty() {
		t.Errorf("no policy: %q %q", sel.Names(), sel.Version())
	}
	if sel := load(t, a).Select(&caller); sel.Version() != "v-a" || (sel.Names() != "a") {
		t.Errorf("one policy: %q %q", sel.Names(), sel.Version())
	}
	two := load(t, a, b)
	sel := two.Select(&caller)
	if (sel.Names() != "a, b") || len(sel.Version()) != 12 || sel.Policies()[1].Index != 1 || !sel.Policies()[1].Observe {
		t.Errorf("two policies: %q %q", sel.Names(), sel.Version())
	}
	b.Version = "other"
	if load(t, a, b).Select(&caller).Version() == sel.Version() {
		t.Error("a policy changed and the version did not")
	}
	if len(two.Policies()) != 2 {
		t.Error("the set lists other policies than its own")
	}
}

func TestAuthentication(t *testing.T) {
	auth := func(rest, issuer string) string {
		return `{traffic: {jwtAuthentication: {` + rest + `providers: [{issuer: "` + issuer + `", audiences: [x]}]}}`
	}
	for _, tc := range []struct {
		name     string
		specs    []string
		mcp, llm string
	}{
		{"none", []string{`{}`}, "None", "None"},
		{"defaults", []string{auth("", "i") + "}"}, "Strict i", "None"},
		{"both surfaces", []string{auth("mode: Optional, surfaces: [MCP, LLM], ", "i") + "}"}, "Optional i", "Optional i"},
		{"only LLM", []string{auth("mode: Permissive, surfaces: [LLM], ", "i") + "}"}, "None", "Permissive i"},
		{"the strictest", []string{auth("mode: Permissive, ", "i") + "}", auth("mode: Strict, ", "j") + "}", auth("mode: Optional, surfaces: [LLM], ", "k") + "}"}, "Strict i j", "Optional k"},
		{"observing beside enforcing", []string{auth("mode: Optional, ", "i") + "}", auth("", "j") + ", enforcement: Observe}"}, "Optional i", "None"},
		{"observing beside one without", []string{`{}`, auth("", "j") + ", enforcement: Observe}"}, "None", "None"},
		{"only observing", []string{auth("mode: Strict, ", "i") + ", enforcement: Observe}"}, "None", "None"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var sources []Source
			for i, spec := range tc.specs {
				sources = append(sources, policy(t, string(rune('a'+i)), spec))
			}
			caller := copilot()
			sel := load(t, sources...).Select(&caller)
			show := func(a *Authentication) string {
				text := a.Mode.String()
				for _, p := range a.Providers {
					if strings.Join(p.Audiences, " ") != "x" {
						t.Errorf("audiences %q", p.Audiences)
					}
					text += " " + p.Issuer
				}
				return text
			}
			if got := show(sel.Authentication(decision.MCP)); got != tc.mcp {
				t.Errorf("MCP: %s, want %s", got, tc.mcp)
			}
			if got := show(sel.Authentication(decision.LLM)); got != tc.llm {
				t.Errorf("LLM: %s, want %s", got, tc.llm)
			}
		})
	}
}

// What observing policies demand is told apart, and each for itself.
func TestTrials(t *testing.T) {
	spec := func(mode, surfaces, issuer, rest string) string {
		return `{traffic: {jwtAuthentication: {mode: ` + mode + `, surfaces: [` + surfaces + `], providers: [{issuer: "` + issuer + `", audiences: [x]}]}}` + rest + `}`
	}
	caller := copilot()
	sel := load(t, policy(t, "on", spec("Strict", "MCP", "i", "")),
		policy(t, "b", spec("Strict", "MCP, LLM", "j", ", enforcement: Observe")),
		policy(t, "c", spec("Optional", "MCP", "k", ", enforcement: Observe")),
		policy(t, "d", "{enforcement: Observe}")).Select(&caller)
	show := func(trials []Trial) string {
		var text []string
		for _, tr := range trials {
			text = append(text, tr.Policy+" "+tr.Mode.String()+" "+tr.Providers[0].Issuer)
		}
		return strings.Join(text, ", ")
	}
	if got := show(sel.Trials(decision.MCP)); got != "b Strict j, c Optional k" {
		t.Errorf("MCP: %s", got)
	}
	if got := show(sel.Trials(decision.LLM)); got != "b Strict j" {
		t.Errorf("LLM: %s", got)
	}
}

// A policy sees a token only where it lists the token's issuer, for the
// surface, and is meant by the token's audience.
func TestWhoSeesTheToken(t *testing.T) {
	const rules = `, rules: [{name: r, allow: {}, when: "'a' in scopes && principal.subject == 'ann' && claims.scp.exists(s, s == 'a')"}]}`
	auth := func(rest, issuer, audience string) string {
		return `{traffic: {jwtAuthentication: {` + rest + `providers: [{issuer: "` + issuer + `", audiences: ["` + audience + `"]}]}}`
	}
	for _, tc := range []struct {
		name, spec string
		aud        any
		mcp, llm   bool
	}{
		{"listed", auth("", issuer, "api://default"), "api://default", true, false},
		{"listed for both surfaces", auth("surfaces: [MCP, LLM], ", issuer, "api://default"), []any{"x", "api://default"}, true, true},
		{"another issuer", auth("", "https://other", "api://default"), "api://default", false, false},
		{"another audience", auth("", issuer, "api://default"), []any{"api://other"}, false, false},
		{"an audience that is no text", auth("", issuer, "api://default"), []any{7}, false, false},
		{"no audience to compare", auth("", issuer, "api://default"), nil, true, false},
		{"no authentication", `{enforcement: Enforce`, "api://default", false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set := load(t, policy(t, "p", tc.spec+rules))
			p := withScopes("a")
			p.Claims["aud"] = tc.aud
			if got := judge(set, toolCall("x", ""), p).Allow; got != tc.mcp {
				t.Errorf("MCP: %v", got)
			}
			if got := judge(set, llmCall("m"), p).Allow; got != tc.llm {
				t.Errorf("LLM: %v", got)
			}
			if p.Issuer = ""; judge(set, toolCall("x", ""), p).Allow {
				t.Error("claims without an issuer were believed")
			}
		})
	}
}

// What one policy believes is not lent to the next.
func TestPoliciesSeeDifferentTokens(t *testing.T) {
	trusting := policy(t, "a", `{traffic: {jwtAuthentication: {providers: [{issuer: "`+issuer+`", audiences: ["api://default"]}]}}, rules: [{name: r, allow: {}, when: "'a' in scopes"}]}`)
	other := policy(t, "b", `{rego: "package outrider\nallow if \"a\" in input.scopes\n"}`)
	p := withScopes("a")
	if out := judge(load(t, trusting), toolCall("x", ""), p); !out.Allow {
		t.Fatalf("alone: %+v", out)
	}
	out := judge(load(t, trusting, other), toolCall("x", ""), p)
	if out.Allow || out.Policy != "b" || out.Reason.Message != "no rule allows tool x for a caller without scopes" {
		t.Errorf("together: %+v", out)
	}
}

// However many policies there are, each believes a token by its own word, for a
// call as for a list.
func TestManyPoliciesSeeTheirOwnTokens(t *testing.T) {
	const many = 40
	tools := []decision.Tool{{Server: "github", Name: "x"}, {Server: "github", Name: "y"}}
	trusting := func(i int, believed string) Source {
		return policy(t, fmt.Sprint("p", i), `{traffic: {jwtAuthentication: {providers: [{issuer: "`+believed+`"}]}}, rules: [{name: r, allow: {}, when: "'a' in scopes"}]}`)
	}
	p := withScopes("a")
	for odd := -1; odd < many; odd += 7 { // the policy that does not believe the token; none
		var sources []Source
		for i := range many {
			by := issuer
			if i == odd {
				by = "https://other"
			}
			sources = append(sources, trusting(i, by))
		}
		set, r := load(t, sources...), toolCall("x", "")
		out := judge(set, r, p)
		if out.Allow != (odd < 0) || odd >= 0 && out.Policy != fmt.Sprint("p", odd) {
			t.Errorf("without the belief of %d: %+v", odd, out)
		}
		for _, shown := range set.Select(&r.Caller).Visible(input.New(r, p), tools) {
			if shown != (odd < 0) {
				t.Errorf("without the belief of %d: shown %v", odd, shown)
			}
		}
	}
}

func TestVisible(t *testing.T) {
	set := load(t, policy(t, "p", `rules:
  - {name: reads, allow: {tools: ["get_*"]}}
  - {name: repo, allow: {tools: ["post_*"]}, when: "tool.args.repo == 'web'"}
  - {name: calls, allow: {tools: ["run"], methods: ["tools/call"]}}
  - {name: slack, deny: {servers: ["slack"]}}
  - {name: infra, deny: {tools: ["get_infra"]}, when: "tool.args.repo == 'infra'"}
  - {name: broken, deny: {tools: ["get_broken"]}, when: "claims.none == 1"}
  - {name: destructive, deny: {}, when: "has(tool.annotations.destructiveHint) && tool.annotations.destructiveHint == true"}
`))
	tools := []struct {
		tool decision.Tool
		want bool
	}{
		{decision.Tool{Server: "github", Name: "get_a"}, true},
		{decision.Tool{Server: "slack", Name: "get_a"}, false},
		{decision.Tool{Server: "github", Name: "post_a"}, true},
		{decision.Tool{Server: "github", Name: "run"}, true},
		{decision.Tool{Server: "github", Name: "walk"}, false},
		{decision.Tool{Server: "github", Name: "get_infra"}, true},
		{decision.Tool{Server: "github", Name: "get_broken"}, false},
		{decision.Tool{Server: "github", Name: "get_b", Definition: []byte(`{"annotations":{"destructiveHint":true}}`)}, false},
		{decision.Tool{Server: "github", Name: "get_b", Definition: []byte(`{"annotations":{"destructiveHint":false}}`)}, true},
	}
	list := make([]decision.Tool, len(tools))
	for i := range tools {
		list[i] = tools[i].tool
	}
	r := mcpCall("tools/list")
	for i, got := range set.Select(&r.Caller).Visible(input.New(r, nil), list) {
		if got != tools[i].want {
			t.Errorf("%s on %s: visible %v", list[i].Name, list[i].Server, got)
		}
	}
	if got := load(t).Select(&r.Caller).Visible(input.New(r, nil), list); len(got) != len(list) || got[0] {
		t.Error("tools are visible without any policy")
	}
	if got := load(t, policy(t, "p", "{enforcement: Observe}")).Select(&r.Caller).Visible(input.New(r, nil), list); !got[0] || !got[1] {
		t.Error("an observing policy hides tools")
	}
}
