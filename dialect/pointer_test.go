package dialect_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/strictjson"
)

func remove(pointer string) decision.Edit { return decision.Edit{Pointer: pointer, Remove: true} }

func TestPointers(t *testing.T) {
	tests := []struct {
		name, body string
		edits      []decision.Edit
		want       string
	}{
		{"the only member goes", `{ "a" : 1 }`, []decision.Edit{remove("/a")}, `{  }`},
		{"the first goes", `{"a":1, "b":2}`, []decision.Edit{remove("/a")}, `{"b":2}`},
		{"the last goes", `{"a":1 , "b":2 }`, []decision.Edit{remove("/b")}, `{"a":1 }`},
		{"the middle goes", `{"a":1,"b":2,"c":3}`, []decision.Edit{remove("/b")}, `{"a":1,"c":3}`},
		{"two neighbours go", `{"a":1,"b":2,"c":3}`, []decision.Edit{remove("/c"), remove("/b")}, `{"a":1}`},
		{"first and last go", `{"a":1,"b":2,"c":3}`, []decision.Edit{remove("/a"), remove("/c")}, `{"b":2}`},
		{"all go", `{"a":1,"b":2}`, []decision.Edit{remove("/a"), remove("/b")}, `{}`},
		{"what is not there stays away", `{"a":1}`, []decision.Edit{remove("/b"), remove("/a/b"), remove("/c/d")}, `{"a":1}`},
		{"an escaped name goes", `{"\u0061":1,"b":2}`, []decision.Edit{remove("/a")}, `{"b":2}`},
		{"a name with a slash", `{"a/b~":1}`, []decision.Edit{remove("/a~1b~0")}, `{}`},
		{"one comes to none", `{}`, []decision.Edit{set("/a", `1`)}, `{"a":1}`},
		{"one comes to some", `{"a":1 }`, []decision.Edit{set("/b", `"x"`)}, `{"a":1,"b":"x" }`},
		{"two come", `{"a":1}`, []decision.Edit{set("/c", `3`), set("/b", `2`)}, `{"a":1,"b":2,"c":3}`},
		{"one goes and one comes", `{"a":1}`, []decision.Edit{remove("/a"), set("/b", `2`)}, `{"b":2}`},
		{"the last goes and one comes", `{"a":1,"b":2}`, []decision.Edit{remove("/b"), set("/c", `3`)}, `{"a":1,"c":3}`},
		{"objects are made", `{"p":{}}`, []decision.Edit{set("/p/a/b/c", `1`), set("/p/a/d", `2`)}, `{"p":{"a":{"b":{"c":1},"d":2}}}`},
		{"a null becomes an object", `{"p":null}`, []decision.Edit{set("/p/a", `1`)}, `{"p":{"a":1}}`},
		{"in a list's element", `{"l":[{"a":1},{}]}`, []decision.Edit{set("/l/1/a", `2`), remove("/l/0/a")}, `{"l":[{},{"a":2}]}`},
		{"an element is replaced", `{"l":[1,2]}`, []decision.Edit{set("/l/1", `[]`)}, `{"l":[1,[]]}`},
		{"inner and outer", `{"p":{"a":1}}`, []decision.Edit{set("/p/b", `2`), set("/q", `3`), set("/p/a", `9`)}, `{"p":{"a":9,"b":2},"q":3}`},
		{"one value of two edits", `{}`, []decision.Edit{set("/a", `1`), set("/a", `1`)}, `{"a":1}`},
		{"removed twice", `{"a":1}`, []decision.Edit{remove("/a"), remove("/a")}, `{}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			splices, err := dialect.Render([]byte(tt.body), nil, tt.edits)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(dialect.Apply(nil, []byte(tt.body), splices)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestPointersConflict(t *testing.T) {
	for name, tt := range map[string]struct {
		body  string
		edits []decision.Edit
	}{
		"set and removed":            {`{"a":1}`, []decision.Edit{set("/a", `1`), remove("/a")}},
		"set and removed, absent":    {`{}`, []decision.Edit{set("/a", `1`), remove("/a")}},
		"removed above an edit":      {`{"a":{"b":1}}`, []decision.Edit{remove("/a"), set("/a/b", `2`)}},
		"removed above a new member": {`{"a":{"b":1}}`, []decision.Edit{remove("/a"), set("/a/c", `2`)}},
		"removed above a removal":    {`{"a":{"b":1,"c":2}}`, []decision.Edit{remove("/a"), remove("/a/b")}},
		"made above a new member":    {`{}`, []decision.Edit{set("/a", `{}`), set("/a/b", `2`)}},
		"made below a new member":    {`{}`, []decision.Edit{set("/a-", `1`), set("/a/b/c", `2`), set("/a/b", `2`)}},
		"removed above, absent":      {`{}`, []decision.Edit{remove("/a"), set("/a/b", `2`)}},
		"removed below, absent":      {`{}`, []decision.Edit{remove("/a/b"), set("/a", `{"b":1}`)}},
		"a null is both":             {`{"a":null}`, []decision.Edit{set("/a", `{}`), set("/a/b", `2`)}},
		"an element goes":            {`{"a":[1,2]}`, []decision.Edit{remove("/a/0")}},
		"the body goes":              {`{"a":1}`, []decision.Edit{{Remove: true, Pointer: "a"}}},
		"a name that is no text":     {`{}`, []decision.Edit{set("/\xff", `1`)}},
	} {
		t.Run(name, func(t *testing.T) {
			splices, err := dialect.Render([]byte(tt.body), nil, tt.edits)
			if splices != nil {
				t.Errorf("splices beside the error: %v", splices)
			}
			wantConflict(t, err)
		})
	}
}

// model does to a decoded value what edits do to a body, the naive way. It
// reports false where they contradict each other or the value.
func model(v any, tokens []string, e decision.Edit) (any, bool) {
	if len(tokens) == 0 {
		err := json.Unmarshal(e.Value, &v)
		return v, err == nil
	}
	object, ok := v.(map[string]any)
	switch {
	case v == nil && !e.Remove:
		object = map[string]any{}
	case v == nil:
		return v, true
	case !ok:
		return v, e.Remove
	}
	child, there := object[tokens[0]]
	if e.Remove && (len(tokens) == 1 || !there) {
		delete(object, tokens[0])
		return object, true
	}
	next, ok := model(child, tokens[1:], e)
	object[tokens[0]] = next
	return object, ok
}

// randomObject writes an object with few names, spaced at random.
func randomObject(rnd *rand.Rand, depth int) string {
	space := func() string { return strings.Repeat(" ", rnd.IntN(2)) }
	var members []string
	for _, name := range []string{"a", "b", "c"} {
		value := []string{"1", `"x,}"`, "null", "[1,{}]"}[rnd.IntN(4)]
		if depth > 0 && rnd.IntN(2) == 0 {
			value = randomObject(rnd, depth-1)
		}
		if rnd.IntN(3) > 0 {
			members = append(members, space()+`"`+name+`"`+space()+":"+space()+value+space())
		}
	}
	return "{" + space() + strings.Join(members, ",") + "}"
}

// Edits at pointers that do not contradict each other do what they say, and
// the body stays one that every reader takes for the same.
func TestPointersAgainstModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	rendered := 0
	for range 4000 {
		raw := randomObject(rnd, 2)
		var edits []decision.Edit
		pointers := map[string]bool{}
		for i := range 1 + rnd.IntN(4) {
			pointer := ""
			for range 1 + rnd.IntN(3) {
				pointer += "/" + []string{"a", "b", "c", "d"}[rnd.IntN(4)]
			}
			if pointers[pointer] {
				continue
			}
			pointers[pointer] = true
			edits = append(edits, decision.Edit{Pointer: pointer, Remove: rnd.IntN(2) == 0, Value: fmt.Appendf(nil, `{"v":%d}`, i)})
		}
		var want any
		if err := json.Unmarshal([]byte(raw), &want); err != nil {
			t.Fatal(err)
		}
		splices, err := dialect.Render([]byte(raw), nil, edits)
		if err != nil {
			wantConflict(t, err)
			continue
		}
		rendered++
		for _, e := range edits {
			tokens, _ := strictjson.Tokens(e.Pointer)
			var ok bool
			if want, ok = model(want, tokens, e); !ok {
				t.Fatalf("%s: %+v was rendered", raw, edits)
			}
		}
		out := dialect.Apply(nil, []byte(raw), splices)
		if _, err := strictjson.Parse(out, strictjson.Limits{}); err != nil {
			t.Fatalf("%s became %s: %v", raw, out, err)
		}
		var got any
		if err := json.Unmarshal(out, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s with %+v\ngot  %s\nwant %v", raw, edits, out, want)
		}
	}
	if rendered < 1000 {
		t.Errorf("only %d were rendered", rendered)
	}
}

// FuzzPointers: whatever pointers say, the body is refused or stays a strict
// one that has the value or lacks the member.
func FuzzPointers(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":{"c":[{}]}}`), "/b/c/0/d", []byte(`{"x":[1]}`), "/a")
	f.Add([]byte(`{"a":null}`), "/a/~0~1", []byte(`"\u0000"`), "/b")
	f.Add([]byte(`{}`), "/\xff", []byte(`1`), "")
	f.Fuzz(func(t *testing.T, raw []byte, pointer string, value []byte, gone string) {
		if _, err := strictjson.Parse(raw, strictjson.Limits{}); err != nil || pointer == "" || gone == "" {
			return
		}
		splices, err := dialect.Render(raw, nil, []decision.Edit{{Pointer: pointer, Value: value}, remove(gone)})
		if err != nil {
			wantConflict(t, err)
			return
		}
		out := dialect.Apply(nil, raw, splices)
		doc, err := strictjson.Parse(out, strictjson.Limits{Depth: 1 << 20})
		if err != nil {
			t.Fatalf("%s became %s: %v", raw, out, err)
		}
		if got := string(doc.At(pointer).Raw()); got != string(value) {
			t.Fatalf("%q holds %s, want %s", pointer, got, value)
		}
		if doc.At(gone).Kind() != strictjson.None {
			t.Fatalf("%q is still there: %s", gone, out)
		}
	})
}
