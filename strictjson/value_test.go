package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"outrider.dev/outrider/strictjson"
)

func parse(t testing.TB, body string) *strictjson.Doc {
	t.Helper()
	doc, err := strictjson.Parse([]byte(body), strictjson.Limits{})
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return doc
}

func TestAt(t *testing.T) {
	// The examples of RFC 6901, section 5, and what lies beside them.
	doc := parse(t, `{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8, "~1":{"":[9]}}`)
	tests := []struct{ pointer, raw string }{
		{"/foo", `["bar", "baz"]`},
		{"/foo/0", `"bar"`},
		{"/foo/1", `"baz"`},
		{"/", "0"},
		{"/a~1b", "1"},
		{"/c%d", "2"},
		{"/e^f", "3"},
		{"/g|h", "4"},
		{`/i\j`, "5"},
		{`/k"l`, "6"},
		{"/ ", "7"},
		{"/m~0n", "8"},
		{"/~01//0", "9"},
		{"/foo/2", ""},
		{"/foo/-", ""},
		{"/foo/01", ""},
		{"/foo/+1", ""},
		{"/foo/0/x", ""},
		{"/FOO", ""},
		{"/m~n", ""},
		{"/m~2n", ""},
		{"/m~", ""},
		{"foo", ""},
		{"/foo/", ""},
		{"/foo/99999999999999999999", ""},
	}
	for _, tt := range tests {
		if got := string(doc.At(tt.pointer).Raw()); got != tt.raw {
			t.Errorf("At(%q) is %q, want %q", tt.pointer, got, tt.raw)
		}
		tokens, ok := strictjson.Tokens(tt.pointer)
		v := doc.Root()
		for _, token := range tokens {
			v = v.Child(token)
		}
		if got := string(v.Raw()); ok && got != tt.raw || !ok && tt.raw != "" {
			t.Errorf("step by step %q leads to %q, want %q", tt.pointer, got, tt.raw)
		}
	}
	if doc.At("").Kind() != strictjson.Object {
		t.Error("the empty pointer is not the root")
	}
}

