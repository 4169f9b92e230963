package llm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// stream sends the reply as server-sent events, one small piece each.
func stream(w http.ResponseWriter, id string, req *chatRequest, rep reply) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	out := chunks{w: w, id: id, model: req.Model}
	out.delta(map[string]any{"role": "assistant", "content": ""}, nil)
	if rep.isUse {
		out.toolCall(rep)
	}
	for _, piece := range pieces(rep) {
		out.delta(map[string]any{"content": piece}, nil)
	}
	out.delta(map[string]any{}, rep.finish())
	if req.StreamOptions.IncludeUsage {
		out.send([]any{}, count(req.prompt(), rep.all()))
	}
	out.write("[DONE]")
}

type chunks struct {
	w         http.ResponseWriter
	id, model string
}

func (c chunks) delta(delta map[string]any, finish any) {
	c.send([]any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}, nil)
}

func (c chunks) toolCall(rep reply) {
	call := func(index int, id any, function map[string]any) {
		one := map[string]any{"index": index, "function": function}
		if id != nil {
			one["id"], one["type"] = id, "function"
		}
		c.delta(map[string]any{"tool_calls": []any{one}}, nil)
	}
	call(0, toolCallID, map[string]any{"name": rep.tool, "arguments": ""})
	for _, part := range cut(rep.args, 5) {
		call(0, nil, map[string]any{"arguments": part})
	}
}

func (c chunks) send(choices []any, use any) {
	chunk := map[string]any{
		"id": c.id, "object": "chat.completion.chunk", "created": created, "model": c.model, "choices": choices,
	}
	if use != nil {
		chunk["usage"] = use
	}
	data, err := json.Marshal(chunk)
	if err != nil {
		return // cannot be: plain values only
	}
	c.write(string(data))
}

// write sends one event at once. A caller that has gone ends the handler by
// its context; a failed write needs no more.
func (c chunks) write(data string) {
	_, _ = fmt.Fprintf(c.w, "data: %s\n\n", data)
	_ = http.NewResponseController(c.w).Flush()
}

// pieces splits the text word by word, and a leaked credential at awkward
// places: within its prefix, just after it, and every few characters.
func pieces(rep reply) []string {
	before, after := rep.text, ""
	if rep.leak != "" {
		before, after, _ = strings.Cut(rep.text, rep.leak)
	}
	out := strings.SplitAfter(before, " ")
	if rep.leak != "" {
		out = append(out, rep.leak[:2], rep.leak[2:4], rep.leak[4:5])
		out = append(out, cut(rep.leak[5:], 7)...)
	}
	out = append(out, strings.SplitAfter(after, " ")...)
	kept := out[:0]
	for _, piece := range out {
		if piece != "" {
			kept = append(kept, piece)
		}
	}
	return kept
}

// cut splits ASCII text into pieces of n bytes.
func cut(text string, n int) []string {
	var out []string
	for len(text) > n {
		out, text = append(out, text[:n]), text[n:]
	}
	return append(out, text)
}
