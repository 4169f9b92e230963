package policytest

import (
	"reflect"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/decision"
)

// verified returns what the engine gets to know of a principal.
func verified(t *testing.T, principal string) *token.Token {
	t.Helper()
	suites, err := Load(write(t, policyYAML, headYAML+"  principals: [{name: p, "+principal+"}]\n"+oneCase))
	if err != nil {
		t.Fatal(err)
	}
	got, err := suites[0].tokens.Verify(decision.Secret(suites[0].bearers["p"]))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestTokens: a principal becomes a token that is read as those of real
// issuers are.
func TestTokens(t *testing.T) {
	for name, c := range map[string]struct {
		principal string
		subject   string
		scopes    []string
		audiences []string
	}{
		"scopes":         {"scopes: [a, b]", "p", []string{"a", "b"}, []string{"api"}},
		"a subject":      {"subject: 00u1", "00u1", nil, []string{"api"}},
		"an audience":    {"audiences: [api, other]", "p", nil, []string{"api", "other"}},
		"all three":      {"scopes: [a], claims: {scope: b c, roles: [c, d]}", "p", []string{"a", "b", "c", "d"}, []string{"api"}},
		"a spaced scp":   {"claims: {scp: a b}", "p", []string{"a", "b"}, []string{"api"}},
		"one role":       {"claims: {roles: reader}", "p", []string{"reader"}, []string{"api"}},
		"a claim, alone": {"claims: {team: x}", "p", nil, []string{"api"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := verified(t, c.principal)
			if got.Issuer != issuerURL || got.Subject != c.subject || strings.Join(got.Scopes, " ") != strings.Join(c.scopes, " ") ||
				strings.Join(got.Audiences, " ") != strings.Join(c.audiences, " ") {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestClaimsKeepTheirTypes: whole numbers stay whole, as rules that compare
// them expect.
func TestClaimsKeepTheirTypes(t *testing.T) {
	got := verified(t, `claims: {n: 7, big: 4503599627370496, half: 0.5, yes: true, no: null, list: [1, "1"], deep: {a: {b: c}}, cid: client}`)
	want := map[string]any{
		"n": int64(7), "big": int64(1 << 52), "half": 0.5, "yes": true, "no": nil, "list": []any{int64(1), "1"},
		"deep": map[string]any{"a": map[string]any{"b": "c"}}, "cid": "client",
	}
	for name, value := range want {
		if have, ok := got.Claims[name]; !ok || !reflect.DeepEqual(have, value) {
			t.Errorf("%s is %T %v, want %T %v", name, have, have, value, value)
		}
	}
	if got.Client != "client" || !got.Expires.Equal(Now().Add(lifetime)) {
		t.Errorf("got %+v", got)
	}
}

// TestTokensAreSigned: the verifier of a suite believes its own tokens, and no
// others.
func TestTokensAreSigned(t *testing.T) {
	file := write(t, policyYAML, headYAML+"  principals: [{name: p, scopes: [a]}, {name: nobody}]\n"+oneCase)
	first, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	bearer := first[0].bearers["p"]
	if _, err := second[0].tokens.Verify(decision.Secret(bearer)); err == nil {
		t.Error("a token of another run is believed")
	}
	parts := strings.Split(bearer, ".")
	if _, err := first[0].tokens.Verify(decision.Secret(parts[0] + "." + part([]byte(`{"iss":"`+issuerURL+`"}`)) + "." + parts[2])); err == nil {
		t.Error("a changed token is believed")
	}
	if got, ok := first[0].bearers["nobody"]; !ok || got != "" || first[0].caller("nobody").Bearer != nil {
		t.Errorf("a name only has the token %q", got)
	}
}
