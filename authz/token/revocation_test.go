package token

import (
	"testing"
	"time"

	"outrider.dev/outrider/decision"
)

func TestNotBefore(t *testing.T) {
	p := inlineProvider(allKeys())
	p.NotBefore = noon.Add(-10 * time.Minute)
	v := newVerifier(t, p)
	for name, tt := range map[string]struct {
		iat  any
		want decision.Code
	}{
		"later":                 {noon.Unix(), decision.CodeNone},
		"at that second":        {p.NotBefore.Unix(), decision.CodeNone},
		"a second earlier":      {p.NotBefore.Unix() - 1, decision.CodeTokenRevoked}, // no leeway
		"half a second earlier": {float64(p.NotBefore.Unix()) - 0.5, decision.CodeTokenRevoked},
		"at no time":            {nil, decision.CodeTokenRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			bearer := mintAs("rsa", object{"iat": tt.iat, "nbf": nil})
			for range 2 { // the second time it is remembered, if it was good
				_, err := v.Verify(bearer)
				wantCode(t, err, tt.want)
			}
		})
	}
}

// TestNotBeforeReachesRememberedTokens: what one Verifier remembers is refused
// by the next, whose issuer believes only newer tokens.
func TestNotBeforeReachesRememberedTokens(t *testing.T) {
	first := newVerifier(t, inlineProvider(allKeys()))
	old, young := mintAs("rsa", nil), mintAs("rsa", object{"iat": noon.Unix()})
	must(first.Verify(old))
	must(first.Verify(young))
	p := inlineProvider(allKeys())
	p.NotBefore = noon
	next, err := New(Config{Providers: []Provider{p}, Previous: first, Now: first.now})
	if err != nil {
		t.Fatal(err)
	}
	_, err = next.Verify(old)
	wantCode(t, err, decision.CodeTokenRevoked)
	if _, err := next.Verify(young); err != nil {
		t.Errorf("a token issued since: %v", err)
	}
}
