package llm

import (
	"encoding/json"
	"strings"
	"testing"
)

// However a reply is split, its pieces are the whole, and no piece shows more
// of a credential than a few characters.
func TestPiecesMakeTheWhole(t *testing.T) {
	p := New()
	for _, r := range []reply{
		{text: ""},
		{text: "one"},
		{text: "  two  words "},
		{text: "the key " + p.Planted() + " opens", leak: p.Planted()},
		{text: p.Planted(), leak: p.Planted()},
	} {
		all := pieces(r)
		if strings.Join(all, "") != r.text {
			t.Errorf("%q became %q", r.text, all)
		}
		for i, piece := range all {
			if piece == "" {
				t.Errorf("piece %d of %q is empty", i, r.text)
			}
			if r.leak != "" && len(piece) > 7 && strings.Contains(r.leak, piece) {
				t.Errorf("piece %q shows too much", piece)
			}
		}
	}
}

func TestCut(t *testing.T) {
	for n := range 12 {
		text := "abcdefghijkl"[:n]
		parts := cut(text, 5)
		if strings.Join(parts, "") != text || len(parts) != max(1, (n+4)/5) {
			t.Errorf("%q became %q", text, parts)
		}
	}
}

func TestGistIsBounded(t *testing.T) {
	long := strings.Repeat("word ", 500)
	if words := strings.Fields(gist(long)); len(words) != gistWords+1 || words[gistWords] != "…" {
		t.Errorf("%d words", len(words))
	}
	if gist("  a\n b ") != "a b" {
		t.Errorf("got %q", gist("  a\n b "))
	}
}

func TestArgumentsFitTheirTypes(t *testing.T) {
	var offer tool
	const schema = `{"function":{"name":"f","parameters":{"properties":{
		"s":{"type":"string"},"i":{"type":"integer"},"n":{"type":"number"},"b":{"type":"boolean"},
		"a":{"type":"array"},"o":{"type":"object"},"optional":{"type":"string"}},
		"required":["s","i","n","b","a","o","unknown"]}}}`
	if err := json.Unmarshal([]byte(schema), &offer); err != nil {
		t.Fatal(err)
	}
	const want = `{"a":[],"b":true,"i":1,"n":1,"o":{},"s":"demo s","unknown":"demo unknown"}`
	if got := offer.arguments(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := (tool{}).arguments(); got != "{}" {
		t.Errorf("without a schema: %s", got)
	}
}

func TestChoose(t *testing.T) {
	var tools []tool
	if err := json.Unmarshal([]byte(`[{"function":{"name":""}},{"function":{"name":"one"}},{"function":{"name":"two"}}]`), &tools); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"call the tool two": "two", "call the tool one": "one", "call the tool": ""} {
		if got := choose(tools, text).Function.Name; got != want {
			t.Errorf("%q chose %q, want %q", text, got, want)
		}
	}
}

func TestMessageText(t *testing.T) {
	for content, want := range map[string]string{
		`"plain"`: "plain",
		`null`:    "",
		`[{"type":"text","text":"a"},{"type":"image_url"},{"type":"text","text":"b"}]`: "a  b",
		`{"odd":true}`: "",
	} {
		if got := (message{Content: json.RawMessage(content)}).text(); got != want {
			t.Errorf("%s reads %q, want %q", content, got, want)
		}
	}
}

func TestCountRoundsUp(t *testing.T) {
	for text, want := range map[string]int{"": 0, "a": 1, "abcd": 1, "abcde": 2} {
		u := count(text, text)
		if u.Prompt != want || u.Completion != want || u.Total != 2*want {
			t.Errorf("%q counts %+v, want %d each", text, u, want)
		}
	}
}
