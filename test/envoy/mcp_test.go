package envoy

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// result is what a tool answered.
func (a *answer) result(t *testing.T) string {
	t.Helper()
	var got struct {
		Result struct{ Content []struct{ Text string } }
	}
	if err := json.Unmarshal(a.message(), &got); err != nil || len(got.Result.Content) != 1 {
		t.Fatalf("status %d and no result: %v in %.500q", a.status, err, a.body)
	}
	return got.Result.Content[0].Text
}

func (s *site) mcpAllowed(t *testing.T) {
	token := s.token(t, reader)
	mark := s.github.Total()
	got := s.tool(t, token, "list_issues", map[string]any{"repo": "acme/web"})
	if text := got.result(t); !strings.Contains(text, "acme/web has 2 issues") {
		t.Errorf("%d %s", got.status, text)
	}
	wantKey(t, arrived(t, s.github.Recorder, mark), s.github.Token(), token)
}

func (s *site) mcpListed(t *testing.T) {
	for token, want := range map[string][]string{
		s.token(t, reader): {"get_issue", "list_issues", "list_repos", "search_code"},
		s.token(t, writer): {"comment_issue", "create_issue", "get_issue", "list_issues", "list_repos", "search_code"},
	} {
		got := s.rpc(t, token, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
		var list struct {
			Result struct{ Tools []struct{ Name string } }
		}
		if err := json.Unmarshal(got.message(), &list); err != nil {
			t.Fatalf("%d: %v in %.500q", got.status, err, got.body)
		}
		var names []string
		for _, one := range list.Result.Tools {
			names = append(names, one.Name)
		}
		if slices.Sort(names); !slices.Equal(names, want) {
			t.Errorf("tools %v, want %v", names, want)
		}
	}
}

func (s *site) mcpUnauthenticated(t *testing.T) {
	mark := s.github.Total()
	for name, token := range map[string]string{"none": "", "no JWT": agentSecret, "forged": s.token(t, reader) + "x"} {
		got := s.tool(t, token, "list_issues", map[string]any{"repo": "acme/web"})
		if got.status != http.StatusUnauthorized || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: %d, WWW-Authenticate %q", name, got.status, got.header.Get("WWW-Authenticate"))
		}
		if e := got.refusal(t); e.Data.Decision == "" || e.Data.Reason == "" {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if n := s.github.Total() - mark; n != 0 {
		t.Errorf("%d calls without a good token reached the server", n)
	}
}

func (s *site) mcpRefused(t *testing.T) {
	read, write := s.token(t, reader), s.token(t, writer)
	mark := s.github.Total()
	if e := s.tool(t, read, "delete_repo", map[string]any{"repo": "acme/web"}).refusal(t); !strings.Contains(e.Message, "Unknown tool") {
		t.Errorf("a hidden tool: %+v", e)
	}
	if e := s.tool(t, read, "create_issue", map[string]any{"repo": "acme/web", "title": "x"}).refusal(t); !strings.Contains(e.Message, "Unknown tool") {
		t.Errorf("a tool beyond the scope: %+v", e)
	}
	got := s.tool(t, write, "create_issue", map[string]any{"repo": "infra/prod", "title": "x"})
	if e := got.refusal(t); got.status != http.StatusForbidden || e.Data.Reason != "denied_by_rule" || !strings.Contains(e.Message, "Ask the platform team.") {
		t.Errorf("by its arguments: %d %+v", got.status, e)
	}
	if n := s.github.Total() - mark; n != 0 {
		t.Errorf("%d refused calls reached the server", n)
	}
}

// mcpRedacted: what a tool returns is redacted on its way to the agent.
func (s *site) mcpRedacted(t *testing.T) {
	got := s.tool(t, s.token(t, reader), "search_code", map[string]any{"query": "ann@example.com"})
	if text := got.result(t); !strings.Contains(text, "[EMAIL]") || strings.Contains(string(got.body), "ann@example.com") {
		t.Errorf("%d %s", got.status, got.body)
	}
}
