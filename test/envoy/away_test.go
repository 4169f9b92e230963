package envoy

import (
	"net/http"
	"strings"
	"testing"
)

// TestAway: while no decision service answers, nothing passes; when it is back,
// calls pass again.
func TestAway(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			s := newSite(t, v)
			token := s.token(t, reader)
			s.pdp.stop(t)
			for name, got := range map[string]*answer{
				"chat":       s.chat(t, "gpt-5-mini", "Say hello.", false),
				"stream":     s.chat(t, "gpt-5-mini", "Say hello.", true),
				"tools/list": s.rpc(t, token, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`),
				"tools/call": s.tool(t, token, "list_issues", map[string]any{"repo": "acme/web"}),
				"models":     s.call(t, http.MethodGet, "/v1/models", ""),
			} {
				if got.status != http.StatusServiceUnavailable {
					t.Errorf("%s: %d, want 503", name, got.status)
				}
			}
			s.nothingArrived(t)
			s.startPDP(t)
			eventually(t, "a call to pass again", func() bool {
				return s.chat(t, "gpt-5-mini", "Say hello.", false).status == http.StatusOK
			})
		})
	}
}

// TestTooLarge: a body of more than the decision service takes is refused, and
// so is one that it would have to judge in part.
func TestTooLarge(t *testing.T) {
	s := newSite(t, variants()[0])
	body := chatBody(t, "gpt-5-mini", strings.Repeat("hello ", 2<<20), false)
	if got := s.call(t, http.MethodPost, "/v1/chat/completions", body); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d, want 413", got.status)
	}
	s.nothingArrived(t)
}
