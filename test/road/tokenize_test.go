package road

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

const secretAddress = "ann.lee@example.com"

// tokenize puts placeholders where the policy redacts, into LLM requests and
// arguments of tools.
func tokenize(s *setup) {
	s.policy = strings.ReplaceAll(s.policy, "request: [{type: PII, action: Redact}", "request: [{type: PII, action: Tokenize}")
	s.policy = strings.ReplaceAll(s.policy, "        response: [{type: PII, action: Redact}]\n", "        response: [{type: Secret, action: Block}]\n")
}

// parrot says again what it was told.
type parrot struct {
	mu    sync.Mutex
	heard []string
}

func (p *parrot) hear(r *http.Request) string {
	raw, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = append(p.heard, string(raw))
	var body struct {
		Messages []struct{ Content string }
		Params   struct{ Arguments map[string]string }
	}
	_ = json.Unmarshal(raw, &body)
	if len(body.Messages) > 0 {
		return body.Messages[len(body.Messages)-1].Content
	}
	return body.Params.Arguments["text"]
}

func (p *parrot) all() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.heard, "\n")
}

// whole answers a chat in one body, and a call of a tool.
func (p *parrot) whole(w http.ResponseWriter, r *http.Request) {
	text, _ := json.Marshal(p.hear(r))
	body := `{"choices":[{"index":0,"message":{"role":"assistant","content":` + string(text) + `}}]}`
	if strings.HasSuffix(r.URL.Path, "/mcp") {
		body = `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":` + string(text) + `}],"structuredContent":{"said":` + string(text) + `}}}`
	}
	says("application/json", body)(w, r)
}

// piecewise streams its answer a few bytes at a time.
func (p *parrot) piecewise(w http.ResponseWriter, r *http.Request) {
	text := p.hear(r)
	var pieces []string
	for len(text) > 3 {
		pieces, text = append(pieces, text[:3]), text[3:]
	}
	streams(nil, chunks(content, append(pieces, text)...)...)(w, r)
}

// TestTokenizedValuesStayHere: no upstream sees them, the agent gets them back,
// and nothing writes them down.
func TestTokenizedValuesStayHere(t *testing.T) {
	const prompt = "Tell " + secretAddress + " that [EMAIL_1_aaaaaa] and " + secretAddress + " are [fine]"
	eachWay(t, func(t *testing.T, r *Road) {
		p := &parrot{}
		r.script.play(p.whole)
		if a := r.post(t, pathChat, chat("script-1", prompt)); !strings.Contains(string(a.body), prompt) {
			t.Errorf("whole: the agent heard %s", a.body)
		}
		call := `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_thing","arguments":{"text":"` + prompt + `"}}}`
		if a := r.post(t, pathMCP+"/script", call, authorized(pathMCP, r.token(t, scopeRead))...); strings.Count(string(a.body), prompt) != 2 {
			t.Errorf("MCP: the agent heard %s", a.body)
		}
		r.script.play(p.piecewise)
		a := r.post(t, pathChat, chat("script-1", prompt, streamed))
		if got := joined(t, string(a.body)); got != prompt {
			t.Errorf("streamed: the agent heard %q", got)
		}
		r.settled(t, a)
		if heard := p.all(); strings.Contains(heard, "example.com") || strings.Count(heard, "[EMAIL_") != 9 {
			t.Errorf("the upstreams heard %s", heard)
		}
		for what, text := range map[string]string{"records": r.recordFiles(t), "log": r.log.String()} {
			if strings.Contains(text, "ann.lee") {
				t.Errorf("the %s hold the address", what)
			}
		}
		if metrics := r.metrics(t); !strings.Contains(metrics, `outrider_guard_findings_total{action="tokenize",type="pii.email"} 6`) {
			t.Errorf("metrics do not count: %s", metrics)
		}
	}, tokenize)
}

// joined returns the text that a stream says.
func joined(t *testing.T, stream string) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.SplitSeq(stream, "\n") {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var event struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for _, c := range event.Choices {
			out.WriteString(c.Delta.Content)
		}
	}
	return out.String()
}
