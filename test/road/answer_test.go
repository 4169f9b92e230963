package road

import (
	"net/http"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

// TestBadAnswers has upstreams answer what cannot be judged. None of it
// reaches the agent.
func TestBadAnswers(t *testing.T) {
	const mark = "unjudged"
	jsonSays := func(body string) http.HandlerFunc { return says("application/json", body) }
	encoded := func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		jsonSays(gzipped(`{"choices":[]}`))(w, q)
	}
	result := func(text string) string {
		return `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"` + text + `"}]}}`
	}
	llm := map[string]http.HandlerFunc{
		"duplicate keys": jsonSays(`{"choices":[{"message":{"content":"unjudged"}}],"choices":[]}`),
		"other case":     jsonSays(`{"Choices":[{"message":{"content":"unjudged"}}],"choices":[]}`),
		"a trailing one": jsonSays(`{"choices":[]} {"choices":[{"message":{"content":"unjudged"}}]}`),
		"no JSON":        jsonSays("unjudged"),
		"another type":   says("text/html", "unjudged"),
		"no UTF-8":       jsonSays("{\"choices\":[],\"x\":\"unjudged\xff\"}"),
		"compressed":     encoded,
		"too large":      jsonSays(`{"choices":[],"x":"` + strings.Repeat(mark, 1<<18) + `"}`),
		"too deep":       jsonSays(`{"x":"unjudged","y":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}"),
	}
	mcp := map[string]http.HandlerFunc{
		"duplicate keys": jsonSays(strings.Replace(result(mark), `"id"`, `"result":{},"id"`, 1)),
		"another id":     jsonSays(strings.Replace(result(mark), "7", "8", 1)),
		"a batch":        jsonSays("[" + result(mark) + "]"),
		"a trailing one": jsonSays(result("x") + result(mark)),
		"no JSON":        jsonSays(mark),
		"another type":   says("text/html", mark),
		"compressed":     encoded,
		"too large":      jsonSays(result(strings.Repeat(mark, 1<<18))),
		"a redirect": func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, "/unjudged", http.StatusTemporaryRedirect)
		},
		"a request of it": jsonSays(`{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{"x":"unjudged"}}`),
	}
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeRead)
		for name, answer := range llm {
			r.script.play(answer)
			t.Run("LLM, "+name, func(t *testing.T) { r.wantUnheard(t, pathChat, chat("script-1", "hi"), "", mark) })
		}
		for name, answer := range mcp {
			r.script.play(answer)
			t.Run("MCP, "+name, func(t *testing.T) { r.wantUnheard(t, pathMCP+"/script", oddCall("get_thing"), token, mark) })
		}
	})
}

// wantUnheard makes a call whose answer must be refused, and nothing of it heard.
func (r *Road) wantUnheard(t *testing.T, path, body, token, mark string) {
	t.Helper()
	a := r.post(t, path, body, authorized(path, token)...)
	a.wantRefused(t, decision.CodeUpstreamInvalid)
	if strings.Contains(string(a.body), mark) || a.header.Get("Location") != "" {
		t.Errorf("the agent heard %v %s", a.header, a.body)
	}
	if got := r.outcome(t, a.id(t)); got.End != decision.EndFailed {
		t.Errorf("recorded %+v", got)
	}
}

// TestBadStreams has a provider stream what cannot be judged.
func TestBadStreams(t *testing.T) {
	good := chunks(content, "Fine so far. ")[0]
	tests := map[string]string{
		"no JSON":         "data: never heard\n\n",
		"duplicate keys":  "data: {\"choices\":[],\"choices\":[{\"index\":0,\"delta\":{\"content\":\"never heard\"}}]}\n\n",
		"other case":      "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\",\"Content\":\"never heard\"}}]}\n\n",
		"a huge event":    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + strings.Repeat("never heard ", 1<<17) + "\"}}]}\n\n",
		"half an event":   "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"never heard\"}}]}\n",
		"two in one line": "data: {\"choices\":[]} {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"never heard\"}}]}\n\n",
	}
	eachWay(t, func(t *testing.T, r *Road) {
		for name, bad := range tests {
			t.Run(name, func(t *testing.T) {
				r.script.play(streams(nil, good, bad))
				a := r.post(t, pathChat, chat("script-1", "hi", streamed))
				last := a.refused(t)
				if last.Reason == decision.CodeNone || last.Decision != a.id(t) || strings.Contains(string(a.body), "never heard") {
					t.Errorf("the agent heard %.400q", a.body)
				}
			})
		}
	})
}
