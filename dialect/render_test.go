package dialect_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/strictjson"
)

// segmentsOf makes a segment of every string of the body.
func segmentsOf(t testing.TB, raw []byte) []decision.Segment {
	t.Helper()
	doc, err := strictjson.Parse(raw, strictjson.Limits{})
	if err != nil {
		t.Fatalf("the body is not JSON: %v\n%s", err, raw)
	}
	defer doc.Free()
	var segs []decision.Segment
	var walk func(v strictjson.Value)
	walk = func(v strictjson.Value) {
		if v.Kind() == strictjson.String {
			start, end := v.Span()
			segs = append(segs, decision.Segment{ID: uint32(len(segs)), Start: uint32(start) + 1, End: uint32(end) - 1})
		}
		for _, e := range v.Elements() {
			walk(e)
		}
		for _, m := range v.Members() {
			walk(m)
		}
	}
	walk(doc.Root())
	return segs
}

func wantConflict(t *testing.T, err error) {
	t.Helper()
	var e *decision.Error
	if !errors.As(err, &e) || e.Code != decision.CodeEditConflict {
		t.Fatalf("error %v, want code %s", err, decision.CodeEditConflict)
	}
}

func edit(seg, start, end uint32, with string) decision.Edit {
	return decision.Edit{Segment: seg, Start: start, End: end, With: with}
}

func redact(seg, start, end uint32, with string) decision.Edit {
	return decision.Edit{Segment: seg, Start: start, End: end, With: with, Redaction: true}
}

func set(pointer, value string) decision.Edit {
	return decision.Edit{Pointer: pointer, Value: []byte(value)}
}

