package token

import (
	"slices"
	"time"

	"outrider.dev/outrider/decision"
)

// Token is what a verified token says. Calls with the same one share one Token:
// do not modify it.
type Token struct {
	Issuer    string
	Subject   string // sub, else Client
	Client    string // the client that got the token: client_id, cid, azp or appid
	Audiences []string
	Claims    map[string]any // scp and scope are lists; numbers are what [number.Read] returns
	Scopes    []string       // scp ∪ scope ∪ roles, in order of appearance, without repeats
	Expires   time.Time      // zero: its issuer, who was asked, does not say
}

// For checks the token against the audiences of one policy: several policies
// may list one issuer with different audiences, and [Verifier.Verify] accepts
// a token for any of them. An empty list accepts every audience.
func (t *Token) For(audiences []string) error {
	if len(audiences) == 0 {
		return nil
	}
	for _, a := range t.Audiences {
		if slices.Contains(audiences, a) {
			return nil
		}
	}
	return decision.Refuse(decision.CodeAudienceMismatch,
		"the token is meant for another audience: ask the issuer for a token whose aud is one that the policy lists under jwtAuthentication.providers")
}
