package authz

import (
	"os"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

func fragment(t testing.TB) *Set {
	t.Helper()
	raw, err := os.ReadFile("testdata/fragment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return load(t, Source{Doc: parse(t, string(raw)), Version: "1"})
}

func TestFragmentBehavesAsItsTable(t *testing.T) {
	set := fragment(t)
	tools := []string{"list_issues", "get_issue", "post_message", "create_repo", "admin_ban_user", "search_code", "delete_repo", "list_delete", "merge_pull_request", "merge_x"}
	for _, row := range []struct {
		scopes  string
		allowed string
	}{
		{"", ""},
		{"mcp:other", ""},
		{"mcp:read", "list_issues get_issue"},
		{"mcp:write", "post_message create_repo"},
		{"mcp:read mcp:write", "list_issues get_issue post_message create_repo"},
		{"mcp:admin", "admin_ban_user"},
		{"mcp:read mcp:write mcp:admin", "list_issues get_issue post_message create_repo admin_ban_user"},
	} {
		for _, tool := range tools {
			want := "not_allowed"
			switch {
			case strings.Contains(tool, "delete"), strings.HasPrefix(tool, "merge_"):
				want = "denied_by_rule"
			case strings.Contains(" "+row.allowed+" ", " "+tool+" "):
				want = "allow"
			}
			out := judge(set, toolCall(tool, `{"repo":"web/site"}`), withScopes(strings.Fields(row.scopes)...))
			if got := effect(out); got != want {
				t.Errorf("scopes %q, tool %s: %s, want %s (%+v)", row.scopes, tool, got, want, out)
			}
		}
	}
}

func TestFragmentInDetail(t *testing.T) {
	set := fragment(t)
	write := withScopes("mcp:write")
	for _, tc := range []struct {
		name, rule, message string
		r                   *decision.Request
		p                   *decision.Principal
		want                string
	}{
		{"an argument that a rule denies", "rules[1] no-infra", "Ask the platform team.", toolCall("create_issue", `{"repo":"infra/dns"}`), write, "denied_by_rule"},
		{"another value of the argument", "backend.mcp.authorization[1]", "", toolCall("create_issue", `{"repo":"web/site"}`), write, "allow"},
		{"no such argument", "backend.mcp.authorization[1]", "", toolCall("create_issue", `{}`), write, "allow"},
		{"no arguments at all", "backend.mcp.authorization[1]", "", toolCall("create_issue", ""), write, "allow"},
		{"an argument of another type", "rules[1] no-infra", "deny rule rules[1] no-infra cannot be evaluated: a value has another type than the rule expects", toolCall("create_issue", `{"repo":7}`), write, "rule_error"},
		{"the deny policy", "backend.mcp.denyPolicy[0]", "backend.mcp.denyPolicy[0] denies tool delete_repo", toolCall("delete_repo", `{}`), write, "denied_by_rule"},
		{"Rego", "rego deny", "no merge from this agent", toolCall("merge_x", `{}`), write, "denied_by_rule"},
		{"a model", "", "", llmCall("claude-5"), nil, "allow"},
		{"another model", "backend.llm.models", "model llama is not allowed", llmCall("llama"), nil, "model_not_allowed"},
		{"a scope too few", "", "no rule allows tool list_issues for scopes [mcp:write]", toolCall("list_issues", `{}`), write, "not_allowed"},
		{"no token", "", "no rule allows tool list_issues for a caller without scopes", toolCall("list_issues", `{}`), nil, "not_allowed"},
		{"a list", "", "", mcpCall("tools/list"), nil, "allow"},
		{"a resource", "", "no rule allows resources/read for scopes [mcp:write]", &decision.Request{Surface: decision.MCP, Method: "resources/read", Caller: copilot(), Resource: "file:///etc/passwd?token=x"}, write, "not_allowed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := judge(set, tc.r, tc.p)
			if effect(out) != tc.want || out.Rule != tc.rule || out.Reason.Message != tc.message {
				t.Errorf("got %s, rule %q, message %q", effect(out), out.Rule, out.Reason.Message)
			}
			if out.Policy != "devops-copilot" || out.Version != "1" || out.Reason.Rule != out.Rule {
				t.Errorf("the outcome names policy %q %q and rules %q, %q", out.Policy, out.Version, out.Rule, out.Reason.Rule)
			}
		})
	}
}

func TestFragmentSelectsByLabel(t *testing.T) {
	r := toolCall("list_issues", `{}`)
	r.Caller.Labels = map[string]string{"app": "other"}
	out := judge(fragment(t), r, withScopes("mcp:read"))
	if effect(out) != "no_policy" || out.Reason.Hidden {
		t.Errorf("got %+v", out)
	}
}

func TestFragmentNamesTheScopeThatOpens(t *testing.T) {
	set := fragment(t)
	for tool, want := range map[string]string{"list_issues": "mcp:read", "post_message": "mcp:write", "admin_ban_user": "mcp:admin", "unheard_of": ""} {
		for _, p := range []*decision.Principal{nil, withScopes("other")} {
			out := judge(set, toolCall(tool, `{}`), p)
			if got := strings.Join(out.Reason.NeededScopes, " "); got != want {
				t.Errorf("%s: needed scopes %q, want %q", tool, got, want)
			}
		}
	}
	if out := judge(set, toolCall("delete_repo", `{}`), nil); out.Reason.NeededScopes != nil {
		t.Errorf("no scope opens what a deny refuses, got %v", out.Reason.NeededScopes)
	}
}