func TestValues(t *testing.T) {
	doc := parse(t, ` { "s" : "pl\u0061in" , "t":true,"f":false, "z":null, "n": 42, "a":[1,[2,3],{"b":4}], "o":{"x":{},"y":[]} } `)
	root := doc.Root()
	kinds := map[string]strictjson.Kind{
		"s": strictjson.String, "t": strictjson.Bool, "f": strictjson.Bool, "z": strictjson.Null, "n": strictjson.Number,
		"a": strictjson.Array, "o": strictjson.Object, "S": strictjson.None, "none": strictjson.None,
	}
	for name, want := range kinds {
		if got := root.Get(name).Kind(); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if text, ok := root.Get("s").Text(); !ok || string(text) != "plain" || !root.Get("s").Escaped() {
		t.Errorf("text %q, %v", text, ok)
	}
	if !root.Get("s").Is("plain") || root.Get("s").Is("plane") || root.Get("n").Is("42") {
		t.Error("Is compares by unescaped text of strings")
	}
	if v, ok := root.Get("t").Bool(); !v || !ok {
		t.Error("true is not true")
	}
	if v, ok := root.Get("f").Bool(); v || !ok {
		t.Error("false is not false")
	}
	if _, ok := root.Get("z").Bool(); ok {
		t.Error("null is no boolean")
	}
	for name, want := range map[string]int{"a": 3, "o": 2, "s": 0, "none": 0} {
		if got := root.Get(name).Len(); got != want {
			t.Errorf("%s has length %d, want %d", name, got, want)
		}
	}
	var order []string
	for name, value := range root.Members() {
		order = append(order, string(name.Raw())+string(value.Raw()))
		if len(order) == 2 {
			break
		}
	}
	if got := strings.Join(order, " "); got != `"s""pl\u0061in" "t"true` {
		t.Errorf("members %s", got)
	}
	for i, e := range root.Get("a").Elements() {
		if want := []string{"1", "[2,3]", `{"b":4}`}[i]; string(e.Raw()) != want {
			t.Errorf("element %d is %s", i, e.Raw())
		}
	}
}

func TestUint(t *testing.T) {
	for literal, want := range map[string]uint64{"0": 0, "42": 42, "18446744073709551615": 1<<64 - 1} {
		if got, ok := parse(t, `{"n":`+literal+`}`).At("/n").Uint(); !ok || got != want {
			t.Errorf("%s is %d, %v", literal, got, ok)
		}
	}
	for _, literal := range []string{"-0", "-1", "1.0", "1e3", "18446744073709551616", `"1"`, "null", "[1]"} {
		if got, ok := parse(t, `{"n":`+literal+`}`).At("/n").Uint(); ok {
			t.Errorf("%s is taken for %d", literal, got)
		}
	}
}

func TestTextAliasesOnlyWithoutEscapes(t *testing.T) {
	raw := []byte(`{"p":"plain","e":"a\nb"}`)
	doc, err := strictjson.Parse(raw, strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := doc.At("/p").Text()
	if &plain[0] != &raw[6] || cap(plain) != len(plain) {
		t.Error("plain text must alias the body and must not be appendable into it")
	}
	if text, _ := doc.At("/e").Text(); string(text) != "a\nb" {
		t.Errorf("text %q", text)
	}
}

// After Free every value is absent, also while another body is parsed onto the
// same tape: a forgotten value must not show somebody else's body.
func TestFree(t *testing.T) {
	doc := parse(t, `{"a":{"b":["mine"]}}`)
	root, list := doc.Root(), doc.At("/a/b")
	text, _ := doc.At("/a/b/0").Text()
	doc.Free()
	doc.Free()
	other := parse(t, `{"x":{"y":["theirs"]}}`)
	defer other.Free()
	for _, v := range []strictjson.Value{root, list, doc.Root(), root.Get("a"), doc.At("/x")} {
		if v.Kind() != strictjson.None || v.Raw() != nil || v.Len() != 0 || v.Pointer() != "" || v.RefuseFolded(true) != nil {
			t.Errorf("a value outlived its document: %s", v.Raw())
		}
	}
	if string(text) != "mine" {
		t.Errorf("the text became %q", text)
	}
}

func TestFreeWhileIterating(t *testing.T) {
	doc := parse(t, `{"a":1,"b":[1,2],"c":3}`)
	steps := 0
	for range doc.Root().Members() {
		steps++
		doc.Free()
	}
	if steps != 1 {
		t.Errorf("%d steps over a freed document", steps)
	}
}

func TestAbsentValue(t *testing.T) {
	var v strictjson.Value
	if _, ok := v.Text(); ok || v.Kind() != strictjson.None || v.Get("a").Kind() != strictjson.None || v.Escaped() {
		t.Error("the zero value is not absent")
	}
	if start, end := v.Span(); start != 0 || end != 0 {
		t.Error("an absent value has a span")
	}
}

func TestPointer(t *testing.T) {
	doc := parse(t, `{"a~b":[1,{"c/d":{"e":"x"}}],"f":2}`)
	for _, p := range []string{"", "/a~0b", "/a~0b/0", "/a~0b/1", "/a~0b/1/c~1d", "/a~0b/1/c~1d/e", "/f"} {
		if got := doc.At(p).Pointer(); got != p {
			t.Errorf("pointer %q, want %q", got, p)
		}
	}
	for name, value := range doc.Root().Members() {
		if name.Pointer() != value.Pointer() {
			t.Errorf("the name of %s has pointer %q", value.Pointer(), name.Pointer())
		}
	}
	err := doc.At("/a~0b/1/c~1d/e").Refuse("must be a number")
	if got := err.Error(); got != "must be a number (at byte 22, /a~0b/1/c~1d/e)" {
		t.Errorf("message %q", got)
	}
}

// Many goroutines share the pool of tapes; each must see its own body.
func TestParseConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				want := fmt.Sprintf(`{"g":%d,"i":[%d]}`, g, i)
				doc, err := strictjson.Parse([]byte(want), strictjson.Limits{})
				if err != nil || doc.At("/g").Len() != 0 || string(doc.At("/i/0").Raw()) != fmt.Sprint(i) {
					t.Errorf("%s: %v", want, err)
					return
				}
				doc.Free()
			}
		})
	}
	wg.Wait()
}

