package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/demo/issuer"
)

const (
	callTimeout = 10 * time.Second
	maxAnswer   = 4 << 20

	// placeholder is the key that an SDK is given, because it wants one.
	placeholder = "outrider"
	// traceID goes with every call and must arrive.
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceparent = "00-" + traceID + "-00f067aa0ba902b7-01"
)

// agent speaks to the data plane as an agent would.
type agent struct {
	http *http.Client
	base string
}

func newAgent(base string) *agent {
	return &agent{http: &http.Client{Timeout: callTimeout, Transport: &http.Transport{}}, base: base}
}

// answer is what came back of one call.
type answer struct {
	status   int
	decision string
	header   http.Header
	body     []byte

	text    string        // of the model or of the tool
	ended   bool          // a stream said that it is complete
	code    decision.Code // reason code of an error
	message string
	rule    string
	told    string          // the decision id that an error carries in its body
	result  json.RawMessage // of JSON-RPC
}

func (a *agent) post(ctx context.Context, path, bearer string, header map[string]string, body any) (*answer, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write the call: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+path, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Traceparent", traceparent)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return &answer{status: resp.StatusCode, decision: resp.Header.Get(decision.IDHeader), header: resp.Header, body: got}, nil
}

// events returns the data of every event, or the whole body when it is no stream.
func (a *answer) events() []string {
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
		return []string{string(a.body)}
	}
	var out []string
	for line := range strings.Lines(string(a.body)) {
		if data, ok := strings.CutPrefix(line, "data:"); ok {
			out = append(out, strings.TrimSpace(data))
		}
	}
	return out
}

// chat asks the model one question.
func (a *agent) chat(ctx context.Context, model, question string, stream bool) (*answer, error) {
	got, err := a.post(ctx, "/v1/chat/completions", placeholder, nil, map[string]any{
		"model": model, "stream": stream, "max_tokens": 64,
		"messages": []any{map[string]string{"role": "user", "content": question}},
	})
	if err != nil {
		return nil, err
	}
	return got, got.readChat()
}

// readChat reads an answer, the chunks of a stream, or OpenAI's error object.
func (a *answer) readChat() error {
	for _, data := range a.events() {
		if data == "[DONE]" {
			a.ended = true
			continue
		}
		var chunk struct {
			Choices []struct{ Message, Delta struct{ Content string } }
			Error   *struct {
				Message, Code string
				Decision      string `json:"decision_id"`
			}
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			return fmt.Errorf("an answer of the LLM surface is not JSON (status %d): %w", a.status, err)
		}
		for _, c := range chunk.Choices {
			a.text += c.Message.Content + c.Delta.Content
		}
		if chunk.Error != nil {
			a.code, a.message, a.told = decision.Code(chunk.Error.Code), chunk.Error.Message, chunk.Error.Decision
		}
	}
	return nil
}

// The two protocol eras of MCP.
const (
	era2025 = "2025-11-25"
	era2026 = "2026-07-28"
)

// mcp makes one MCP request to all servers, without a session.
func (a *agent) mcp(ctx context.Context, era, token, method string, params map[string]any) (*answer, error) {
	header := map[string]string{"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": era}
	if era == era2026 {
		header["Mcp-Method"] = method
		if name, ok := params["name"].(string); ok {
			header["Mcp-Name"] = name
		}
		params["_meta"] = map[string]any{
			"io.modelcontextprotocol/protocolVersion":    era,
			"io.modelcontextprotocol/clientInfo":         map[string]string{"name": "devops-copilot", "version": "1"},
			"io.modelcontextprotocol/clientCapabilities": map[string]any{},
		}
	}
	got, err := a.post(ctx, "/mcp", token, header, map[string]any{
		"jsonrpc": "2.0", "id": 1, "method": method, "params": params,
	})
	if err != nil {
		return nil, err
	}
	return got, got.readRPC()
}

func (a *answer) readRPC() error {
	events := a.events()
	if len(events) == 0 {
		return fmt.Errorf("an answer of the MCP surface is an empty stream (status %d)", a.status)
	}
	var msg struct {
		Result json.RawMessage
		Error  *struct {
			Code    int
			Message string
			Data    struct {
				Reason   decision.Code
				Rule     string
				Decision string
			}
		}
	}
	if err := json.Unmarshal([]byte(events[len(events)-1]), &msg); err != nil {
		return fmt.Errorf("an answer of the MCP surface is not JSON (status %d): %w", a.status, err)
	}
	a.result = msg.Result
	if e := msg.Error; e != nil {
		a.code, a.message, a.rule, a.told = e.Data.Reason, e.Message, e.Data.Rule, e.Data.Decision
		if a.code == "" && e.Code == decision.CodeToolUnknown.Status().JSONRPC {
			a.code = decision.CodeToolUnknown // a hidden tool gives no reason away
		}
	}
	return nil
}

// call calls a tool.
func (a *agent) call(ctx context.Context, era, token, tool string, args map[string]any) (*answer, error) {
	got, err := a.mcp(ctx, era, token, "tools/call", map[string]any{"name": tool, "arguments": args})
	if err != nil || got.result == nil {
		return got, err
	}
	var result struct {
		Content []struct{ Text string }
		IsError bool
	}
	if err := json.Unmarshal(got.result, &result); err != nil {
		return nil, fmt.Errorf("the result of %s cannot be read: %w", tool, err)
	}
	for _, c := range result.Content {
		got.text += c.Text
	}
	if result.IsError {
		return nil, fmt.Errorf("%s failed: %s", tool, got.text)
	}
	return got, nil
}

// list lists the tools that the token opens.
func (a *agent) list(ctx context.Context, token string) ([]string, *answer, error) {
	got, err := a.mcp(ctx, era2025, token, "tools/list", map[string]any{})
	if err != nil || got.result == nil {
		return nil, got, err
	}
	var result struct{ Tools []struct{ Name string } }
	if err := json.Unmarshal(got.result, &result); err != nil {
		return nil, nil, fmt.Errorf("the list of tools cannot be read: %w", err)
	}
	names := make([]string, len(result.Tools))
	for i, t := range result.Tools {
		names[i] = t.Name
	}
	return names, got, nil
}

// token asks the issuer for a token by client_credentials.
func (a *agent) token(ctx context.Context, endpoint string, c issuer.Client) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(c.Scopes, " ")}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(c.ID, c.Secret)
	resp, err := a.http.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	var got struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&got); err != nil {
		return "", fmt.Errorf("read the issuer's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK || got.AccessToken == "" {
		return "", fmt.Errorf("the issuer answered %d without a token", resp.StatusCode)
	}
	return got.AccessToken, nil
}
