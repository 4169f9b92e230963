package llm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// created is the time of every answer: answers are the same in every run.
const created = 1767225600 // 2026-01-01T00:00:00Z

type chatRequest struct {
	Model         string    `json:"model"`
	Messages      []message `json:"messages"`
	Tools         []tool    `json:"tools"`
	Stream        bool      `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

type message struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"` // a string, or a list of parts
}

// text returns what the message says.
func (m message) text() string {
	var whole string
	if json.Unmarshal(m.Content, &whole) == nil {
		return whole
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(m.Content, &parts) != nil {
		return "" // null, as beside tool calls
	}
	var all []string
	for _, p := range parts {
		all = append(all, p.Text)
	}
	return strings.Join(all, " ")
}

type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
}

// bytesPerToken is the usual rule of thumb for English.
const bytesPerToken = 4

func count(prompt, completion string) usage {
	u := usage{
		Prompt:     (len(prompt) + bytesPerToken - 1) / bytesPerToken,
		Completion: (len(completion) + bytesPerToken - 1) / bytesPerToken,
	}
	u.Total = u.Prompt + u.Completion
	return u
}

func (r *chatRequest) prompt() string {
	var all []string
	for _, m := range r.Messages {
		all = append(all, m.text())
	}
	return strings.Join(all, "\n")
}

func (p *Provider) chat(w http.ResponseWriter, r *http.Request) {
	var req chatRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || len(req.Messages) == 0 {
		writeError(w, http.StatusBadRequest, "invalid_body", "The body is not a chat completion request.")
		return
	}
	id := fmt.Sprintf("chatcmpl-demo-%d", p.answers.Add(1))
	rep := p.reply(&req)
	if req.Stream {
		stream(w, id, &req, rep)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"id": id, "object": "chat.completion", "created": created, "model": req.Model,
		"choices": []any{map[string]any{
			"index": 0, "message": rep.message(), "finish_reason": rep.finish(), "logprobs": nil,
		}},
		"usage": count(req.prompt(), rep.all()),
	})
}
