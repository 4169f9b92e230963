package road

import (
	"fmt"
	"strings"
	"testing"
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
