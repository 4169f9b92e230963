package input

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/number"
	"outrider.dev/outrider/decision"
)

func callWith(args string) *Call {
	return New(&decision.Request{Surface: decision.MCP, Method: "tools/call", Tool: decision.Tool{Name: "x", Args: []byte(args)}}, nil)
}

func TestArguments(t *testing.T) {
	for _, tc := range []struct {
		raw  string
		want any // a map, or the text of an error
	}{
		{"", map[string]any{}},
		{"{}", map[string]any{}},
		{`{"a":"b","c":true,"d":null}`, map[string]any{"a": "b", "c": true, "d": nil}},
		{`{"n":3,"m":-9223372036854775808}`, map[string]any{"n": int64(3), "m": int64(-9223372036854775808)}},
		{`{"f":1.5,"e":1e3}`, map[string]any{"f": 1.5, "e": int64(1000)}},
		{`{"big":9223372036854775808,"o":{"l":[{"far":1e999}],"k":1},"p":{}}`, map[string]any{
			"big": number.Inexact{Raw: "9223372036854775808"}, "p": map[string]any{}, number.Member: number.Inexact{},
			"o": map[string]any{"l": number.Inexact{Raw: `[{"far":1e999}]`}, "k": int64(1), number.Member: number.Inexact{}},
		}},
		{`{"l":[1,[2],{"x":"\u00e9"}],"o":{"p":{}}}`, map[string]any{"l": []any{int64(1), []any{int64(2)}, map[string]any{"x": "é"}}, "o": map[string]any{"p": map[string]any{}}}},
		{`{"a":1,"a":2}`, "the tool's arguments are not an acceptable JSON object"},
		{`["secret"]`, "the tool's arguments are not an acceptable JSON object"},
		{`{"a":`, "the tool's arguments are not an acceptable JSON object"},
		{strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100), "the tool's arguments are not an acceptable JSON object"},
	} {
		got, err := callWith(tc.raw).arguments()
		if text, fails := tc.want.(string); fails {
			if err == nil || err.Error() != text {
				t.Errorf("%.40s: got %v, %v", tc.raw, got, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %#v, %v", tc.raw, got, err)
		}
	}
}

func TestArgumentsComeFromTheBody(t *testing.T) {
	body := `{"params":{"arguments":{"a":1}}}`
	start := strings.Index(body, `{"a"`)
	r := &decision.Request{
		Body: decision.Body{Raw: []byte(body)},
		Tool: decision.Tool{ArgsStart: uint32(start), ArgsEnd: uint32(start + len(`{"a":1}`)), Args: []byte(`{"a":2}`)},
	}
	got, err := New(r, nil).arguments()
	if err != nil || !reflect.DeepEqual(got, map[string]any{"a": int64(1)}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestArgumentsAreParsedOnce(t *testing.T) {
	c := callWith(`{"a":1}`)
	first, _ := c.arguments()
	second, _ := c.Anonymous().arguments()
	first.(map[string]any)["seen"] = true
	if second.(map[string]any)["seen"] != true {
		t.Error("a view of the call parsed the arguments again")
	}
}

func TestAnnotations(t *testing.T) {
	for _, tc := range []struct{ definition, want string }{
		{`{"name":"x"}`, `{}`},
		{`{"annotations":{"destructiveHint":true}}`, `{"destructiveHint":true}`},
		{`{"annotations":[1]}`, "annotations are not an object"},
		{`nonsense`, "annotations are not an acceptable JSON object"},
	} {
		c := New(&decision.Request{Tool: decision.Tool{Definition: []byte(tc.definition)}}, nil)
		value, err := c.annotations()
		got, _ := json.Marshal(value)
		if err != nil {
			got = []byte(err.Error())
		}
		if string(got) != tc.want {
			t.Errorf("%s: got %s", tc.definition, got)
		}
	}
}

// FuzzArguments holds the reader against the standard library's, which reads
// the same values wherever ours accepts the text at all and numbers are exact.
func FuzzArguments(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"a":[1,2.5,"x\n",{"b":null}]}`, `{"a":9223372036854775808}`, `{"A":1,"a":2}`, `{"\u0000":"\ud83d\ude00"}`, `[1]`, `{"a":1}x`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := callWith(raw).arguments()
		if err != nil {
			if len(raw) > 8 && strings.Contains(err.Error(), raw) {
				t.Fatalf("the error repeats the content: %v", err)
			}
			return
		}
		if raw == "" || number.Holds(got) {
			return
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(raw), &want); err != nil {
			t.Fatalf("accepted %q: %v", raw, err)
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]any
		if err := json.Unmarshal(again, &back); err != nil || !reflect.DeepEqual(back, want) {
			t.Fatalf("%q became %s", raw, again)
		}
	})
}