func TestRender(t *testing.T) {
	tests := []struct {
		name, body string
		edits      []decision.Edit
		want       string
	}{
		{"nothing", `{ "a" : "b" }`, nil, `{ "a" : "b" }`},
		{"plain", `{"a":"one two"}`, []decision.Edit{edit(0, 4, 7, "2")}, `{"a":"one 2"}`},
		{"escaped on the way in", `{"a":"one"}`, []decision.Edit{edit(0, 0, 3, "\"\\\n\x01é")}, `{"a":"\"\\\n\u0001é"}`},
		{"behind a short escape", `{"a":"x\ny"}`, []decision.Edit{edit(0, 2, 3, "z")}, `{"a":"x\nz"}`},
		{"the short escape itself", `{"a":"x\ny"}`, []decision.Edit{edit(0, 1, 2, " ")}, `{"a":"x y"}`},
		{"behind é as escape", `{"a":"\u00e9y"}`, []decision.Edit{edit(0, 2, 3, "z")}, `{"a":"\u00e9z"}`},
		{"behind a pair", `{"a":"\ud83d\uDE00y"}`, []decision.Edit{edit(0, 4, 5, "z")}, `{"a":"\ud83d\uDE00z"}`},
		{"the pair", `{"a":"x\ud83d\uDE00y"}`, []decision.Edit{edit(0, 1, 5, "")}, `{"a":"xy"}`},
		{"redaction inside a pair grows", `{"a":"x\ud83d\ude00y"}`, []decision.Edit{redact(0, 2, 3, "#")}, `{"a":"x#y"}`},
		{"redaction inside a raw rune grows", `{"a":"xéy"}`, []decision.Edit{redact(0, 2, 3, "#")}, `{"a":"x#y"}`},
		{"grown redactions unite", `{"a":"x😀y"}`, []decision.Edit{redact(0, 0, 2, "1"), redact(0, 3, 6, "2")}, `{"a":"1"}`},
		{"insert", `{"a":"xy"}`, []decision.Edit{edit(0, 1, 1, "-")}, `{"a":"x-y"}`},
		{"insert at both ends", `{"a":"x"}`, []decision.Edit{edit(0, 0, 0, "<"), edit(0, 1, 1, ">")}, `{"a":"<x>"}`},
		{"into nothing", `{"a":""}`, []decision.Edit{edit(0, 0, 0, "x")}, `{"a":"x"}`},
		{"two strings, out of order", `{"a":"1","b":"2"}`, []decision.Edit{edit(1, 0, 1, "two"), edit(0, 0, 1, "one")}, `{"a":"one","b":"two"}`},
		{"pointer", `{"a":{"b":[1, {"x":null} ]}}`, []decision.Edit{set("/a/b/1", `"v"`)}, `{"a":{"b":[1, "v" ]}}`},
		{"pointer with escapes", `{"a/b":1,"c~d":2}`, []decision.Edit{set("/a~1b", `3`), set("/c~0d", `4`)}, `{"a/b":3,"c~d":4}`},
		{"pointer beside text", `{"a":"x","m":"gpt"}`, []decision.Edit{set("/m", `"other"`), edit(0, 0, 1, "y")}, `{"a":"y","m":"other"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := []byte(tt.body)
			splices, err := dialect.Render(raw, segmentsOf(t, raw), tt.edits)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(dialect.Apply(nil, raw, splices)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	tests := []struct {
		name, body string
		edits      []decision.Edit
	}{
		{"inside a rune", `{"a":"xéy"}`, []decision.Edit{edit(0, 2, 3, "#")}},
		{"ending inside an escape's rune", `{"a":"\u00e9"}`, []decision.Edit{edit(0, 0, 1, "#")}},
		{"beyond the text", `{"a":"xy"}`, []decision.Edit{edit(0, 1, 3, "#")}},
		{"redaction beyond the text", `{"a":"xy"}`, []decision.Edit{redact(0, 1, 99, "#")}},
		{"backwards", `{"a":"xy"}`, []decision.Edit{redact(0, 2, 1, "#")}},
		{"no such segment", `{"a":"xy"}`, []decision.Edit{redact(1, 0, 1, "#")}},
		{"not UTF-8", `{"a":"xy"}`, []decision.Edit{edit(0, 0, 1, "\xff")}},
		{"overlap", `{"a":"xyz"}`, []decision.Edit{edit(0, 0, 2, "1"), edit(0, 1, 3, "2")}},
		{"grown redaction meets an edit", `{"a":"é!"}`, []decision.Edit{redact(0, 1, 2, "#"), edit(0, 0, 0, "x")}},
		{"pointer below a string", `{"a":"xy"}`, []decision.Edit{set("/a/b", `1`)}},
		{"pointer beyond a list", `{"a":[1]}`, []decision.Edit{set("/a/1", `1`)}},
		{"the whole body", `{"a":"xy"}`, []decision.Edit{set("", `1`), edit(0, 0, 1, "z")}},
		{"malformed pointer", `{"a":"xy"}`, []decision.Edit{set("a", `1`)}},
		{"pointer to no JSON", `{"a":"xy"}`, []decision.Edit{set("/a", `{"x":1,"x":2}`)}},
		{"pointer to two values", `{"a":"xy"}`, []decision.Edit{set("/a", `1,"b":2`)}},
		{"pointer above a pointer", `{"a":{"b":1}}`, []decision.Edit{set("/a", `1`), set("/a/b", `2`)}},
		{"two values for a pointer", `{"a":1}`, []decision.Edit{set("/a", `1`), set("/a", `2`)}},
		{"text below a pointer", `{"a":["xy"]}`, []decision.Edit{set("/a", `1`), edit(0, 0, 1, "z")}},
		{"insertion below a pointer", `{"a":"xy"}`, []decision.Edit{set("/a", `1`), edit(0, 2, 2, "z")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := []byte(tt.body)
			splices, err := dialect.Render(raw, segmentsOf(t, raw), tt.edits)
			if splices != nil {
				t.Errorf("splices beside the error: %v", splices)
			}
			wantConflict(t, err)
		})
	}
}

// A segment table that another process sent can say anything: nothing outside
// of the segment may change, and nothing may panic.
func TestRenderDistrustsSegments(t *testing.T) {
	raw := []byte(`{"name":"x\ny","b":[1,"é\u00e9"],"c":"\\"}`)
	for start := range uint32(len(raw) + 2) {
		for end := range uint32(len(raw) + 2) {
			seg := decision.Segment{Start: start, End: end}
			text := dialect.Text(raw, seg)
			splices, err := dialect.Render(raw, []decision.Segment{seg}, []decision.Edit{redact(0, 0, uint32(len(text)), "#")})
			if err != nil {
				wantConflict(t, err)
				continue
			}
			out := dialect.Apply(nil, raw, splices)
			if !bytes.HasPrefix(out, raw[:start]) || !bytes.HasSuffix(out, raw[end:]) {
				t.Errorf("segment [%d,%d): bytes outside changed: %s", start, end, out)
			}
		}
	}
}

func TestNamesAreNeverEdited(t *testing.T) {
	for _, raw := range []string{`{"a@b":1}`, "{\"a@b\" \t\r\n : 1}"} {
		segs := []decision.Segment{{Start: 2, End: 5}}
		_, err := dialect.Render([]byte(raw), segs, []decision.Edit{redact(0, 0, 3, "[EMAIL]")})
		wantConflict(t, err)
	}
}

func TestApplyRefusesWrongLists(t *testing.T) {
	raw := []byte(`{"a":"xyz"}`)
	lists := [][]decision.Splice{
		{{Start: 5, End: 4}},
		{{Start: 0, End: 12}},
		{{Start: 6, End: 8}, {Start: 7, End: 9}},
		{{Start: 8, End: 9}, {Start: 6, End: 7}},
	}
	for _, list := range lists {
		wantConflict(t, dialect.Check(raw, list))
		if got := dialect.Apply([]byte("kept"), raw, list); string(got) != "kept" {
			t.Errorf("a wrong list appended %q", got)
		}
	}
}

func TestUniteSplices(t *testing.T) {
	raw := []byte(`{"a":"xyz"}`)
	at := func(start, end uint32, with string) decision.Splice {
		return decision.Splice{Start: start, End: end, With: []byte(with)}
	}
	lists := []struct {
		a, b []decision.Splice
		want string // empty: they overlap
	}{
		{nil, nil, `{"a":"xyz"}`},
		{nil, []decision.Splice{at(6, 7, "1")}, `{"a":"1yz"}`},
		{[]decision.Splice{at(8, 9, "3")}, []decision.Splice{at(6, 7, "1")}, `{"a":"1y3"}`},
		{[]decision.Splice{at(6, 7, "1"), at(8, 9, "3")}, []decision.Splice{at(7, 8, "2")}, `{"a":"123"}`},
		{[]decision.Splice{at(5, 10, "null")}, []decision.Splice{at(7, 8, "2")}, ""},
		{[]decision.Splice{at(6, 8, "1")}, []decision.Splice{at(7, 9, "2")}, ""},
	}
	for _, l := range lists {
		both, err := dialect.UniteSplices(l.a, l.b)
		if l.want == "" {
			wantConflict(t, err)
		} else if got := string(dialect.Apply(nil, raw, both)); err != nil || got != l.want {
			t.Errorf("got %s, %v; want %s", got, err, l.want)
		}
	}
}

func TestTextAliases(t *testing.T) {
	raw := []byte(`{"a":"plain","b":"esc\u0061ped"}`)
	segs := segmentsOf(t, raw)
	plain, esc := dialect.Text(raw, segs[0]), dialect.Text(raw, segs[1])
	if string(plain) != "plain" || &plain[0] != &raw[6] {
		t.Errorf("text %q does not alias the body", plain)
	}
	if string(esc) != "escaped" {
		t.Errorf("text %q", esc)
	}
	if cap(plain) != len(plain) {
		t.Error("appending to a text would write into the body")
	}
}

// spell writes s as the content of a JSON string, with random spellings.
func spell(rnd *rand.Rand, s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case rnd.IntN(3) == 0 && r > 0xffff:
			hi, lo := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			fmt.Fprintf(&b, `\u%04x\u%04X`, hi, lo)
		case rnd.IntN(3) == 0 && r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		case r == '/' && rnd.IntN(2) == 0:
			b.WriteString(`\/`)
		default:
			q, _ := json.Marshal(string(r))
			b.Write(q[1 : len(q)-1])
		}
	}
	return b.String()
}

var alphabet = []rune("ab c/\"\\\n\t\x00é\u2028ſ😀𝕏\ufffd0")

func randomText(rnd *rand.Rand, n int) string {
	out := make([]rune, rnd.IntN(n+1))
	for i := range out {
		out[i] = alphabet[rnd.IntN(len(alphabet))]
	}
	return string(out)
}

// runeEdit replaces whole runes; it is how the oracle thinks of an edit.
type runeEdit struct {
	from, to int
	with     string
}

// oracle edits a text rune by rune, the naive way.
func oracle(text string, edits []runeEdit) string {
	runes := []rune(text)
	for i := len(edits) - 1; i >= 0; i-- {
		e := edits[i]
		runes = append(append(append([]rune{}, runes[:e.from]...), []rune(e.with)...), runes[e.to:]...)
	}
	return string(runes)
}

// After Apply the body parses, every segment's text is the edited text, and
// the bytes outside of the segments are as they were.
func TestRenderAgainstOracle(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 1500 {
		count := 1 + rnd.IntN(4)
		var frame []string // the bytes between the segments
		var contents, texts, want []string
		var edits []decision.Edit
		for i := range count {
			frame = append(frame, fmt.Sprintf("%s%q%*s: \"", []string{"{", `", `}[min(i, 1)], strconv.Itoa(i), rnd.IntN(3), ""))
			text := randomText(rnd, 12)
			texts, contents = append(texts, text), append(contents, spell(rnd, text))
			runeEdits := randomEdits(rnd, text)
			want = append(want, oracle(text, runeEdits))
			for _, e := range runeEdits {
				start, end := len(string([]rune(text)[:e.from])), len(string([]rune(text)[:e.to]))
				edits = append(edits, edit(uint32(i), uint32(start), uint32(end), e.with))
			}
		}
		raw := join(frame, contents) + `" }`
		rnd.Shuffle(len(edits), func(i, j int) { edits[i], edits[j] = edits[j], edits[i] })
		segs := segmentsOf(t, []byte(raw))
		for i, s := range segs {
			if got := string(dialect.Text([]byte(raw), s)); got != texts[i] {
				t.Fatalf("text %q, want %q", got, texts[i])
			}
		}
		splices, err := dialect.Render([]byte(raw), segs, edits)
		if err != nil {
			t.Fatalf("%v\n%s\n%v", err, raw, edits)
		}
		out := dialect.Apply(nil, []byte(raw), splices)
		outSegs := segmentsOf(t, out)
		var outContents []string
		for i, s := range outSegs {
			outContents = append(outContents, string(out[s.Start:s.End]))
			if got := string(dialect.Text(out, s)); got != want[i] {
				t.Fatalf("text %q, want %q\n%s\n%v", got, want[i], raw, edits)
			}
		}
		if got := join(frame, outContents) + `" }`; got != string(out) {
			t.Fatalf("bytes outside of the segments changed:\n%s\n%s", raw, out)
		}
	}
}

