package openai_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/dialect/sse"
	"outrider.dev/outrider/strictjson"
)

func TestReadAnswer(t *testing.T) {
	tests := []struct {
		name, dialect, body string
		want                []string
		usage               decision.Usage
	}{
		{
			"chat", openai.Chat, `{"id":"chatcmpl-1","object":"chat.completion","model":"org/m:free","choices":[{"index":0,
			"message":{"role":"assistant","content":"one","refusal":null,"reasoning_content":"two","reasoning":"three",
			"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}],
			"audio":{"id":"a","data":"AAAA","transcript":"four"},"annotations":[{"url_citation":{"title":"five"}}]},
			"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}}`,
			[]string{
				"completion/assistant: one", "completion/assistant: two", "completion/assistant: three",
				"arguments/assistant: f", "arguments/assistant: {}",
				"completion/assistant: four", "completion/assistant: five",
			},
			decision.Usage{Input: 3, Output: 2, Cached: 1},
		},
		{
			"odd shapes", openai.Chat, `{"choices":[{"text":"one","finish_reason":"two words","message":"three"},"four",
			{"message":{"content":[{"type":"text","text":"five"}]}}],"citations":["six"],"usage":null}`,
			[]string{
				"completion/assistant: one", "completion/assistant: two words", "completion/assistant: three",
				"completion/assistant: four", "completion/assistant: five", "completion/assistant: six",
			},
			decision.Usage{Estimated: true},
		},
		{"choices as an object", openai.Chat, `{"choices":{"0":{"message":"one"}}}`, []string{"completion/assistant: one"}, decision.Usage{Estimated: true}},
		{
			"error", openai.Chat, `{"error":{"message":"no such key sk-x","type":"invalid_request_error","param":null,"code":"x"}}`,
			[]string{"error/assistant: no such key sk-x", "error/assistant: x"},
			decision.Usage{Estimated: true},
		},
		{"error of another server", openai.Chat, `{"detail":"not here"}`, []string{"error/assistant: not here"}, decision.Usage{Estimated: true}},
		{"embeddings", openai.Embeddings, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-2]},
			{"embedding":"AAAA"}],"model":"e","usage":{"prompt_tokens":4,"total_tokens":4}}`, nil, decision.Usage{Input: 4}},
		{
			"text in embeddings", openai.Embeddings, `{"data":[{"embedding":"no base64!","note":"x"}]}`,
			[]string{"completion/assistant: no base64!", "completion/assistant: x"},
			decision.Usage{Estimated: true},
		},
		{"error of embeddings", openai.Embeddings, `{"error":"bad"}`, []string{"error/assistant: bad"}, decision.Usage{Estimated: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer, err := openai.ReadAnswer(tt.dialect, []byte(tt.body), strictjson.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			compareLines(t, show([]byte(tt.body), answer.Segments), tt.want)
			if answer.Usage != tt.usage {
				t.Errorf("usage %+v, want %+v", answer.Usage, tt.usage)
			}
		})
	}
}

func TestAnswerLosesLogprobs(t *testing.T) {
	raw := []byte(`{"choices":[{"logprobs":{"content":[{"token":"sec","bytes":[115]}]},"message":{"content":"x"}},{"logprobs":null}]}`)
	answer, err := openai.ReadAnswer(openai.Chat, raw, strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"choices":[{"logprobs":null,"message":{"content":"x"}},{"logprobs":null}]}`
	if got := string(dialect.Apply(nil, raw, answer.Splices)); got != want {
		t.Errorf("got %s", got)
	}
	if len(answer.Segments) != 1 {
		t.Errorf("segments %v", answer.Segments)
	}
}

func TestAnswersThatCannotBeRead(t *testing.T) {
	for _, body := range []string{``, `[]`, `{"a":1,"a":2}`, `{"choices":[],"Choices":[]}`, `<html>`, `{"choices":`} {
		_, err := openai.ReadAnswer(openai.Chat, []byte(body), strictjson.Limits{})
		wantUpstreamInvalid(t, body, err)
		_, err = openai.ReadChunk([]byte(body))
		wantUpstreamInvalid(t, body, err)
	}
	for _, data := range []string{
		`{"choices":{}}`, `{"choices":[{"index":"0"}]}`, `{"choices":[{"index":-1}]}`, `{"choices":[{"index":0.0}]}`,
		`{"choices":[{"delta":{"content":"a","Content":"b"}}]}`, `{"choices":[{"delta":{},"DELTA":{}}]}`,
		`{"choices":[{"delta":{"tool_calls":[{"index":[]}]}}]}`,
	} {
		_, err := openai.ReadChunk([]byte(data))
		wantUpstreamInvalid(t, data, err)
	}
}

