package road

import (
	"net/http"
	"strings"
	"testing"
)

// Bodies that a program which reads and writes them anew would change: members
// that nobody knows, integers beyond 53 bits, numbers in odd spellings, odd
// spaces, orders, escapes and an empty name.
const (
	oddChat = "\r\n{ \"vendor\":{\"b\":1,\"a\":[ ]},\"seed\":9007199254740993,\t\"temperature\":1.50e+0,\n" +
		`"messages":[{"content":"h\u00e9llo \/ \ud83d\ude00","role":"user","":null,"weight":18446744073709551616}],` +
		`"stream" : false, "model":"script-1","user":"u-1" }` + "\n"
	oddEmbeddings = `{"dimensions":8,"input" :[ "one" ,"two"],"x_vendor":{"n":12345678901234567890},"model":"script-embed"}`
	oddArguments  = `{"n":9007199254740993,"f":1.0,"nested":{"z":1,"a":"\u00e9\/"},"list":[ 1 , 2 ],"":0}`
	oddResult     = `{ "result":{"content":[{"type":"text","text":"h\u00e9 \/"}],"x_vendor":18446744073709551616},` + "\t" + `"id" : 7 ,"jsonrpc":"2.0" }`
)

// oddCall is an MCP message with the tool under the name that stands for %.
func oddCall(tool string) string {
	return strings.Replace("{\"method\":\"tools/call\" ,\n\"params\":{\"arguments\":"+oddArguments+
		`,"name": "%" ,"_meta":{"x":{"big":123456789012345678901234567890}}},"id" :7,"jsonrpc":"2.0" }`, "%", tool, 1)
}

func TestIdenticalBytes(t *testing.T) {
	const plain = "application/json"
	oddAnswer := `{ "choices":[{"message":{"content":"fine \u00e9\/","role":"assistant","x":18446744073709551616},"index":0,"logprobs":null}],` +
		"\n\t" + `"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"cost":0.00010},"id":"r-1"}` + "\n"
	tests := []struct {
		name, path   string
		sent, arrive string
		answer       string
	}{
		{"chat", pathChat, oddChat, oddChat, oddAnswer},
		{"embeddings", pathEmbeddings, oddEmbeddings, oddEmbeddings, `{"data":[{"index":0,"embedding":[1.0,2e0]}] ,"x":1}`},
		{"MCP, one server", pathMCP + "/script", oddCall("list_things"), oddCall("list_things"), oddResult},
		{"MCP, the tool renamed", pathMCP, oddCall("script__list_things"), oddCall("list_things"), oddResult},
	}
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeRead)
		for _, tt := range tests {
			r.script.play(says(plain, tt.answer))
			mark := r.script.Total()
			var header []string
			if strings.HasPrefix(tt.path, pathMCP) {
				header = bearer(token)
			}
			a := r.post(t, tt.path, tt.sent, header...)
			a.wantPassed(t)
			if string(a.body) != tt.answer {
				t.Errorf("%s: the agent received\n%q, the upstream sent\n%q", tt.name, a.body, tt.answer)
			}
			if got := r.script.Since(mark); len(got) != 1 || string(got[0].Body) != tt.arrive {
				t.Errorf("%s: arrived\n%q, want\n%q", tt.name, got[0].Body, tt.arrive)
			}
		}
	})
}

// TestIdenticalStream holds the bytes of a stream to those that were sent, its
// comments, odd line ends and unknown members included.
func TestIdenticalStream(t *testing.T) {
	events := []string{
		": ping\n\n",
		"id: 1\nevent: delta\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"A fine \"},\"x\":18446744073709551616}]}\n\n",
		"data:{ \"choices\" : [ {\"index\":0,\"delta\":{\"content\":\"day. \\u00e9 \"}} ] }\r\n\r\n",
		"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
		"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"x\":1.0}}\n\n",
		"data: [DONE]\n\n",
	}
	eachWay(t, func(t *testing.T, r *Road) {
		r.script.play(streams(nil, events...))
		a := r.post(t, pathChat, chat("script-1", "hello", streamed))
		a.wantPassed(t)
		if got, want := string(a.body), strings.Join(events, ""); got != want {
			t.Errorf("the agent received\n%q, the provider sent\n%q", got, want)
		}
	})
}

// TestFailuresPass hands a provider's own errors over as they are: the agent's
// SDK knows what to do about them.
func TestFailuresPass(t *testing.T) {
	const sorry = `{"error":{"message":"context too long","type":"invalid_request_error","code":"context_length_exceeded"} }`
	eachWay(t, func(t *testing.T, r *Road) {
		r.script.play(func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			says("application/json", sorry)(w, q)
		})
		a := r.post(t, pathChat, chat("script-1", "hello"))
		if a.status != http.StatusBadRequest || string(a.body) != sorry || a.header.Get("Retry-After") != "7" {
			t.Errorf("the agent received %d %v %s", a.status, a.header, a.body)
		}
		a.id(t)
	})
}
