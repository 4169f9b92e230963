package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

const authzenQuestion = `{"subject":{"type":"agent","id":"AGENT"},"action":{"name":"call"},"resource":{"type":"tool","id":"x","properties":{"arguments":{}}}}`

// TestAuthZENAsksWhoAsks: beyond loopback an asker of AuthZEN proves who it is,
// may ask about its own agents alone, and finds https in the metadata.
func TestAuthZENAsksWhoAsks(t *testing.T) {
	ca := newAuthority(t)
	base := beyond(t, &engine{}, ca.files(t, nil), keyed(peerKey, "a"))
	client := ca.browse(t, nil, nil)
	for name, c := range map[string]struct {
		header func(http.Header)
		agent  string
		code   int
		want   decision.Code
	}{
		"nobody":                     {nil, "a", 401, decision.CodeTokenMissing},
		"another key":                {bearer("Bearer " + otherKey), "a", 401, decision.CodePeerUnproven},
		"the peer":                   {bearer("Bearer " + peerKey), "a", 200, ""},
		"the peer, of another agent": {bearer("Bearer " + peerKey), "b", 200, decision.CodePeerRefused},
	} {
		t.Run(name, func(t *testing.T) {
			got := answerTo(t, client, http.MethodPost, base+"/access/v1/evaluation", strings.Replace(authzenQuestion, "AGENT", c.agent, 1), func(h http.Header) {
				h.Set("X-Request-ID", "request-7")
				if c.header != nil {
					c.header(h)
				}
			})
			var said struct {
				Decision any
				Reason   decision.Code
				Context  struct{ Reason decision.Code }
			}
			if err := json.Unmarshal([]byte(got.body), &said); err != nil || got.code != c.code {
				t.Fatalf("%d %s, want %d", got.code, got.body, c.code)
			}
			if said.Reason+said.Context.Reason != c.want || (said.Decision == true) != (c.want == "") {
				t.Errorf("%s, want %q", got.body, c.want)
			}
			if got.header.Get("X-Request-ID") != "request-7" || (c.code == 401) != (got.header.Get("WWW-Authenticate") != "") {
				t.Errorf("the headers are %v", got.header)
			}
		})
	}
	got := answerTo(t, client, http.MethodGet, base+"/.well-known/authzen-configuration", "", bearer("Bearer "+peerKey))
	if want := `"policy_decision_point":"` + base + `"`; got.code != 200 || !strings.HasPrefix(base, "https://") || !strings.Contains(got.body, want) {
		t.Errorf("%d %s, want %s", got.code, got.body, want)
	}
}