func wantUpstreamInvalid(t *testing.T, body string, err error) {
	t.Helper()
	var e *decision.Error
	if !errors.As(err, &e) || e.Code != decision.CodeUpstreamInvalid {
		t.Errorf("%s: error %v", body, err)
	}
}

func TestReadChunk(t *testing.T) {
	tests := []struct {
		name, data string
		want       []string
		ended      []string
	}{
		{"done", ` [DONE] `, nil, nil},
		{"role", `{"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"obfuscation":"aB3"}`, nil, nil},
		{"content", `{"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"b"}},{"delta":{"content":"c"}}]}`, []string{"c0: a", "c1: b", "c2: c"}, nil},
		{
			"channels", `{"choices":[{"delta":{"refusal":"a","reasoning":"b","reasoning_content":"c","audio":{"data":"AAAA","transcript":"d"},"x":[{"y":"e"}]}}]}`,
			[]string{"c0.refusal: a", "c0.reasoning: b", "c0.reasoning_content: c", "c0.audio.transcript: d", "c0.x.0.y: e"},
			nil,
		},
		{
			"tools", `{"choices":[{"index":2,"delta":{"tool_calls":[{"index":1,"id":"call_1","type":"function","function":{"name":"f","arguments":"{"}},
			{"index":0,"function":{"arguments":"}"}},{"custom":{"input":"free"}}],"function_call":{"arguments":"old"}}}]}`,
			[]string{"c2.tool1: {", "c2.tool0: }", "c2.tool2.custom.input: free", "c2.function_call.arguments: old"},
			nil,
		},
		{"end", `{"choices":[{"index":0,"delta":{"content":"z"},"finish_reason":"stop"},{"index":1,"delta":{},"finish_reason":""}]}`, []string{"c0: z"}, []string{"c0"}},
		{
			"odd shapes", `{"choices":["a",{"index":1,"delta":"b"},{"index":2,"text":"c","message":{"content":"d"}},{"index":3,"delta":{"tool_calls":"e","tool0":"f","not a name":"g"}}],"note":"h"}`,
			[]string{
				"c0: a", "c1.choice.delta: b", "c2.choice.text: c", "c2.choice.message.content: d",
				"c3.#tool_calls: e", "c3.#2: f", "c3.#3: g", "root.note: h",
			},
			nil,
		},
		{"parts", `{"choices":[{"delta":{"content":[{"type":"text","text":"a"}]}}]}`, []string{"c0.content.0.text: a"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			chunk, err := openai.ReadChunk([]byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range chunk.Pieces {
				text := dialect.Text([]byte(tt.data), decision.Segment{Start: p.Start, End: p.End})
				got = append(got, p.Lane+": "+string(text))
			}
			compareLines(t, got, tt.want)
			if !slices.Equal(chunk.Ended, tt.ended) || chunk.Failed {
				t.Errorf("ended %v, failed %v", chunk.Ended, chunk.Failed)
			}
		})
	}
}

func TestReadChunkUsageAndErrors(t *testing.T) {
	chunk, err := openai.ReadChunk([]byte(`{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}`))
	if err != nil || chunk.Usage == nil || *chunk.Usage != (decision.Usage{Input: 3, Output: 2}) {
		t.Errorf("usage %+v, %v", chunk.Usage, err)
	}
	for _, data := range []string{`{"choices":[],"usage":null}`, `{"choices":[],"usage":{"prompt_tokens":"3"}}`} {
		if chunk, err = openai.ReadChunk([]byte(data)); err != nil || chunk.Usage != nil {
			t.Errorf("%s: usage %+v, %v", data, chunk.Usage, err)
		}
	}
	for _, data := range []string{`{"error":{"message":"over load"}}`, `{"error":"over load"}`} {
		chunk, err = openai.ReadChunk([]byte(data))
		if err != nil || !chunk.Failed || len(chunk.Pieces) != 1 || !slices.Equal(chunk.Ended, []string{"error"}) {
			t.Errorf("%s: %+v, %v", data, chunk, err)
		}
	}
	if chunk, err = openai.ReadChunk([]byte(`{"choices":[],"error":null}`)); err != nil || chunk.Failed {
		t.Errorf("no error: %+v, %v", chunk, err)
	}
}

// A stream as providers send it, through the framer and the reframer: a
// credential that is split over three chunks leaves redacted, the rest as it
// came.
func TestStreamIsReframed(t *testing.T) {
	stream := ": ping\n\n"
	for _, text := range []string{"the key is k-1", "23", "45, keep it", ""} {
		stream += fmt.Sprintf("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"logprobs\":null}]}\n\n", text)
	}
	stream += "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
	stream += "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n"
	in, r := sse.NewReader(strings.NewReader(stream), 1<<16), dialect.NewReframer(openai.ReadChunk, 1<<16)
	var text string
	var last bool
	for ev, err := in.Next(); err == nil; ev, err = in.Next() {
		deltas, err := r.Add(ev)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range deltas {
			text += d.Text
			last = last || d.Last
		}
	}
	if text != "the key is k-12345, keep it" || !last || r.Usage().Output != 2 {
		t.Fatalf("text %q, last %v, usage %+v", text, last, r.Usage())
	}
	err := r.Release([]decision.Release{{Lane: "c0", Upto: uint64(len(text)), Replace: []decision.Replacement{{Start: 11, End: 18, With: "[SECRET]"}}}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := r.Next(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("k-1", "[SECRET]", `"23"`, `""`, "45, keep", ", keep").Replace(stream)
	if string(out) != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

func TestErrorBody(t *testing.T) {
	reason := decision.Reason{Code: decision.CodeInjection, Message: "Quote \" and \xff byte"}
	var got struct {
		Error map[string]any `json:"error"`
	}
	if err := json.Unmarshal(openai.ErrorBody(reason, "01ABC"), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"message": "Quote \" and \ufffd byte (decision 01ABC)", "type": "permission_error", "code": "guard_injection",
		"param": nil, "decision_id": "01ABC",
	}
	for name, value := range want {
		if v, ok := got.Error[name]; !ok || v != value {
			t.Errorf("%s is %v, want %v", name, v, value)
		}
	}
	for _, row := range decision.Registry() {
		body := openai.ErrorBody(decision.Reason{Code: row.Code}, "id")
		if !json.Valid(body) || !strings.Contains(string(body), row.Status.Summary) {
			t.Errorf("%s: %s", row.Code, body)
		}
	}
}

// The event of a refusal in the middle of a stream is one that our own reader,
// as every client, takes for an error.
func TestErrorEvent(t *testing.T) {
	raw := openai.ErrorEvent(decision.Reason{Code: decision.CodeSecret}, "01ABC")
	ev, err := sse.NewReader(strings.NewReader(string(raw)), 1<<10).Next()
	if err != nil {
		t.Fatal(err)
	}
	chunk, err := openai.ReadChunk(ev.Data)
	if err != nil || !chunk.Failed {
		t.Errorf("%+v, %v", chunk, err)
	}
}

// FuzzReadChunk: pieces are strings of the data, never overlap each other or a
// splice, and the event still parses when all of them are replaced.
func FuzzReadChunk(f *testing.F) {
	f.Add([]byte(`{"choices":[{"index":1,"delta":{"content":"\u00e9","tool_calls":[{"function":{"arguments":"{"}}]},"logprobs":{"a":"b"}}]}`))
	f.Add([]byte(`{"error":{"message":"x"},"usage":{"prompt_tokens":1,"y":"z"},"other":[["a"]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		chunk, err := openai.ReadChunk(data)
		if err != nil || len(chunk.Pieces) == 0 {
			return
		}
		splices := slices.Clone(chunk.Splices)
		for _, p := range chunk.Pieces {
			if dialect.Text(data, decision.Segment{Start: p.Start, End: p.End}) == nil {
				t.Fatalf("piece %+v of %q", p, data)
			}
			splices = append(splices, decision.Splice{Start: p.Start, End: p.End, With: []byte("x")})
		}
		slices.SortFunc(splices, func(a, b decision.Splice) int { return int(a.Start) - int(b.Start) })
		if err := dialect.Check(data, splices); err != nil {
			t.Fatalf("%v: %+v of %q", err, splices, data)
		}
		if _, err := openai.ReadChunk(dialect.Apply(nil, data, splices)); err != nil {
			t.Fatalf("%v\n%q", err, data)
		}
	})
}
