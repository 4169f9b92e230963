package rego

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

func tool(args string) *input.Call {
	return input.New(&decision.Request{Surface: decision.MCP, Method: "tools/call", Tool: decision.Tool{Name: "x", Args: []byte(args)}}, nil)
}

// changes tells what the rules demand of a call, or why they cannot.
func changes(t *testing.T, rules string, c *input.Call) string {
	t.Helper()
	m, err := Compile(Sources{Inline: "package outrider\n" + rules}, nil)
	if err != nil {
		t.Fatal(err)
	}
	list, err := m.Mutate(c)
	if err != nil {
		return "! " + err.Error()
	}
	var out []string
	for _, one := range list {
		text := one.What() + " " + string(one.Value) + one.Model + one.Text
		for _, bound := range []*float64{one.Min, one.Max} {
			raw, _ := json.Marshal(bound)
			text += " " + string(raw)
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

func TestMutate(t *testing.T) {
	llm := input.New(&decision.Request{Surface: decision.LLM, Method: "chat.completions", LLM: decision.LLMCall{Model: "m"}}, nil)
	for _, tt := range []struct {
		rules string
		call  *input.Call
		want  string
	}{
		{`mutate contains {"argument": "/a", "value": {"b": [1, 2.5, null, "x"]}}`, tool(`{}`), `argument /a {"b":[1,2.5,null,"x"]} null null`},
		{`mutate contains {"argument": "/a", "value": false}`, tool(`{}`), `argument /a false null null`},
		{`mutate contains {"argument": "/a", "value": null}`, tool(`{}`), `argument /a null null null`},
		{`mutate contains {"argument": "/a", "value": 12345678901234567890}`, tool(`{}`), `argument /a 12345678901234567890 null null`},
		{`mutate contains {"argument": "/a", "min": -1.5}`, tool(`{}`), `argument /a  -1.5 null`},
		{`mutate contains {"argument": "/a", "max": 5}`, tool(`{}`), `argument /a  null 5`},
		{`mutate contains {"argument": "/a", "remove": true}`, tool(`{}`), `argument /a  null null`},
		{`mutate contains {"argument": "/a", "value": input.tool.args.b}`, tool(`{"b":"é"}`), `argument /a "é" null null`},
		{`mutate contains {"argument": "/a", "value": input.tool.args.b}`, tool(`{}`), ``},
		{`mutate contains {"model": "n"} if input.llm.model == "m"`, llm, `model n null null`},
		{`mutate contains {"model": "n"}`, tool(`{}`), ``},
		{`mutate contains {"argument": "/a", "remove": true}`, llm, ``},
		{`mutate contains {"maxTokens": 5}`, llm, `max tokens  null null`},
		{`mutate contains {"header": "X-A", "value": "b"}`, llm, `header x-a b null null`},
		{"mutate contains {\"argument\": p, \"remove\": true} if some p in [\"/b\", \"/a\"]", tool(`{}`), `argument /a  null null; argument /b  null null`},
		{`mutate contains {"argument": p, "remove": true} if { some i in numbers.range(1, 64); p := sprintf("/%d", [i]) }`, llm, ``},
		{`mutate contains {"argument": p, "remove": true} if { some i in numbers.range(1, 65); p := sprintf("/%d", [i]) }`, llm, `! mutate holds more than 64 changes`},
		{`mutate contains 5`, llm, `! mutate holds what is no change`},
		{`mutate contains {}`, llm, `! mutate holds what is no change`},
		{`mutate contains {"model": 5}`, llm, `! mutate holds what is no change`},
		{`mutate contains {"model": ""}`, llm, `! mutate: the model has no name, or one that is too long`},
		{`mutate contains {"model": "n", "maxTokens": 5}`, llm, `! mutate holds what is no change`},
		{`mutate contains {"maxTokens": 1.5}`, llm, `! mutate holds what is no change`},
		{`mutate contains {"maxTokens": 0}`, llm, `! mutate: the bound of tokens is 0`},
		{`mutate contains {"maxTokens": "5"}`, llm, `! mutate holds what is no change`},
		{`mutate contains {"header": "X-A"}`, llm, `! mutate holds what is no change`},
		{`mutate contains {"header": "X-A", "value": 5}`, llm, `! mutate holds what is no change`},
		{`mutate contains {"header": 5, "value": "x"}`, llm, `! mutate holds what is no change`},
		{`mutate contains {"header": "Host", "value": "x"}`, llm, `! mutate: the header is not one that a policy may add`},
		{`mutate contains {"header": "X-A", "value": "hush\n"}`, llm, `! mutate: the header's value is empty, too long, or not printable ASCII`},
		{`mutate contains {"argument": 5, "value": 1}`, llm, `! mutate holds what is no change`},
		{`mutate contains {"argument": "/a", "remove": "yes"}`, llm, `! mutate holds what is no change`},
		{`mutate contains {"argument": "/a", "min": 1, "remove": true}`, llm, `! mutate holds what is no change`},
		{`mutate contains {"argument": "/a", "min": 1, "max": "x"}`, llm, `! mutate holds what is no change`},
		{`mutate contains {"argument": "/a", "min": 2, "max": 1}`, llm, `! mutate: the clamp's min is above its max`},
	} {
		if got := changes(t, tt.rules, tt.call); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.rules, got, tt.want)
		}
	}
}

func TestMutateDoesNotLoad(t *testing.T) {
	for rules, want := range map[string]string{
		`mutate := {}`:   "mutate is not a set of changes",
		`mutate if true`: "mutate is not a set of changes",
		`mutate(x) := x`: "mutate is not a set of changes",
		`mutate contains {"argument": "/a", "value": input.tool.nam}`: "did you mean input.tool.name?",
	} {
		if _, err := Compile(Sources{Inline: "package outrider\n" + rules}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", rules, err)
		}
	}
	// Lists are not changed, so arguments may be read without visible.
	if _, err := Compile(Sources{Inline: "package outrider\nallow := true\nmutate contains {\"argument\": \"/a\", \"value\": input.tool.args.b}"}, nil); err != nil {
		t.Error(err)
	}
}

// FuzzChange: an object that is no change is never taken for one, and one that
// is taken is sound.
func FuzzChange(f *testing.F) {
	f.Add(`{"argument":"/a","value":1}`)
	f.Add(`{"argument":"/a","min":1,"max":2}`)
	f.Add(`{"header":"X-A","value":"b"}`)
	f.Add(`{"model":null,"maxTokens":5}`)
	f.Fuzz(func(t *testing.T, raw string) {
		decoder := json.NewDecoder(strings.NewReader(raw))
		decoder.UseNumber()
		var object map[string]any
		if decoder.Decode(&object) != nil {
			return
		}
		change, ok := changeOf(object)
		if !ok {
			return
		}
		for name := range object {
			if !slices.Contains(strings.Fields("argument value min max remove model maxTokens header"), name) {
				t.Fatalf("%s was taken for %+v", raw, change)
			}
		}
		if problem, _ := change.Check(); problem == "" && change.Kind == input.SetArgument && !json.Valid(change.Value) {
			t.Fatalf("%s sets %q", raw, change.Value)
		}
	})
}
