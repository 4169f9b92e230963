package strictjson_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

func TestRefuseFolded(t *testing.T) {
	tests := []struct {
		name, body, pointer string
		here, deep          bool // refused
	}{
		{"the known differential", `{"name":"delete_repo","Name":"search"}`, "/Name", true, true},
		{"upper case", `{"model":1,"x":2,"MODEL":3}`, "/MODEL", true, true},
		{"long s", `{"messages":1,"meſsages":2}`, "/*", true, true},
		{"Kelvin sign", `{"token":1,"to\u212aen":2}`, "/*", true, true},
		{"dotless i", `{"id":1,"ıd":2}`, "/*", true, true},
		{"dotted capital I", `{"id":1,"İd":2}`, "/*", true, true},
		{"final sigma", `{"ς":1,"Σ":2}`, "/*", true, true},
		{"by escape", `{"name":1,"\u004eame":2}`, "/Name", true, true},
		{"NUL behind a name", `{"name":1,"name\u0000":2}`, "/*", true, true},
		{"NUL inside both", `{"Name\u0000a":1,"name\u0000b":2}`, "/*", true, true},
		{"NUL before different names", `{"a":1,"\u0000a":2}`, "", false, false},
		{"below", `{"a":[{"b":{"c":1,"C":2}}]}`, "/a/0/b/C", false, true},
		{"in a sibling", `{"a":{"x":1},"b":{"X":1}}`, "", false, false},
		{"different words", `{"name":1,"Names":2,"nam":3,"NAM_E":4,"nam-e":5}`, "", false, false},
		{"sharp s is not ss", `{"ß":1,"ss":2}`, "", false, false},
		{"values do not count", `{"a":"A","b":"a"}`, "", false, false},
		{"one name", `{"A":1}`, "", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := parse(t, tt.body).Root()
			for deep, refused := range map[bool]bool{false: tt.here, true: tt.deep} {
				err := root.RefuseFolded(deep)
				if (err != nil) != refused {
					t.Errorf("deep %v: %v", deep, err)
				}
				if err == nil {
					continue
				}
				if got := wantError(t, err, strictjson.Folded, decision.CodeBodyInvalid); got.Pointer != tt.pointer {
					t.Errorf("pointer %q, want %q", got.Pointer, tt.pointer)
				}
			}
		})
	}
}

// Objects with many names take another path than those with few.
func TestRefuseFoldedAmongMany(t *testing.T) {
	for count := 2; count < 40; count++ {
		var names []string
		for i := range count {
			names = append(names, fmt.Sprintf(`"camelCase%d":%d`, i, i))
		}
		body := "{" + strings.Join(names, ",") + "}"
		if err := parse(t, body).Root().RefuseFolded(true); err != nil {
			t.Fatalf("%d different names: %v", count, err)
		}
		body = "{" + strings.Join(names, ",") + fmt.Sprintf(`,"CAMELCASE%d":0}`, count/2)
		if err := parse(t, body).Root().RefuseFolded(false); err == nil {
			t.Fatalf("%d names: the folded one was not found", count)
		}
		body = "{" + strings.Join(names, ",") + fmt.Sprintf(`,"camelCase%d\u0000":0}`, count/2)
		if err := parse(t, body).Root().RefuseFolded(false); err == nil {
			t.Fatalf("%d names: the one behind NUL was not found", count)
		}
	}
}

// Every rune that encoding/json holds for equal to another one is found: a
// reader into a struct would take the second name for the first.
func TestFoldingCoversEncodingJSON(t *testing.T) {
	for r := rune(0x21); r <= unicode.MaxRune; r++ {
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			body := fmt.Sprintf(`{"x%cy":1,"x%cy":2}`, r, other)
			if err := parse(t, body).Root().RefuseFolded(false); err == nil {
				t.Errorf("%U and %U are not held for equal", r, other)
			}
		}
	}
	var read struct{ Kiss int }
	for _, name := range []string{"KISS", "\u212aiss", "ki\u017f\u017f"} {
		body := fmt.Sprintf(`{"kiss":1,%q:2}`, name)
		if err := json.Unmarshal([]byte(body), &read); err != nil || read.Kiss != 2 {
			t.Fatalf("encoding/json does not take %q: the test lost its reason", name)
		}
		if err := parse(t, body).Root().RefuseFolded(false); err == nil {
			t.Errorf("%q is not found", name)
		}
	}
}

func TestRefuseFoldedOfOtherValues(t *testing.T) {
	doc := parse(t, `{"a":[{"b":1,"B":2}],"s":"x"}`)
	if err := doc.At("/a").RefuseFolded(false); err != nil {
		t.Errorf("an array has no names: %v", err)
	}
	if err := doc.At("/a").RefuseFolded(true); err == nil {
		t.Error("not found below an array")
	}
	for _, v := range []strictjson.Value{doc.At("/s"), doc.At("/none"), {}} {
		if err := v.RefuseFolded(true); err != nil {
			t.Errorf("%s: %v", v.Kind(), err)
		}
	}
}

func TestRespelled(t *testing.T) {
	doc := parse(t, `{"limit":1,"Filter":{"state":"x"},"\u212aiss":1,"list":[{"A":1}],"s":"x","a\u0000b":1}`)
	for pointer, want := range map[string]bool{
		"": false, "/limit": false, "/Limit": true, "/LIMIT": true, "/limits": false, "/filter/state": true, "/Filter/State": true,
		"/Filter/other": false, "/filter/none": true, "/kiss": true, "/list/0/a": true, "/list/0/A": false, "/list/1/a": false, "/s/x": false,
		"/a": true, "limit": false, "/~2": false,
	} {
		if got := doc.Respelled(pointer); got != want {
			t.Errorf("%q: %v", pointer, got)
		}
	}
}
