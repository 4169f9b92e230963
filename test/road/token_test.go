package road

import (
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/demo/issuer"
)

// TestTokens shows every token that must not be believed, on both paths.
func TestTokens(t *testing.T) {
	forged := func(f issuer.Forgery) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			token, err := believed.Forge(f, "reader", scopeRead)
			if err != nil {
				t.Fatal(err)
			}
			return "Bearer " + token
		}
	}
	fixed := func(header string) func(*testing.T) string { return func(*testing.T) string { return header } }
	tests := []struct {
		name          string
		authorization func(*testing.T) string
		code          decision.Code
	}{
		{"none", fixed(""), decision.CodeTokenMissing},
		{"another scheme", fixed("Basic cmVhZGVyOnNlY3JldA=="), decision.CodeTokenMissing},
		{"an empty one", fixed("Bearer "), decision.CodeTokenMissing},
		{"no token at all", fixed("Bearer " + placeholder), decision.CodeTokenMalformed},
		{"two dots", fixed("Bearer .."), decision.CodeTokenMalformed},
		{"expired", forged(issuer.Expired), decision.CodeTokenExpired},
		{"for another audience", forged(issuer.OtherAudience), decision.CodeAudienceMismatch},
		{"of another issuer", forged(issuer.OtherIssuer), decision.CodeIssuerUnknown},
		{"signed with a stranger's key", forged(issuer.StrangerKey), decision.CodeTokenSignature},
		{"unsigned", forged(issuer.Unsigned), decision.CodeTokenAlgorithm},
		{"HMAC with the public key", forged(issuer.HMAC), decision.CodeTokenAlgorithm},
		{"bound to a key that nobody proves", forged(issuer.Bound), decision.CodeTokenBound},
	}
	eachWay(t, func(t *testing.T, r *Road) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				header := []string{"Authorization", tt.authorization(t)}
				for path, body := range map[string]string{
					pathMCP: toolCall("github__list_issues", `{"repo":"a/b"}`), pathMCP + "/slack": rpc("tools/list", "{}"),
				} {
					a := r.post(t, path, body, header...)
					a.wantRefused(t, tt.code)
					challenge := `Bearer error="invalid_token"`
					if tt.code == decision.CodeTokenMissing {
						challenge = `Bearer realm=` // an error only for who sent a token (RFC 6750 §3.1)
					}
					if got := a.header.Get("WWW-Authenticate"); !strings.HasPrefix(got, challenge) {
						t.Errorf("WWW-Authenticate is %q", got)
					}
				}
			})
		}
		r.wantArrivals(t, 0)
	})
}

// TestTamperedToken changes one character in each part of a good token.
func TestTamperedToken(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		good := r.token(t, scopeRead)
		for at := 5; at < len(good); at += len(good) / 24 {
			if good[at] == '.' {
				continue
			}
			swap := byte('A')
			if good[at] == swap {
				swap = 'B'
			}
			bad := good[:at] + string(swap) + good[at+1:]
			a := r.post(t, pathMCP, rpc("tools/list", "{}"), bearer(bad)...)
			if a.status != 401 || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("a token with another character at %d of %d: %d %s", at, len(good), a.status, a.body)
			}
		}
		r.wantArrivals(t, 0)
		r.post(t, pathMCP+"/slack", rpc("tools/list", "{}"), bearer(good)...).wantPassed(t)
	})
}

// TestTokenOnLLM lets LLM calls speak as the workload, but not with a token of
// a believed issuer that is bad.
func TestTokenOnLLM(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		r.post(t, pathChat, chat("grok-4", "hi"), "Authorization", "").wantPassed(t)
		r.post(t, pathChat, chat("grok-4", "hi"), bearer(r.token(t, scopeNone))...).wantPassed(t)
		mark := r.main.Total()
		expired, err := believed.Forge(issuer.Expired, "reader", scopeRead)
		if err != nil {
			t.Fatal(err)
		}
		a := r.post(t, pathChat, chat("grok-4", "hi"), bearer(expired)...)
		a.wantRefused(t, decision.CodeTokenExpired)
		if a.header.Get("WWW-Authenticate") == "" {
			t.Error("no WWW-Authenticate header")
		}
		if r.main.Total() != mark {
			t.Error("the call was forwarded")
		}
	})
}
