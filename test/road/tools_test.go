package road

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

// tools returns the names of a list.
func (a *answer) tools(t *testing.T) []string {
	t.Helper()
	a.wantPassed(t)
	var got struct {
		Result struct{ Tools []struct{ Name string } }
	}
	strictly(t, a.message(t), &got)
	names := []string{}
	for _, tool := range got.Result.Tools {
		names = append(names, tool.Name)
	}
	slices.Sort(names)
	return names
}

// toolsOf are the tools that a scope opens, by server.
func toolsOf(scope string) map[string][]string {
	read := map[string][]string{"github": {"get_issue", "list_issues", "list_repos", "search_code"}, "slack": {"get_message", "list_channels", "search_messages"}}
	write := map[string][]string{"github": {"comment_issue", "create_issue"}, "slack": {"post_message"}}
	admin := map[string][]string{"slack": {"admin_ban_user", "admin_list_users"}}
	out := map[string][]string{}
	for _, opened := range map[string][]map[string][]string{
		scopeNone: nil, scopeRead: {read}, scopeWrite: {read, write}, scopeAdmin: {read, write, admin},
	}[scope] {
		for server, tools := range opened {
			out[server] = append(out[server], tools...)
		}
	}
	return out
}

func TestToolsPerScope(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		for _, scope := range []string{scopeNone, scopeRead, scopeWrite, scopeAdmin} {
			token := r.token(t, scope)
			for _, era := range []string{legacy, modern} {
				body, header := inEra(era, "tools/list", "{}", "")
				header = append(header, bearer(token)...)
				all := []string{}
				for _, server := range []string{"github", "slack"} {
					own := append([]string{}, toolsOf(scope)[server]...)
					slices.Sort(own)
					if got := r.post(t, pathMCP+"/"+server, body, header...).tools(t); !slices.Equal(got, own) {
						t.Errorf("scope %q sees %v of %s in %s, want %v", scope, got, server, era, own)
					}
					for _, name := range own {
						all = append(all, server+"__"+name)
					}
				}
				if got := r.post(t, pathMCP, body, header...).tools(t); !slices.Equal(got, all) {
					t.Errorf("scope %q sees %v in %s, want %v", scope, got, era, all)
				}
			}
		}
	})
}

// TestListKeepsDefinitions demands that what is shown of a tool is what its
// server said, but for its name.
func TestListKeepsDefinitions(t *testing.T) {
	const shown = `{"description" : "Lists. \u00e9" ,"name":"%s","inputSchema":{"type":"object","x":18446744073709551616},"x_vendor":[ ]}`
	const hidden = `{"name":"delete_all","description":"Never.","inputSchema":{"type":"object"}}`
	eachWay(t, func(t *testing.T, r *Road) {
		r.script.play(says("application/json", `{"jsonrpc":"2.0","id":1,"result":{"tools":[`+hidden+","+fmt.Sprintf(shown, "list_things")+`],"x":1.0}}`))
		token := r.token(t, scopeRead)
		for path, name := range map[string]string{pathMCP: "script__list_things", pathMCP + "/script": "list_things"} {
			a := r.post(t, path, rpc("tools/list", "{}"), bearer(token)...)
			a.wantPassed(t)
			if body := string(a.body); !strings.Contains(body, fmt.Sprintf(shown, name)) || strings.Contains(body, "delete_all") {
				t.Errorf("%s shows %s", path, body)
			}
		}
	})
}

// TestRefusedTools tells hidden from visible: a tool that the caller cannot see
// is unknown and gives no reason away, one that it sees says why.
func TestRefusedTools(t *testing.T) {
	const infra = `{"repo":"infra/net","title":"x"}`
	tests := []struct {
		name, scope, path, body string
		code                    decision.Code
		says                    string
	}{
		{"hidden for want of a scope", scopeRead, pathMCP, toolCall("slack__post_message", `{"channel":"c","text":"t"}`), decision.CodeToolUnknown, "Unknown tool: slack__post_message"},
		{"hidden by a deny", scopeAdmin, pathMCP, toolCall("github__delete_repo", `{"repo":"a/b"}`), decision.CodeToolUnknown, "Unknown tool: github__delete_repo"},
		{"hidden, on its own path", scopeAdmin, pathMCP + "/github", toolCall("merge_pull_request", `{"repo":"a/b","number":1}`), decision.CodeToolUnknown, "Unknown tool: merge_pull_request"},
		{"not there", scopeAdmin, pathMCP, toolCall("nowhere__list_x", `{}`), decision.CodeToolUnknown, "Unknown tool: nowhere__list_x"},
		{"without a prefix", scopeAdmin, pathMCP, toolCall("list_issues", `{}`), decision.CodeToolUnknown, "Unknown tool: list_issues"},
		{"visible, refused for its arguments", scopeWrite, pathMCP, toolCall("github__create_issue", infra), decision.CodeDeniedByRule, "Ask the platform team."},
		{"visible, on its own path", scopeWrite, pathMCP + "/github", toolCall("create_issue", infra), decision.CodeDeniedByRule, "Ask the platform team."},
		{"hidden, whatever its arguments", scopeRead, pathMCP, toolCall("github__create_issue", infra), decision.CodeToolUnknown, "Unknown tool: github__create_issue"},
		{"an unknown server", scopeAdmin, pathMCP + "/gitlab", rpc("tools/list", "{}"), decision.CodeServerUnknown, ""},
		{"an unknown method", scopeAdmin, pathMCP, rpc("tools/run", "{}"), decision.CodeMethodUnknown, ""},
		{"what servers send", scopeAdmin, pathMCP, rpc("sampling/createMessage", "{}"), decision.CodeMethodUnknown, ""},
		{"a resource that no rule allows", scopeAdmin, pathMCP + "/github", rpc("resources/read", `{"uri":"file:///etc/passwd"}`), decision.CodeNotAllowed, ""},
	}
	eachWay(t, func(t *testing.T, r *Road) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				a := r.post(t, tt.path, tt.body, bearer(r.token(t, tt.scope))...)
				got := a.wantRefused(t, tt.code)
				if !strings.HasPrefix(got.Message, tt.says) {
					t.Errorf("the agent is told %q, want %q", got.Message, tt.says)
				}
				if tt.code == decision.CodeToolUnknown && (got.Reason != "" || got.Rule != "") {
					t.Errorf("a hidden tool gives its reason away: %s", a.body)
				}
			})
		}
		r.wantArrivals(t, 0)
	})
}
