package cel

import (
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

func TestJSON(t *testing.T) {
	call := input.New(&decision.Request{
		Surface: decision.MCP, Method: "tools/call", Caller: decision.Caller{Agent: "a<b", Labels: map[string]string{"k": "v"}},
		Tool: decision.Tool{Name: "x", Args: []byte(`{"big":9007199254740993,"f":1.5,"l":[1,{"m":null}],"s":"é","e":1e3}`)},
	}, &decision.Principal{Scopes: []string{"r", "w"}})
	compiler, err := New(NewAtoms(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for expr, want := range map[string]string{
		`tool.args.big`:             "9007199254740993",
		`tool.args.big + 1`:         "9007199254740994",
		`tool.args.f * 2.0`:         "3",
		`tool.args.l`:               `[1,{"m":null}]`,
		`tool.args.s`:               `"é"`,
		`tool.args.e`:               "1000",
		`scopes`:                    `["r","w"]`,
		`agent.labels`:              `{"k":"v"}`,
		`agent.name`:                `"a\u003cb"`,
		`size(scopes) > 1`:          "true",
		`null`:                      "null",
		`18446744073709551615u`:     "18446744073709551615",
		`{"a": [1, "x", {}]}`:       `{"a":[1,"x",{}]}`,
		`scopes.map(s, s + "!")`:    `["r!","w!"]`,
		`tool.args.none`:            "! no such key: none",
		`1 / (size(scopes) - 2)`:    "! division by zero",
		`1.0 / 0.0`:                 "! JSON cannot hold",
		`{1: 2}`:                    "! JSON cannot hold",
		`b"x"`:                      "! JSON cannot hold",
		`[timestamp(0)]`:            "! JSON cannot hold",
		`duration("1s")`:            "! JSON cannot hold",
		`{"a": {"b": [b"x"]}}`:      "! JSON cannot hold",
		`tool.args.l[1].m == null`:  "true",
		`has(tool.args.x) ? 1 : 2`:  "2",
		`type(1)`:                   "! JSON cannot hold",
		`tool.name + tool.args.big`: "! ",
	} {
		p, err := compiler.CompileValue(expr, false)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		raw, err := p.JSON(call)
		got := string(raw)
		if err != nil {
			got = "! " + err.Error()
		}
		if fails := strings.HasPrefix(want, "!"); fails && (err == nil || !strings.Contains(got, want[2:])) || !fails && got != want {
			t.Errorf("%s: got %s, want %s", expr, got, want)
		}
		if strings.Contains(got, "!") && strings.Contains(got, "9007199254740993") {
			t.Errorf("%s: the error repeats an argument: %s", expr, got)
		}
	}
	for expr, want := range map[string]string{"1": "yields int", "scopes": "yields list(string)", "tool.": "Syntax error"} {
		if _, err := compiler.CompileValue(expr, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", expr, err)
		}
	}
}