func join(frame, contents []string) string {
	var b strings.Builder
	for i := range frame {
		b.WriteString(frame[i] + contents[i])
	}
	return b.String()
}

// randomEdits makes ordered edits that neither overlap nor touch.
func randomEdits(rnd *rand.Rand, text string) []runeEdit {
	n := utf8.RuneCountInString(text)
	var out []runeEdit
	for at := rnd.IntN(4); at <= n; {
		to := min(n, at+rnd.IntN(4))
		out = append(out, runeEdit{at, to, randomText(rnd, 3)})
		at = to + 1 + rnd.IntN(4)
	}
	return out
}

// FuzzRender cuts a redaction anywhere into any body: either it is refused or
// the body still parses, is untouched outside of the string, and the redacted
// bytes are gone.
func FuzzRender(f *testing.F) {
	f.Add([]byte(`{"a":"x\ud83d\ude00é\n","b":[{"c":"\u00e9"}]}`), uint32(1), uint32(1), uint32(3), "#")
	f.Add([]byte(`{"a":"","b":"\\\""}`), uint32(1), uint32(0), uint32(1), "\x00\"")
	f.Add([]byte(`{ "a" : "plain" }`), uint32(0), uint32(0), uint32(5), "\xff")
	f.Fuzz(func(t *testing.T, raw []byte, seg, start, end uint32, with string) {
		if _, err := strictjson.Parse(raw, strictjson.Limits{}); err != nil {
			return
		}
		segs := segmentsOf(t, raw)
		if out := dialect.Apply(nil, raw, nil); !bytes.Equal(out, raw) {
			t.Fatal("no edits changed the body")
		}
		splices, err := dialect.Render(raw, segs, []decision.Edit{redact(seg, start, end, with)})
		if err != nil {
			wantConflict(t, err)
			return
		}
		out := dialect.Apply(nil, raw, splices)
		before := dialect.Text(raw, segs[seg])
		from, to := int(start), int(end)
		for from > 0 && from < len(before) && !utf8.RuneStart(before[from]) {
			from--
		}
		for to < len(before) && !utf8.RuneStart(before[to]) {
			to++
		}
		want := string(before[:from]) + with + string(before[to:])
		if got := string(dialect.Text(out, segmentsOf(t, out)[seg])); got != want {
			t.Fatalf("text %q, want %q", got, want)
		}
		s := segs[seg]
		if !bytes.HasPrefix(out, raw[:s.Start]) || !bytes.HasSuffix(out, raw[s.End:]) {
			t.Fatal("bytes outside of the segment changed")
		}
	})
}

func TestNameOf(t *testing.T) {
	for raw, want := range map[string]string{
		`{"a":"VALUE"}`: "a", `{"b" : "VALUE"}`: "b", "{\"b\"\n:\t\"VALUE\"}": "b", `{"x":1,"pass\u0077ord":"VALUE"}`: "password", `{"a\"b":"VALUE"}`: `a"b`, `{"a\\":"VALUE"}`: `a\`,
		`["VALUE"]`: "", `{"VALUE":1}`: "", `"VALUE"`: "", `{"a":["x","VALUE"]}`: "", `{"":"VALUE"}`: "", `{"a":"b","c":"VALUE"}`: "c", `{"a":":","VALUE":2}`: "",
	} {
		at := uint32(strings.Index(raw, "VALUE"))
		if got := dialect.NameOf([]byte(raw), decision.Segment{Start: at, End: at + 5}); string(got) != want {
			t.Errorf("%s: %q", raw, got)
		}
	}
	for _, s := range []decision.Segment{{}, {Start: 9, End: 12}, {Start: 3, End: 2}} {
		if got := dialect.NameOf([]byte(`{"a":"b"}`), s); got != nil {
			t.Errorf("%v: %q", s, got)
		}
	}
}
