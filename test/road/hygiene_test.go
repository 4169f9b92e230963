package road

import (
	"net/http"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

// What an agent may carry and no far side may see.
const (
	agentCookie = "session=cookie-51c7"
	agentKey    = "key-9b1e"
	traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

// personal stands in prompts, arguments and results of the calls below.
func personal() []string { return []string{"536-22-8145", "jane.doe@example.com", "(415) 555-0142"} }

// burdened are headers with all that an agent can prove itself by.
func burdened(token string) []string {
	return append(bearer(token), "Cookie", agentCookie, "X-Api-Key", agentKey, "Api-Key", agentKey,
		"X-Goog-Api-Key", agentKey, "X-Amz-Security-Token", agentKey, "X-Auth-Token", agentKey, "Accept-Encoding", "gzip, br",
		"Proxy-Authorization", "Basic "+agentKey, "X-Forwarded-For", "10.1.2.3", "Traceparent", traceparent,
		"Connection", "X-Secret-Hop", "X-Secret-Hop", agentKey)
}

// makeCalls makes one call of every kind, and returns the answers.
func makeCalls(t *testing.T, r *Road, token string) []*answer {
	t.Helper()
	const mail = `{"channel":"ops","text":"SSN 536-22-8145, jane.doe@example.com"}`
	said := strings.Join(personal(), " ")
	r.script.play(says("application/json", `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"jane.doe@example.com"}],"tools":[]}}`))
	calls := []struct{ path, body, token string }{
		{pathChat, chat("grok-4", said), placeholder},
		{pathChat, chat("grok-4", said, streamed), token},
		{pathChat, chat("grok-4", leak), placeholder},
		{pathChat, chat("llama-4", said), placeholder},
		{pathChat, `{"model":"grok-4","model":"jane.doe@example.com","messages":[]}`, placeholder},
		{pathEmbeddings, `{"model":"grok-embedding","input":"` + said + `"}`, placeholder},
		{pathMCP, rpc("tools/list", "{}"), token},
		{pathMCP, toolCall("slack__post_message", mail), token},
		{pathMCP, toolCall("slack__get_message", `{"channel":"ops","id":"m1"}`), token},
		{pathMCP + "/script", toolCall("get_thing", `{}`), token},
		{pathMCP, toolCall("github__delete_repo", `{"repo":"jane.doe@example.com"}`), token},
		{pathMCP, rpc("tools/list", "{}"), "not-a-token"},
	}
	var out []*answer
	for _, c := range calls {
		out = append(out, r.post(t, c.path, c.body, burdened(c.token)...))
	}
	r.main.FailNext(1, http.StatusServiceUnavailable)
	r.spare.FailNext(1, http.StatusServiceUnavailable)
	return append(out, r.post(t, pathChat, chat("failover-1", said), burdened(placeholder)...))
}

// TestNothingOfTheAgentTravels looks at all that arrives at the far side.
func TestNothingOfTheAgentTravels(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeWrite)
		makeCalls(t, r, token)
		arrivals := r.arrived()
		if len(arrivals) < 10 {
			t.Fatalf("only %d requests arrived", len(arrivals))
		}
		keys := r.keys()
		for _, a := range arrivals {
			if got := a.Header.Get("Authorization"); got != "Bearer "+keys[a.at] {
				t.Errorf("%s received the credential %.12q", a.at, got)
			}
			if got := a.Header.Get("Accept-Encoding"); got != "identity" {
				t.Errorf("%s may answer in the encodings %q, which nobody could judge", a.at, got)
			}
			if got := a.Header.Get("Traceparent"); got != traceparent {
				t.Errorf("%s received the trace %q", a.at, got)
			}
			whole := a.whole()
			for _, secret := range append(personal(), token, placeholder, agentCookie, agentKey, "10.1.2.3") {
				if strings.Contains(whole, secret) {
					t.Errorf("%s received %.12q in %s", a.at, secret, whole)
				}
			}
		}
	})
}

// whole is a request as one text.
func (a *arrival) whole() string {
	var b strings.Builder
	b.WriteString(a.Method + " " + a.Path + "\n")
	_ = a.Header.Write(&b) // a builder never fails
	b.Write(a.Body)
	return b.String()
}

// TestKeysStayInside looks for keys and judged content in all that the agent,
// the logs, the metrics and the record of decisions say.
func TestKeysStayInside(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeWrite)
		answers := makeCalls(t, r, token)
		r.settled(t, answers[len(answers)-1])
		said := map[string]string{"the log": r.log.String(), "the record of decisions": r.recordFiles(t), "the metrics": r.metrics(t)}
		for name, text := range said {
			for _, secret := range append(personal(), token, placeholder, agentCookie, agentKey, r.main.Planted()[:12]) {
				if strings.Contains(text, secret) {
					t.Errorf("%s tells %.12q", name, secret)
				}
			}
		}
		for _, a := range answers {
			var head strings.Builder
			_ = a.header.Write(&head) // a builder never fails
			said["the answer of "+a.path] += head.String() + string(a.body)
		}
		for name, text := range said {
			for of, key := range r.keys() {
				if strings.Contains(text, key) {
					t.Errorf("%s tells the key of %s", name, of)
				}
			}
		}
		if len(said["the record of decisions"]) == 0 || len(said["the log"]) == 0 {
			t.Error("nothing was recorded or logged, so nothing was tested")
		}
	})
}

// TestDecisionsAreFound asks for calls of every end, and looks each one up by
// its id and by the beginning of it.
func TestDecisionsAreFound(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		seen := map[string]bool{}
		for _, a := range makeCalls(t, r, r.token(t, scopeWrite)) {
			id := a.id(t)
			if seen[id] {
				t.Errorf("the id %s was given twice", id)
			}
			seen[id] = true
			if a.status == http.StatusBadRequest {
				continue // refused for its body, before anyone was asked
			}
			found := r.records(t, id, "request")
			request := phaseOf(found, "request")
			if request.Agent != agentName || request.Code == decision.CodeNone && request.Effect == decision.Deny.String() {
				t.Errorf("%s %d is recorded as %+v", a.path, a.status, request)
			}
			if short := r.records(t, id[:12], "request"); len(short) == 0 || short[0].ID != id {
				t.Errorf("the beginning of %s finds %+v", id, short)
			}
		}
	})
}

// TestForgedDecision keeps an upstream from naming another decision.
func TestForgedDecision(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		r.script.play(func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Outrider-Decision", "forgedforged")
			w.Header().Set("Set-Cookie", "a=b")
			says("application/json", `{"choices":[],"jsonrpc":"2.0","id":7,"result":{}}`)(w, q)
		})
		for _, a := range []*answer{
			r.post(t, pathChat, chat("script-1", "hi")),
			r.post(t, pathMCP+"/script", oddCall("get_thing"), bearer(r.token(t, scopeRead))...),
		} {
			a.wantPassed(t)
			if got := a.header.Values("Outrider-Decision"); len(got) != 1 || got[0] == "forgedforged" || a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s answered with the headers %v", a.path, a.header)
			}
		}
	})
}
