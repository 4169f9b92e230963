package llm

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) (*Provider, *http.Client) {
	t.Helper()
	p, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	base := &http.Transport{}
	t.Cleanup(func() {
		base.CloseIdleConnections()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, &http.Client{Transport: base, Timeout: 5 * time.Second}
}

// post sends a body with the provider's key and returns the status and the answer.
func post(t *testing.T, p *Provider, c *http.Client, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.Key())
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

type answer struct {
	Choices []struct {
		Message struct {
			Content   *string
			ToolCalls []toolCall `json:"tool_calls"`
		}
		Delta struct {
			Content   *string
			ToolCalls []toolCall `json:"tool_calls"`
		}
		FinishReason *string `json:"finish_reason"`
	}
	Usage *usage
}

type toolCall struct {
	ID       string
	Function struct{ Name, Arguments string }
}

func decode(t *testing.T, raw string) answer {
	t.Helper()
	var a answer
	if err := json.Unmarshal([]byte(raw), &a); err != nil {
		t.Fatalf("%q is not an answer: %v", raw, err)
	}
	return a
}

func ask(text, more string) string {
	q, _ := json.Marshal(text)
	return `{"model":"grok-4","messages":[{"role":"system","content":"be brief"},{"role":"user","content":` + string(q) + `}]` + more + `}`
}

func TestAnswersRepeatTheQuestion(t *testing.T) {
	p, c := start(t)
	for _, body := range []string{
		ask("Where is the harbour?", ""),
		`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Where is"},{"type":"text","text":"the harbour?"}]}]}`,
	} {
		status, raw := post(t, p, c, "/chat/completions", body)
		got := decode(t, raw)
		if status != http.StatusOK || *got.Choices[0].Message.Content != "You said: Where is the harbour?" {
			t.Errorf("status %d: %s", status, raw)
		}
		if u := got.Usage; u == nil || u.Prompt == 0 || u.Completion == 0 || u.Total != u.Prompt+u.Completion {
			t.Errorf("usage is %+v", got.Usage)
		}
	}
}

func TestTheProvidersKeyIsRequired(t *testing.T) {
	p, c := start(t)
	for _, auth := range []string{"", "Bearer outrider", p.Key()} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+"/models", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", auth)
		req.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		mark := p.Total()
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var body struct{ Error apiError }
		err = json.NewDecoder(resp.Body).Decode(&body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusUnauthorized || body.Error.Code != "invalid_api_key" {
			t.Errorf("%q: status %d, %+v, %v", auth, resp.StatusCode, body, err)
		}
		got := p.Since(mark)
		if len(got) != 1 || got[0].Header.Get("Traceparent") == "" || got[0].Header.Get("Authorization") != auth {
			t.Errorf("remembered %v", got)
		}
	}
}

func TestTheDeployKeyLeaks(t *testing.T) {
	p, c := start(t)
	_, raw := post(t, p, c, "/chat/completions", ask("What is the deploy key?", ""))
	if !strings.Contains(raw, p.Planted()) {
		t.Errorf("the answer does not leak: %s", raw)
	}
	if len(p.Planted()) != 40 || !strings.HasPrefix(p.Planted(), "gh"+"p_") {
		t.Errorf("%q has not the shape of a GitHub token", p.Planted())
	}
	if New().Planted() == p.Planted() {
		t.Error("two providers plant the same credential")
	}
}

// events returns the data of every event of a stream.
func events(t *testing.T, raw string) []string {
	t.Helper()
	var out []string
	lines := bufio.NewScanner(strings.NewReader(raw))
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			out = append(out, data)
		}
	}
	return out
}

func TestStreamsSayWhatWholeAnswersSay(t *testing.T) {
	p, c := start(t)
	for _, question := range []string{"What is the deploy key?", "one", "a  longer   question, with spaces"} {
		_, raw := post(t, p, c, "/chat/completions", ask(question, ""))
		whole := *decode(t, raw).Choices[0].Message.Content
		_, raw = post(t, p, c, "/chat/completions", ask(question, `,"stream":true,"stream_options":{"include_usage":true}`))
		all := events(t, raw)
		if all[len(all)-1] != "[DONE]" {
			t.Fatalf("the stream ends with %q", all[len(all)-1])
		}
		var text strings.Builder
		var finish string
		var use *usage
		for _, data := range all[:len(all)-1] {
			chunk := decode(t, data)
			if chunk.Usage != nil {
				use = chunk.Usage
				continue
			}
			if piece := chunk.Choices[0].Delta.Content; piece != nil {
				text.WriteString(*piece)
				if strings.Contains(*piece, p.Planted()[:8]) {
					t.Errorf("a chunk shows a long piece of the credential: %q", *piece)
				}
			}
			if f := chunk.Choices[0].FinishReason; f != nil {
				finish = *f
			}
		}
		if text.String() != whole || finish != "stop" || use == nil {
			t.Errorf("streamed %q (finish %q, usage %v), whole %q", text.String(), finish, use, whole)
		}
	}
}

func TestUsageIsStreamedOnlyWhenAskedFor(t *testing.T) {
	p, c := start(t)
	_, raw := post(t, p, c, "/chat/completions", ask("hello", `,"stream":true`))
	if strings.Contains(raw, "usage") {
		t.Errorf("usage was not asked for: %s", raw)
	}
}

