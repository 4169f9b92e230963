package decision_test

import (
	"net/http"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

func TestChallenge(t *testing.T) {
	for name, tt := range map[string]struct {
		reason decision.Reason
		want   string
	}{
		"no token":      {decision.Reason{Code: decision.CodeTokenMissing, Message: "send one"}, `Bearer realm="outrider"`},
		"bad token":     {decision.Reason{Code: decision.CodeTokenExpired}, `Bearer error="invalid_token", error_description="The token has expired"`},
		"in words":      {decision.Reason{Code: decision.CodeTokenRevoked, Message: "get \"another\"\n"}, `Bearer error="invalid_token", error_description="get 'another''"`},
		"scopes":        {decision.Reason{Code: decision.CodeNotAllowed, Message: "no", NeededScopes: []string{"mcp:read", "mcp:write"}}, `Bearer error="insufficient_scope", error_description="no", scope="mcp:read mcp:write"`},
		"strange scope": {decision.Reason{Code: decision.CodeNotAllowed, Message: "no", NeededScopes: []string{"Data Admin", "é", `a"b`, "", "ok"}}, `Bearer error="insufficient_scope", error_description="no", scope="ok"`},
		"no such scope": {decision.Reason{Code: decision.CodeNotAllowed, Message: "no", NeededScopes: []string{"Data Admin"}}, `Bearer error="insufficient_scope", error_description="no"`},
		"no scope":      {decision.Reason{Code: decision.CodeNotAllowed}, ""},
		"denied":        {decision.Reason{Code: decision.CodeDeniedByRule}, ""},
		"hidden":        {decision.Reason{Code: decision.CodeNotAllowed, Hidden: true, NeededScopes: []string{"mcp:read"}}, ""},
		"issuer away":   {decision.Reason{Code: decision.CodeIssuerUnavailable}, ""},
		"limit":         {decision.Reason{Code: decision.CodeRateLimited}, ""},
		"nothing":       {decision.Reason{}, ""},
	} {
		if got := tt.reason.Challenge(); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// TestEveryUnauthorizedCodeChallenges: HTTP demands the header with each 401.
func TestEveryUnauthorizedCodeChallenges(t *testing.T) {
	for _, e := range decision.Registry() {
		got := (&decision.Reason{Code: e.Code}).Challenge()
		if (e.Status.HTTP == http.StatusUnauthorized) != strings.HasPrefix(got, "Bearer ") {
			t.Errorf("%s with status %d: %q", e.Code, e.Status.HTTP, got)
		}
	}
}

// FuzzChallenge: whatever a policy's words and scopes are, the header stays one
// line of bounded length with even quotes.
func FuzzChallenge(f *testing.F) {
	f.Add("message", "mcp:read")
	f.Add("a\r\nSet-Cookie: x", `"`)
	f.Add(strings.Repeat("é", 4096), strings.Repeat("s", 4096))
	f.Fuzz(func(t *testing.T, message, scope string) {
		r := decision.Reason{Code: decision.CodeNotAllowed, Message: message, NeededScopes: []string{scope, scope}}
		got := r.Challenge()
		if len(got) > 3<<10 || strings.Count(got, `"`)%2 != 0 || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q", got)
		}
		r.Code = decision.CodeTokenMalformed
		if !strings.HasPrefix(r.Challenge(), `Bearer error="invalid_token"`) {
			t.Errorf("%q", r.Challenge())
		}
	})
}
