package openai_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/openai"
)

// wantSame holds what a stream's reader says of an event to what is read of it
// alone.
func wantSame(t *testing.T, c *openai.Chunks, data string) {
	t.Helper()
	want, failed := openai.ReadChunk([]byte(data))
	got, err := c.Read([]byte(data))
	if (err == nil) != (failed == nil) || err != nil && err.Error() != failed.Error() {
		t.Fatalf("%q: got %v, want %v", data, err, failed)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%q is read as something else:\n%s", data, diff)
	}
}

// TestAlikeEvents: an event that looks like an earlier one means what it says.
func TestAlikeEvents(t *testing.T) {
	const open, end = `{"id":"1","choices":[{"index":0,"delta":{"content":"`, `"},"finish_reason":null}]}`
	var c openai.Chunks
	for _, text := range []string{
		"hello", " world", "", "x", "h\u00e9", `a\"b`, `\u00e9`, "\t", "\x7f", "\xff", "\u2028", `"`, `\`, `","x":"y`, `"},"finish_reason":"stop","delta":{"content":"`,
		`x"},"finish_reason":null},{"index":1,"delta":{"content":"y`, strings.Repeat("long ", 10<<10), "again", "[DONE]",
	} {
		wantSame(t, &c, open+text+end)
	}
	for _, data := range []string{
		"[DONE]", "", "{}", open + "x", "x" + end, open + end, open[:len(open)-1] + end[1:], `{"choices":[{"delta":{"content":"other"}}]}`,
		`{"choices":[{"delta":{"content":"other one"}}]}`, `{"choices":[{"delta":{"content":"other one"}}]} `, open + "x" + end,
		`{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{"}}]}}]}`,
		`{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":"repo"}}]}}]}`,
	} {
		wantSame(t, &c, data)
		wantSame(t, &c, data)
	}
}

// TestLabelsAreReadOneByOne: where it depends on a string whether it is text,
// the string is looked at.
func TestLabelsAreReadOneByOne(t *testing.T) {
	for _, shape := range []string{
		`{"choices":[{"delta":{"role":"%s"}}]}`, `{"choices":[{"delta":{"name":"%s"}}]}`, `{"choices":[{"delta":{"id":"%s"}}]}`,
		`{"choices":[{"delta":{},"finish_reason":"%s"}]}`, `{"object":"%s"}`, `{"choices":[{"delta":{"content":"x"}}],"model":"%s"}`,
		`{"choices":[{"delta":{"reasoning":"%s"}}]}`, `{"error":{"message":"%s"}}`, `{"choices":[{"delta":{"content":[{"type":"%s"}]}}]}`,
		`{"choices":[{"delta":{"tool_calls":[{"id":"%s","function":{"arguments":"x"}}]}}]}`,
		`{"choices":[{"delta":{"content":"%s"},"logprobs":{"content":[]}}]}`, `{"choices":[{"delta":{"content":"%s"}}],"usage":{"prompt_tokens":1}}`,
	} {
		var c openai.Chunks
		for _, text := range []string{"two words", "label", "two words", "data:image/png;base64,AAAA", "assistant", "stop"} {
			wantSame(t, &c, fmt.Sprintf(shape, text))
		}
	}
}

// FuzzAlikeEvents: whatever came before, an event is read as if it came alone.
func FuzzAlikeEvents(f *testing.F) {
	f.Add(`{"choices":[{"index":0,"delta":{"content":"`, "a", "b", `"},"finish_reason":null}]}`)
	f.Add(`{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"`, `x`, `y"},"z":"`, `"}}]}}]}`)
	f.Add(`{"choices":[{"delta":{"content":"x","role":"`, `assistant`, `some words`, `"}}]}`)
	f.Fuzz(func(t *testing.T, open, first, second, end string) {
		var c openai.Chunks
		for _, text := range []string{first, second, first} {
			wantSame(t, &c, open+text+end)
		}
		wantSame(t, &c, second)
	})
}

// TestAlikeEventsOfAStream: what is returned stays good until the next event.
func TestAlikeEventsOfAStream(t *testing.T) {
	var c openai.Chunks
	for i := range 100 {
		text := strings.Repeat("w", i+1)
		chunk, err := c.Read([]byte(`{"choices":[{"delta":{"content":"` + text + `"}}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if want := (dialect.Piece{Lane: "c0", Start: 33, End: uint32(33 + i + 1)}); len(chunk.Pieces) != 1 || chunk.Pieces[0] != want {
			t.Fatalf("got %+v, want %+v", chunk.Pieces, want)
		}
	}
}