// The tape is used again: a body of ten thousand values must not cost an
// allocation each. (The race detector makes the pool forget at random.)
func TestParseReusesItsTape(t *testing.T) {
	body := []byte(`{"a":[` + strings.Repeat(`{"role":"user"},`, 5_000) + `0]}`)
	n := testing.AllocsPerRun(100, func() {
		doc, err := strictjson.Parse(body, strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		doc.Free()
	})
	if n > 24 {
		t.Errorf("%v allocations a body", n)
	}
}

// sameAsStandard compares a value with what encoding/json reads of it.
func sameAsStandard(t *testing.T, raw []byte, v strictjson.Value, want any) {
	t.Helper()
	start, end := v.Span()
	if !bytes.Equal(raw[start:end], v.Raw()) || !json.Valid(v.Raw()) {
		t.Fatalf("span [%d,%d) is no value: %q", start, end, v.Raw())
	}
	switch want := want.(type) {
	case map[string]any:
		if v.Kind() != strictjson.Object || v.Len() != len(want) {
			t.Fatalf("%q is not the object %v", v.Raw(), want)
		}
		for name, value := range v.Members() {
			text, _ := name.Text()
			below, ok := want[string(text)]
			if !ok || v.Get(string(text)) != value {
				t.Fatalf("member %q", text)
			}
			sameAsStandard(t, raw, value, below)
		}
	case []any:
		if v.Kind() != strictjson.Array || v.Len() != len(want) {
			t.Fatalf("%q is not the array %v", v.Raw(), want)
		}
		for i, e := range v.Elements() {
			sameAsStandard(t, raw, e, want[i])
		}
	case string:
		if text, ok := v.Text(); !ok || string(text) != want || !v.Is(want) {
			t.Fatalf("text %q, want %q", text, want)
		}
	case bool:
		if got, ok := v.Bool(); !ok || got != want {
			t.Fatalf("%q, want %v", v.Raw(), want)
		}
	case json.Number:
		if v.Kind() != strictjson.Number || string(v.Raw()) != want.String() {
			t.Fatalf("%q, want %v", v.Raw(), want)
		}
	case nil:
		if v.Kind() != strictjson.Null {
			t.Fatalf("%q, want null", v.Raw())
		}
	}
}

// FuzzParse: what we accept, encoding/json accepts and reads as we do; what
// only it accepts falls under one of our refusals.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2.5e3,"x\ud83d\ude00\n",null,true,{"b":{}}]}`, `{"a":1,"a":2}`, `{"a":1}{}`, `[]`, "\xef\xbb\xbf{}",
		`{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"\u0061":1,"a":2}`, " {\t\"a\"\r:\n[ ] , \"b\" : { } } ", `{"a":`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		doc, err := strictjson.Parse(raw, strictjson.Limits{})
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		var want any
		stdErr := dec.Decode(&want)
		if err != nil {
			var e *strictjson.Error
			if !errors.As(err, &e) {
				t.Fatalf("error is %T", err)
			}
			if e.Offset < 0 || e.Offset > len(raw) {
				t.Fatalf("offset %d of %d", e.Offset, len(raw))
			}
			if _, object := want.(map[string]any); json.Valid(raw) && stdErr == nil && object {
				wantOurRefusal(t, raw, e)
			}
			return
		}
		defer doc.Free()
		if stdErr != nil || !json.Valid(raw) {
			t.Fatalf("accepted what encoding/json refuses: %v", stdErr)
		}
		sameAsStandard(t, raw, doc.Root(), want)
	})
}

func wantOurRefusal(t *testing.T, raw []byte, e *strictjson.Error) {
	t.Helper()
	switch e.Problem {
	case strictjson.Duplicate, strictjson.InvalidUTF8, strictjson.BadEscape, strictjson.TooDeep:
	default:
		t.Fatalf("refused %q: %v", raw, e)
	}
}

// Random well-formed bodies are all accepted, whatever their white space.
func TestParseAcceptsWhatIsWellFormed(t *testing.T) {
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		value := map[string]any{"root": randomValue(rnd, 5)}
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, raw, "\r\n", "\t "); err != nil {
			t.Fatal(err)
		}
		for _, body := range [][]byte{raw, indented.Bytes()} {
			doc, err := strictjson.Parse(body, strictjson.Limits{})
			if err != nil {
				t.Fatalf("%v in %s", err, body)
			}
			dec := json.NewDecoder(bytes.NewReader(body))
			dec.UseNumber()
			var want any
			if err := dec.Decode(&want); err != nil {
				t.Fatal(err)
			}
			sameAsStandard(t, body, doc.Root(), want)
			doc.Free()
		}
	}
}

func randomValue(rnd *rand.Rand, depth int) any {
	kinds := 7
	if depth == 0 {
		kinds = 5 // no array, no object
	}
	switch rnd.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return rnd.IntN(2) == 0
	case 2:
		return rnd.NormFloat64() * 1e9
	case 3, 4:
		return []string{"", "plain", "q\"b\\", "é😀\u2028", "\x00\n"}[rnd.IntN(5)]
	case 5:
		list := make([]any, rnd.IntN(4))
		for i := range list {
			list[i] = randomValue(rnd, depth-1)
		}
		return list
	default:
		object := map[string]any{}
		for range rnd.IntN(4) {
			object[fmt.Sprintf("k%d\"é", rnd.IntN(100))] = randomValue(rnd, depth-1)
		}
		return object
	}
}