const offered = `,"tools":[` +
	`{"type":"function","function":{"name":"get_time","parameters":{"type":"object","properties":{}}}},` +
	`{"type":"function","function":{"name":"get_weather","parameters":{"type":"object",` +
	`"properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city","days"]}}}]`

func TestToolsAreCalledWhenAsked(t *testing.T) {
	p, c := start(t)
	const want = `{"city":"demo city","days":1}`
	_, raw := post(t, p, c, "/chat/completions", ask("Please call the tool get_weather.", offered))
	got := decode(t, raw).Choices[0]
	if calls := got.Message.ToolCalls; len(calls) != 1 || calls[0].Function.Name != "get_weather" || calls[0].Function.Arguments != want {
		t.Errorf("calls are %+v", got.Message.ToolCalls)
	}
	if *got.FinishReason != "tool_calls" || got.Message.Content != nil {
		t.Errorf("finish %q, content %v", *got.FinishReason, got.Message.Content)
	}

	_, raw = post(t, p, c, "/chat/completions", ask("Please call the tool get_weather.", offered+`,"stream":true`))
	var name, args, id string
	parts := 0
	all := events(t, raw)
	for _, data := range all[:len(all)-1] {
		for _, call := range decode(t, data).Choices[0].Delta.ToolCalls {
			id, name, args = id+call.ID, name+call.Function.Name, args+call.Function.Arguments
			parts++
		}
	}
	if id != toolCallID || name != "get_weather" || args != want || parts < 4 {
		t.Errorf("streamed %s %s %s in %d parts", id, name, args, parts)
	}

	_, raw = post(t, p, c, "/chat/completions", `{"model":"m","messages":[{"role":"tool","tool_call_id":"x","content":"12 degrees"}]}`)
	if *decode(t, raw).Choices[0].Message.Content != "The tool answered: 12 degrees" {
		t.Errorf("after a tool: %s", raw)
	}
}

func TestEmbeddings(t *testing.T) {
	p, c := start(t)
	status, raw := post(t, p, c, "/embeddings", `{"model":"grok-embedding","input":["a","b"]}`)
	var got struct {
		Data []struct {
			Index     int
			Embedding []float64
		}
		Usage struct {
			Prompt int `json:"prompt_tokens"`
		}
	}
	if err := json.Unmarshal([]byte(raw), &got); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v: %s", status, err, raw)
	}
	if len(got.Data) != 2 || got.Data[1].Index != 1 || len(got.Data[0].Embedding) != dimensions || got.Usage.Prompt == 0 {
		t.Fatalf("got %+v", got)
	}
	var norm float64
	for _, f := range got.Data[0].Embedding {
		norm += f * f
	}
	if math.Abs(norm-1) > 1e-6 {
		t.Errorf("the vector's length is %v", norm)
	}
	_, raw = post(t, p, c, "/embeddings", `{"model":"grok-embedding","input":"a","encoding_format":"base64"}`)
	var coded struct{ Data []struct{ Embedding string } }
	if err := json.Unmarshal([]byte(raw), &coded); err != nil {
		t.Fatal(err)
	}
	bytes, err := base64.StdEncoding.DecodeString(coded.Data[0].Embedding)
	if err != nil || len(bytes) != 4*dimensions {
		t.Errorf("%d bytes, %v", len(bytes), err)
	}
}

func TestModelsAreListed(t *testing.T) {
	p, c := start(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+"/models", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.Key())
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var list struct{ Data []struct{ ID string } }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil || len(list.Data) != 3 || list.Data[0].ID != ChatModel {
		t.Errorf("got %+v, %v", list, err)
	}
}

func TestBadBodiesAreRefused(t *testing.T) {
	p, c := start(t)
	for path, bodies := range map[string][]string{
		"/chat/completions": {"", "{}", `{"messages":[]}`, `{"messages":7}`, "[]"},
		"/embeddings":       {"", "{}", `{"input":7}`, `{"input":[]}`},
	} {
		for _, body := range bodies {
			if status, raw := post(t, p, c, path, body); status != http.StatusBadRequest || !strings.Contains(raw, "invalid_body") {
				t.Errorf("%s %q: status %d %s", path, body, status, raw)
			}
		}
	}
}

func TestToldToFail(t *testing.T) {
	p, c := start(t)
	p.FailNext(2, http.StatusServiceUnavailable)
	for range 2 {
		status, raw := post(t, p, c, "/chat/completions", ask("hello", ""))
		if status != http.StatusServiceUnavailable || !strings.Contains(raw, "server_error") {
			t.Errorf("status %d: %s", status, raw)
		}
	}
	for _, f := range []Failure{Drop, Hang} {
		p.FailNext(1, f)
		short := &http.Client{Transport: c.Transport, Timeout: 200 * time.Millisecond}
		// The provider must see the call once: no retry of a POST.
		resp, err := short.Post(p.URL+"/chat/completions", "application/json", strings.NewReader(ask("hello", "")))
		if err == nil {
			_ = resp.Body.Close()
			t.Errorf("failure %d: status %d, want no answer", f, resp.StatusCode)
		}
	}
	if status, _ := post(t, p, c, "/chat/completions", ask("hello", "")); status != http.StatusOK {
		t.Errorf("after the failures: status %d", status)
	}
	if p.Total() != 5 {
		t.Errorf("%d calls remembered, want 5", p.Total())
	}
	p.FailNext(2*maxFailures, http.StatusTeapot)
	if n := len(p.failures.queue); n != maxFailures {
		t.Errorf("%d failures queued, want at most %d", n, maxFailures)
	}
}
