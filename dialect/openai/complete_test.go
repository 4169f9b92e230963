package openai_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/strictjson"
)

// The names that the interface gives a meaning to, and some that it does not:
// random bodies made of them reach every branch of the readers.
var fuzzedNames = []string{
	"role", "type", "id", "name", "tool_call_id", "content", "text", "refusal", "reasoning", "tool_calls", "function",
	"arguments", "custom", "function_call", "tools", "functions", "parameters", "properties", "description", "enum",
	"response_format", "json_schema", "schema", "prediction", "metadata", "stop", "image_url", "url", "input_audio",
	"audio", "data", "file", "file_data", "embedding", "error", "message", "delta", "finish_reason", "usage", "tool0",
	"choice", "detail", "x", "two words",
}

// shaper makes random values in which every text is unlike any other.
type shaper struct {
	rnd   *rand.Rand
	texts []string
}

func (s *shaper) value(depth int) any {
	kinds := 4
	if depth == 0 {
		kinds = 2
	}
	switch s.rnd.IntN(kinds) {
	case 0:
		return []any{nil, true, 1.5, 7}[s.rnd.IntN(4)]
	case 1:
		text := fmt.Sprintf("text %d \u00e9\n.", len(s.texts))
		s.texts = append(s.texts, text)
		return text
	case 2:
		list := make([]any, s.rnd.IntN(4))
		for i := range list {
			list[i] = s.value(depth - 1)
		}
		return list
	default:
		return s.object(depth)
	}
}

func (s *shaper) object(depth int) map[string]any {
	object := map[string]any{}
	for range s.rnd.IntN(5) {
		object[fuzzedNames[s.rnd.IntN(len(fuzzedNames))]] = s.value(depth - 1)
	}
	return object
}

func (s *shaper) list(depth int) []any {
	list := make([]any, 1+s.rnd.IntN(2))
	for i := range list {
		list[i] = s.object(depth)
	}
	return list
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// wantAll demands that each text was read exactly once.
func wantAll(t *testing.T, raw []byte, texts, read []string) {
	t.Helper()
	count := map[string]int{}
	for _, text := range read {
		count[text]++
	}
	for _, text := range texts {
		if count[text] != 1 {
			t.Fatalf("%q was read %d times in\n%s", text, count[text], raw)
		}
	}
}

func textsOf(raw []byte, segs []decision.Segment) []string {
	var out []string
	for _, s := range segs {
		out = append(out, string(dialect.Text(raw, s)))
	}
	return out
}

// Whatever the shape of a request, no text of it stays unread.
func TestEveryTextOfARequestIsRead(t *testing.T) {
	accepted := 0
	for seed := range uint64(3000) {
		s := &shaper{rnd: rand.New(rand.NewPCG(seed, 11))}
		body := s.object(4)
		messages := s.list(4)
		for _, m := range messages {
			message := m.(map[string]any)
			message["role"] = []string{"system", "user", "assistant", "tool"}[s.rnd.IntN(4)]
			message["content"] = []any{s.value(0), s.list(3)}
		}
		body["model"], body["messages"], body["tools"] = "m", messages, s.list(4)
		raw := marshal(t, body)
		call, err := openai.ReadChat(raw, strictjson.Limits{})
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		accepted++
		wantAll(t, raw, present(raw, s.texts), textsOf(raw, call.Segments))
	}
	if accepted != 3000 {
		t.Errorf("%d bodies", accepted)
	}
}

// present leaves out the texts that a later member of the same name replaced
// while the body was made.
func present(raw []byte, texts []string) []string {
	var out []string
	for _, text := range texts {
		quoted, err := json.Marshal(text)
		if err == nil && bytes.Contains(raw, quoted) {
			out = append(out, text)
		}
	}
	return out
}

// Nor of an answer, nor of a chunk, whose texts have a lane each.
func TestEveryTextOfAnAnswerIsRead(t *testing.T) {
	for seed := range uint64(3000) {
		s := &shaper{rnd: rand.New(rand.NewPCG(seed, 13))}
		body := s.object(3)
		choices := s.list(4)
		for _, c := range choices {
			choice := c.(map[string]any)
			choice["message"], choice["delta"] = s.object(4), s.object(4)
		}
		body["choices"] = choices
		raw := marshal(t, body)
		texts := present(raw, s.texts)

		for _, name := range []string{openai.Chat, openai.Embeddings} {
			answer, err := openai.ReadAnswer(name, raw, strictjson.Limits{})
			if err != nil {
				t.Fatalf("%v\n%s", err, raw)
			}
			wantAll(t, raw, texts, textsOf(raw, answer.Segments))
		}

		chunk, err := openai.ReadChunk(raw)
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		var read []string
		lanes := map[string]bool{}
		for _, p := range chunk.Pieces {
			read = append(read, string(dialect.Text(raw, decision.Segment{Start: p.Start, End: p.End})))
			if lanes[p.Lane] {
				t.Fatalf("two texts share lane %s in\n%s", p.Lane, raw)
			}
			lanes[p.Lane] = true
			if strings.Contains(p.Lane, " ") {
				t.Fatalf("lane %q holds text", p.Lane)
			}
		}
		wantAll(t, raw, texts, read)
	}
}
