package road

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

// The protocol versions of the two eras.
const (
	legacy = "2025-11-25"
	modern = "2026-07-28"
)

// rpc is the body of an MCP request.
func rpc(method, params string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params)
}

func toolCall(name, args string) string {
	return rpc("tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s}`, name, args))
}

// inEra dresses a message as a version of the protocol demands.
func inEra(era, method, params, name string) (body string, header []string) {
	header = []string{"Mcp-Protocol-Version", era}
	if era == legacy {
		return rpc(method, params), header
	}
	header = append(header, "Mcp-Method", method)
	if name != "" {
		header = append(header, "Mcp-Name", name)
	}
	meta := `"_meta":{"io.modelcontextprotocol/protocolVersion":"` + era + `",` +
		`"io.modelcontextprotocol/clientInfo":{"name":"road","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`
	if params != "{}" {
		meta = "," + meta
	}
	return rpc(method, strings.TrimSuffix(params, "}")+meta+"}"), header
}

// tool returns the text of a tool's result.
func (a *answer) tool(t *testing.T) string {
	t.Helper()
	a.wantPassed(t)
	var got struct {
		Result struct {
			Content []struct{ Text string }
			IsError bool
		}
	}
	strictly(t, a.message(t), &got)
	if got.Result.IsError || len(got.Result.Content) != 1 {
		t.Fatalf("no result of a tool: %s", a.body)
	}
	return got.Result.Content[0].Text
}

// TestPlainMCP calls a server that answers by events and one that answers by
// JSON, on both paths and in both eras.
func TestPlainMCP(t *testing.T) {
	const issues, channels = "acme/web has 2 issues", "general, ops, incidents"
	tests := []struct{ path, tool, args, says, server, own string }{
		{pathMCP, "github__list_issues", `{"repo":"acme/web"}`, issues, "github", "list_issues"},
		{pathMCP, "slack__list_channels", `{}`, channels, "slack", "list_channels"},
		{pathMCP + "/github", "list_issues", `{"repo":"acme/web"}`, issues, "github", "list_issues"},
		{pathMCP + "/slack", "list_channels", `{}`, channels, "slack", "list_channels"},
	}
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeRead)
		for _, tt := range tests {
			for _, era := range []string{legacy, modern} {
				recorder := r.recorders()[tt.server]
				mark := recorder.Total()
				body, header := inEra(era, "tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s}`, tt.tool, tt.args), tt.tool)
				a := r.post(t, tt.path, body, append(header, bearer(token)...)...)
				if got := a.tool(t); !strings.HasPrefix(got, tt.says) {
					t.Errorf("%s %s in %s said %q", tt.path, tt.tool, era, got)
				}
				got := recorder.Since(mark)
				if len(got) != 1 || string(got[0].Body) != strings.Replace(body, tt.tool, tt.own, 1) {
					t.Fatalf("%s %s: arrived %q", tt.path, tt.tool, got)
				}
				name := got[0].Header.Get("Mcp-Name")
				if era == modern && name != tt.own || got[0].Header.Get("Mcp-Protocol-Version") != era {
					t.Errorf("%s in %s: arrived with the headers %v", tt.tool, era, got[0].Header)
				}
			}
		}
	})
}

// TestHandshake greets all servers, and one.
func TestHandshake(t *testing.T) {
	const hello = `{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"road","version":"1"}}`
	eachWay(t, func(t *testing.T, r *Road) {
		r.script.play(says("application/json", `{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}}`))
		token := r.token(t, scopeNone)
		for _, path := range []string{pathMCP, pathMCP + "/github"} {
			a := r.post(t, path, rpc("initialize", hello), bearer(token)...)
			a.wantPassed(t)
			if !strings.Contains(string(a.message(t)), `"protocolVersion":"2025-11-25"`) {
				t.Errorf("%s answered %s", path, a.body)
			}
			n := r.post(t, path, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, bearer(token)...)
			if n.status != 202 || len(n.body) != 0 {
				t.Errorf("%s answered a notification with %d %s", path, n.status, n.body)
			}
			n.id(t)
			r.post(t, path, rpc("ping", "{}"), bearer(token)...).wantPassed(t)
		}
	})
}

func TestRedactedArguments(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeWrite)
		body := toolCall("slack__post_message", `{"channel":"ops","text":"SSN 536-22-8145, mail jane@example.com"}`)
		a := r.post(t, pathMCP, body, bearer(token)...)
		if got := a.tool(t); got != "posted to #ops" {
			t.Errorf("the tool said %q", got)
		}
		want := toolCall("post_message", `{"channel":"ops","text":"SSN [US_SSN], mail [EMAIL]"}`)
		if got := r.slack.Since(0); len(got) != 1 || string(got[0].Body) != want {
			t.Errorf("arrived %s, want %s", got[0].Body, want)
		}
	})
}

// TestRedactedResult has servers say what agents must not hear, in either
// framing and in every place that text can stand.
func TestRedactedResult(t *testing.T) {
	const result = `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"call +1 (415) 555-0142 %s"}],` +
		`"structuredContent":{"mail":"jane@example.com","n":18446744073709551616}}}`
	said, heard := fmt.Sprintf(result, "now"), strings.NewReplacer("+1 (415) 555-0142", "[PHONE]", "jane@example.com", "[EMAIL]").Replace(fmt.Sprintf(result, "now"))
	failed := `{"jsonrpc":"2.0","id":7,"error":{"code":-32000,"message":"no user jane@example.com","data":{"tried":["jane@example.com"]}}}`
	progress := `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1,"message":"mail jane@example.com"}}`
	hide := strings.NewReplacer("jane@example.com", "[EMAIL]").Replace
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeRead)
		for name, tt := range map[string]struct{ kind, said, heard string }{
			"JSON":  {"application/json", said, heard},
			"error": {"application/json", failed, hide(failed)},
			"events": {
				"text/event-stream", "data: " + progress + "\n\ndata: " + said + "\n\n",
				"event: message\ndata: " + hide(progress) + "\n\nevent: message\ndata: " + heard + "\n\n",
			},
		} {
			r.script.play(says(tt.kind, tt.said))
			a := r.post(t, pathMCP+"/script", oddCall("get_thing"), bearer(token)...)
			if string(a.body) != tt.heard {
				t.Errorf("%s: the agent heard\n%s, want\n%s", name, a.body, tt.heard)
			}
			a.id(t)
		}
	})
}

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
				var whole map[string]json.RawMessage
				strictly(t, a.message(t), &whole)
				if tt.code == decision.CodeToolUnknown && (got.Reason != "" || got.Rule != "") {
					t.Errorf("a hidden tool gives its reason away: %s", a.body)
				}
			})
		}
		r.wantArrivals(t, 0)
	})
}
