package guards

import (
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

// talk is text full of words that open the text behind them, without a credential.
const talk = `Please read the authorization docs first: the key points are the session, the password policy and how tokens expire. A token counts
	for 4 characters; your password must have 12 of them. The secret of a good API is its keys: "page_token", cache_key and 3 more. Basic auth is passed
	with -u in curl, and the credentials of user 42 are rotated on 2024-03-01. auth: key rotation took 15 minutes, version v1.2.3, and pass rate was 98.5. `

// TestTalkOfKeysHoldsLittle says how much waits of text that talks of
// credentials all the time.
func TestTalkOfKeysHoldsLittle(t *testing.T) {
	set := mustSet(t, Spec{Kind: Secret, Action: decision.ActionRedact})
	text := strings.Repeat(talk, 8)
	st := set.NewStream(nil, nil)
	var held []int
	sum := 0
	for at := range len(text) {
		release, findings, _ := st.Write(decision.Delta{Lane: "0", Text: text[at : at+1]})
		if len(findings) > 0 {
			t.Fatalf("found %v before %q", findings, text[max(0, at-40):at+1])
		}
		held = append(held, at+1-int(release.Upto))
		sum += held[at]
	}
	slices.Sort(held)
	if mean, p99 := float64(sum)/float64(len(text)), held[len(held)*99/100]; mean > 8 || p99 > 32 {
		t.Errorf("held %.1f bytes in the mean, %d at the 99th percentile", mean, p99)
	} else {
		t.Logf("held %.1f bytes in the mean, %d at the 99th percentile, %d at most", mean, p99, held[len(held)-1])
	}
}

// TestOpeners holds which words make what stands behind them a place.
func TestOpeners(t *testing.T) {
	set := mustSet(t, Spec{Kind: Secret, Action: decision.ActionRedact})
	judged := func(text, value string) bool {
		r := set.read([]byte(text), 0, true)
		at := strings.Index(text, value)
		for r.next() {
			p := r.places[ofSecrets]
			if p.From <= at && at < p.To {
				return p.Next(at) == at
			}
		}
		return false
	}
	for text, want := range map[string]bool{
		"the token is v4lue ": true, "the key v4lue ": true, "my password is value! ": true, "dbPassword: value! ": true, "curl -u value:x ": true, "--user value:x ": true,
		"the tale is v4lue ": false, "passage v4lue ": false, "a word: value! ": false, "sort u value:x ": false, "users value:x ": false, "the token is value ": false,
		"token" + strings.Repeat(" ", 100) + "v4lue ": true, "token" + strings.Repeat(" ", 400) + "v4lue ": false, "password" + strings.Repeat(" ", 70) + "value! ": false,
		strings.Repeat("x ", 500) + "the token: " + strings.Repeat("y ", 20) + "v4lue ": true, strings.Repeat("x ", 506) + "password: value! ": true,
	} {
		value := "v4lue"
		if !strings.Contains(text, value) {
			value = "value"
		}
		if got := judged(text, value); got != want {
			t.Errorf("%q: judged %v", text, got)
		}
	}
}
