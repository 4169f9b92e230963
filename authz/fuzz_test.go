package authz

import (
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// FuzzFragment: whatever a call says, the fragment's denies hold, nobody gets
// further than the scopes reach, and hidden is what a list does not show.
func FuzzFragment(f *testing.F) {
	f.Add("list_issues", `{"repo":"infra/x"}`, "mcp:read")
	f.Add("create_issue", `{"repo":["infra/"]}`, "mcp:write")
	f.Add("Delete_repo", `{"repo":1}`, "mcp:admin")
	f.Add("delete_repo", `{`, "mcp:read mcp:write mcp:admin")
	f.Add("merge_\x00", `[]`, "")
	f.Add("", "", "mcp:reader")
	set := fragment(f)
	f.Fuzz(func(t *testing.T, tool, args, scopes string) {
		p := withScopes(strings.Fields(scopes)...)
		r := toolCall(tool, args)
		sel := set.Select(&r.Caller)
		out := sel.Judge(input.New(r, p))
		visible := sel.Visible(input.New(mcpCall("tools/list"), p), []decision.Tool{r.Tool})[0]
		if out.Allow && !mayPass(r.Tool, p) {
			t.Fatalf("%q passes with %q", tool, scopes)
		}
		if out.Allow && !visible || !out.Allow && out.Reason.Hidden == visible {
			t.Fatalf("%q: allowed %v, hidden %v, visible %v", tool, out.Allow, out.Reason.Hidden, visible)
		}
		if !out.Allow && (!out.Reason.Code.Known() || out.Reason.Message == "") {
			t.Fatalf("%q is refused without a reason: %+v", tool, out)
		}
	})
}

// mayPass is what the fragment allows, less its rule on arguments.
func mayPass(tool decision.Tool, p *decision.Principal) bool {
	name := tool.Name
	if name == "" {
		name = tool.Exposed
	}
	if strings.Contains(name, "delete") || strings.HasPrefix(name, "merge_") {
		return false
	}
	for scope, prefixes := range map[string][]string{"mcp:read": {"list_", "get_"}, "mcp:write": {"post_", "create_"}, "mcp:admin": {"admin_"}} {
		for _, prefix := range prefixes {
			for _, has := range p.Scopes {
				if has == scope && strings.HasPrefix(name, prefix) {
					return true
				}
			}
		}
	}
	return false
}

// A scope that a refusal names opens the call once the token has it.
func TestNeededScopesOpen(t *testing.T) {
	set := load(t, policy(t, "p", `traffic: {jwtAuthentication: {providers: [{issuer: "`+issuer+`", audiences: ["api://default"]}]}}
 rules:
  - {name: one, allow: {tools: ["get_*"]}, when: "'read' in scopes"}
  - {name: either, allow: {tools: ["get_*"]}, when: "claims.scp.exists(s, s == 'admin' || s == 'root')"}
  - {name: both, allow: {tools: ["put_*"]}, when: "'write' in scopes && 'sign' in scopes"}
  - {name: without, allow: {tools: ["run"]}, when: "!('jail' in scopes)"}
  - {name: argument, allow: {tools: ["del"]}, when: "'write' in scopes && tool.args.n == 1"}
  - {name: other, allow: {models: ["*"]}, when: "'llm' in scopes"}`))
	for _, tc := range []struct{ tool, args, has, want string }{
		{"get_a", "", "", "read admin root"},
		{"get_a", "", "other", "read admin root"},
		{"put_a", "", "", ""},
		{"put_a", "", "sign", "write"},
		{"run", "", "jail", ""},
		{"del", `{"n":1}`, "", "write"},
		{"del", `{"n":2}`, "", ""},
		{"del", `{}`, "", ""},
		{"unheard", "", "", ""},
	} {
		has := strings.Fields(tc.has)
		out := judge(set, toolCall(tc.tool, tc.args), withScopes(has...))
		if got := strings.Join(out.Reason.NeededScopes, " "); out.Allow || got != tc.want {
			t.Errorf("%s %s with %q: %s, needs %q", tc.tool, tc.args, tc.has, effect(out), got)
		}
		for _, scope := range out.Reason.NeededScopes {
			if again := judge(set, toolCall(tc.tool, tc.args), withScopes(append(has, scope)...)); !again.Allow {
				t.Errorf("%s with %s as well: %+v", tc.tool, scope, again)
			}
		}
	}
	if out := judge(set, llmCall("m"), nil); out.Allow || out.Reason.NeededScopes != nil {
		t.Errorf("tokens are not read on the LLM surface: %+v", out)
	}
}

// So do scopes that only a module asks for, in whatever way it does.
func TestNeededScopesOfModulesOpen(t *testing.T) {
	set := load(t, policy(t, "p", `traffic: {jwtAuthentication: {providers: [{issuer: "`+issuer+`", audiences: ["api://default"]}]}}
 rules: [{name: one, allow: {tools: ["get_*"]}, when: "'mcp:read' in scopes"}]
 rego: |
  package outrider
  readers := {"mcp:read", "mcp:reader"}
  allow if { startswith(input.tool.name, "get_"); some s in input.scopes; s in readers }
  allow if { input.tool.name == "put_a"; "mcp:write" in input.claims.scp; "mcp:sign" in input.scopes }
  allow if { input.tool.name == "del"; input.scopes[_] == wanted[input.tool.args.n] }
  allow if { input.tool.name == "run"; not "jail" in input.scopes }
  allow if { input.tool.name == "own"; input.claims.team == "platform" }
  wanted := ["zero", "one"]
  visible := true
`))
	for _, tc := range []struct{ tool, args, has, want string }{
		{"get_a", "", "", "mcp:read mcp:reader"},
		{"get_a", "", "other", "mcp:read mcp:reader"},
		{"put_a", "", "", ""},
		{"put_a", "", "mcp:sign", "mcp:write"},
		{"del", `{"n":1}`, "", "one"},
		{"del", `{"n":2}`, "", ""},
		{"run", "", "jail", ""},
		{"own", "", "", ""},
	} {
		has := strings.Fields(tc.has)
		out := judge(set, toolCall(tc.tool, tc.args), withScopes(has...))
		if got := strings.Join(slices.Sorted(slices.Values(out.Reason.NeededScopes)), " "); out.Allow || got != tc.want {
			t.Errorf("%s %s with %q: %s, needs %q", tc.tool, tc.args, tc.has, effect(out), got)
		}
		for _, scope := range out.Reason.NeededScopes {
			if again := judge(set, toolCall(tc.tool, tc.args), withScopes(append(has, scope)...)); !again.Allow {
				t.Errorf("%s with %s as well: %+v", tc.tool, scope, again)
			}
		}
	}
}
