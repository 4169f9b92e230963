package envoy

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/demo/issuer"
)

// agentSecret is what an SDK without a token sends; nobody behind Envoy may see it.
const agentSecret = "outrider-placeholder-key"

// answer is what the agent saw.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends one request to Envoy. Headers are name and value in turn.
func (s *site) call(t *testing.T, method, path, body string, headers ...string) *answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	// The body may be cut: what came of it is what counts.
	raw, _ := io.ReadAll(res.Body)
	return &answer{res.StatusCode, res.Header, raw}
}

// chat asks a model.
func (s *site) chat(t *testing.T, model, prompt string, stream bool) *answer {
	t.Helper()
	return s.call(t, http.MethodPost, "/v1/chat/completions", chatBody(t, model, prompt, stream), "Authorization", "Bearer "+agentSecret)
}

func chatBody(t *testing.T, model, prompt string, stream bool) string {
	t.Helper()
	return encoded(t, map[string]any{"model": model, "stream": stream, "messages": []any{map[string]any{"role": "user", "content": prompt}}})
}

// tool calls a tool of the server.
func (s *site) tool(t *testing.T, token, name string, args map[string]any) *answer {
	t.Helper()
	return s.rpc(t, token, toolBody(t, name, args))
}

func toolBody(t *testing.T, name string, args map[string]any) string {
	t.Helper()
	return encoded(t, map[string]any{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": map[string]any{"name": name, "arguments": args}})
}

// rpc posts a message of MCP.
func (s *site) rpc(t *testing.T, token, body string) *answer {
	t.Helper()
	headers := []string{"Accept", "application/json, text/event-stream"}
	if token != "" {
		headers = append(headers, "Authorization", "Bearer "+token)
	}
	return s.call(t, http.MethodPost, "/mcp/github", body, headers...)
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// token asks the issuer for a token of the client.
func (s *site) token(t *testing.T, c issuer.Client) string {
	t.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {strings.Join(c.Scopes, " ")},
		"client_id": {c.ID}, "client_secret": {c.Secret},
	}
	res, err := http.PostForm(s.issuer.TokenURL(), form)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil || got.Token == "" {
		t.Fatalf("the issuer answered %s: %v", res.Status, err)
	}
	return got.Token
}

// message is the JSON of an answer: its body, or the last event of a stream.
func (a *answer) message() []byte {
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
		return a.body
	}
	var last []byte
	for line := range bytes.Lines(a.body) {
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			last = data
		}
	}
	return last
}

// refusal is an error in the shape of the caller's own protocol.
type refusal struct {
	Code     any // a word in OpenAI's errors, a number in JSON-RPC's
	Message  string
	Decision string `json:"decision_id"`
	Data     struct{ Reason, Decision, Rule string }
}

func (a *answer) refusal(t *testing.T) refusal {
	t.Helper()
	var got struct{ Error refusal }
	if err := json.Unmarshal(a.message(), &got); err != nil || got.Error.Message == "" {
		t.Fatalf("status %d and no refusal: %v in %.500q", a.status, err, a.body)
	}
	return got.Error
}

// text is what a chat answered, whole or streamed.
func (a *answer) text(t *testing.T) string {
	t.Helper()
	type choice struct{ Message, Delta struct{ Content string } }
	var all strings.Builder
	read := func(raw []byte) {
		var got struct{ Choices []choice }
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatalf("status %d: %v in %.500q", a.status, err, raw)
		}
		for _, c := range got.Choices {
			all.WriteString(c.Message.Content + c.Delta.Content)
		}
	}
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
		read(a.body)
		return all.String()
	}
	for line := range bytes.Lines(a.body) {
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok && !bytes.HasPrefix(data, []byte("[DONE]")) {
			read(data)
		}
	}
	return all.String()
}

// eventually waits for what happens beside a call.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(startTime); !happened(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
