package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"outrider.dev/outrider/test/started"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bearer adds a token to every request.
type bearer struct {
	token string
	base  http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.base.RoundTrip(r)
}

// clientWith returns an HTTP client whose connections end with the test.
func clientWith(t *testing.T, token string) *http.Client {
	t.Helper()
	base := &http.Transport{}
	t.Cleanup(base.CloseIdleConnections)
	return &http.Client{Transport: bearer{token, base}}
}

func connect(t *testing.T, s *Server, token string) (*mcp.ClientSession, error) {
	t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	return client.Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint: s.URL, HTTPClient: clientWith(t, token), DisableStandaloneSSE: true, MaxRetries: -1,
	}, nil)
}

func both() map[string]func() (*Server, error) {
	return map[string]func() (*Server, error){"github": StartGitHub, "slack": StartSlack}
}

func TestTheOfficialClientListsTheTools(t *testing.T) {
	want := map[string][]string{
		"github": {
			"comment_issue", "create_issue", "delete_repo", "get_issue", "list_issues", "list_repos",
			"merge_pull_request", "search_code",
		},
		"slack": {
			"admin_ban_user", "admin_list_users", "delete_message", "get_message", "list_channels",
			"post_message", "search_messages",
		},
	}
	for name, start := range both() {
		t.Run(name, func(t *testing.T) {
			s := started.By(t, start)
			session, err := connect(t, s, s.Token())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = session.Close() }()
			list, err := session.ListTools(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, tool := range list.Tools {
				got = append(got, tool.Name)
				if tool.Description == "" || tool.InputSchema == nil {
					t.Errorf("%s has no description or no schema", tool.Name)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want[name]) {
				t.Errorf("tools are %v, want %v", got, want[name])
			}
		})
	}
}

func call(ctx context.Context, session *mcp.ClientSession, tool string, args map[string]any) (string, bool, error) {
	res, err := session.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		return "", false, err
	}
	text, ok := res.Content[0].(*mcp.TextContent)
	if !ok {
		return "", res.IsError, nil
	}
	return text.Text, res.IsError, nil
}

func TestTheOfficialClientCallsTools(t *testing.T) {
	for _, c := range []struct {
		server, tool string
		args         map[string]any
		want         string
		failed       bool
	}{
		{"github", "create_issue", map[string]any{"repo": "acme/web", "title": "Disk full"}, "opened acme/web#10: Disk full", false},
		{"github", "comment_issue", map[string]any{"repo": "acme/web", "number": 7, "body": "seen"}, "commented on acme/web#7", false},
		{"github", "create_issue", map[string]any{"repo": "acme/web"}, "title", true},
		{"github", "get_issue", map[string]any{"repo": "acme/web", "number": "seven"}, "number", true},
		{"slack", "list_channels", map[string]any{}, "general, ops, incidents", false},
		{"slack", "get_message", map[string]any{"channel": "ops", "id": "m1"}, OnCallPhone, false},
	} {
		t.Run(c.tool, func(t *testing.T) {
			s := started.By(t, both()[c.server])
			session, err := connect(t, s, s.Token())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = session.Close() }()
			got, failed, err := call(t.Context(), session, c.tool, c.args)
			if err != nil || failed != c.failed || !strings.Contains(got, c.want) {
				t.Errorf("got %q, failed %t, %v; want %q, failed %t", got, failed, err, c.want, c.failed)
			}
		})
	}
}

func TestAnotherTokenIsRefused(t *testing.T) {
	for name, start := range both() {
		t.Run(name, func(t *testing.T) {
			s := started.By(t, start)
			if session, err := connect(t, s, "another"); err == nil {
				_ = session.Close()
				t.Error("a client with another token was let in")
			}
			if s.Total() == 0 {
				t.Error("a refused request must be remembered too")
			}
		})
	}
}

const (
	oldCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_channels","arguments":{}}}`
	newCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_channels","arguments":{},` +
		`"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",` +
		`"io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},` +
		`"io.modelcontextprotocol/clientCapabilities":{}}}}`
)

// One POST without a handshake or a session works in either era.
func TestBothErasAreServedWithoutASession(t *testing.T) {
	s := started.By(t, StartSlack)
	for _, c := range []struct {
		version, body string
		mirror        bool
	}{
		{"2025-11-25", oldCall, false},
		{"2026-07-28", newCall, true},
	} {
		t.Run(c.version, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Accept", "application/json, text/event-stream")
			req.Header.Set("MCP-Protocol-Version", c.version)
			if c.mirror {
				req.Header.Set("Mcp-Method", "tools/call")
				req.Header.Set("Mcp-Name", "list_channels")
			}
			mark := s.Total()
			resp, err := clientWith(t, s.Token()).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			var answer struct {
				Result *struct{ Content []struct{ Text string } }
				Error  any
			}
			if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
				t.Fatal(err)
			}
			if answer.Result == nil || answer.Result.Content[0].Text != "general, ops, incidents" {
				t.Errorf("status %d, answer %+v", resp.StatusCode, answer)
			}
			if resp.Header.Get("Mcp-Session-Id") != "" {
				t.Error("a session was begun")
			}
			if got := s.Since(mark); len(got) != 1 || !bytes.Equal(got[0].Body, []byte(c.body)) {
				t.Errorf("remembered %v", got)
			}
		})
	}
}
