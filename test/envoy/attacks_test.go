package envoy

import (
	"net/http"
	"strings"
	"testing"
)

// attacks sends bodies that readers disagree about, or that hide what matters:
// none of them may reach a server.
func (s *site) attacks(t *testing.T, token string) {
	pad := strings.Repeat(" ", 100<<10)
	filler := strings.Repeat("x", 100<<10)
	const call = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"list_issues","arguments":{"repo":"acme/web"}}}`
	for name, body := range map[string]string{
		"padding by white space":   `{"jsonrpc":"2.0","id":7,"method":"tools/call",` + pad + `"params":{"name":"delete_repo","arguments":{"repo":"acme/web"}}}`,
		"padding by a member":      `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"_meta":{"pad":"` + filler + `"},"name":"delete_repo","arguments":{"repo":"acme/web"}}}`,
		"padding in front":         pad + `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"delete_repo","arguments":{"repo":"acme/web"}}}`,
		"a name twice":             strings.Replace(call, `"name":`, `"name":"delete_repo","name":`, 1),
		"a name in two cases":      strings.Replace(call, `"name":`, `"Name":"delete_repo","name":`, 1),
		"an escaped name":          strings.Replace(call, `"name":`, `"n\u0061me":"delete_repo","name":`, 1),
		"a method twice":           strings.Replace(call, `"method":`, `"method":"tools/list","method":`, 1),
		"parameters twice":         strings.Replace(call, `"params":`, `"params":{"name":"delete_repo"},"params":`, 1),
		"a batch":                  "[" + call + "]",
		"a second document":        call + strings.Replace(call, "list_issues", "delete_repo", 1),
		"a second line":            call + "\n" + strings.Replace(call, "list_issues", "delete_repo", 1),
		"no JSON":                  "name=list_issues",
		"a byte that is no UTF-8":  strings.Replace(call, "acme", "ac\xffme", 1),
		"a byte order mark":        "\ufeff" + call,
		"a method that is unknown": strings.Replace(call, "tools/call", "tools/delete", 1),
		"nothing":                  "",
		"deep nesting":             strings.Replace(call, `"acme/web"`, strings.Repeat("[", 200)+strings.Repeat("]", 200), 1),
	} {
		t.Run(name, func(t *testing.T) {
			mark := s.github.Total()
			got := s.rpc(t, token, body)
			if hidden := strings.Contains(string(got.body), "Unknown tool"); got.status < http.StatusBadRequest && !hidden {
				t.Errorf("%d %.300q", got.status, got.body)
			}
			if n := s.github.Total() - mark; n != 0 {
				t.Errorf("%d calls reached the server", n)
			}
		})
	}
	t.Run("a long call that is allowed", func(t *testing.T) {
		mark := s.github.Total()
		body := strings.Replace(call, `"params":`, pad+`"params":`, 1)
		if text := s.rpc(t, token, body).result(t); !strings.Contains(text, "2 issues") {
			t.Error(text)
		}
		if got := arrived(t, s.github.Recorder, mark); string(got.Body) != body {
			t.Error("the server received other bytes than were sent")
		}
	})
	t.Run("headers", func(t *testing.T) { s.headerAttacks(t, token, call) })
}

// headerAttacks are calls whose headers say something else than their body, or
// that would have the body read in another way.
func (s *site) headerAttacks(t *testing.T, token, call string) {
	for name, headers := range map[string][]string{
		"compressed":          {"Content-Encoding", "gzip"},
		"no JSON by its type": {"Content-Type", "text/plain"},
		"another web page":    {"Origin", "https://evil.example"},
	} {
		t.Run(name, func(t *testing.T) {
			mark := s.github.Total()
			headers = append([]string{"Accept", "application/json, text/event-stream", "Authorization", "Bearer " + token}, headers...)
			if got := s.call(t, http.MethodPost, "/mcp/github", call, headers...); got.status < http.StatusBadRequest {
				t.Errorf("%d %.300q", got.status, got.body)
			}
			if n := s.github.Total() - mark; n != 0 {
				t.Errorf("%d calls reached the server", n)
			}
		})
	}
	t.Run("a route that the agent describes", func(t *testing.T) {
		mark := s.provider.Total()
		got := s.call(t, http.MethodPost, "/v1/chat/completions", chatBody(t, "unlisted-model", "hi", false),
			"X-Outrider-Provider", "elsewhere", "X-Outrider-Agent", "somebody", "X-Outrider-Paired", "false")
		if e := got.refusal(t); e.Code != "model_not_allowed" || s.provider.Total() != mark {
			t.Errorf("%d %+v", got.status, e)
		}
	})
}
