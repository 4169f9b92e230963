package rego

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

const head = "package outrider\n"

func compile(t testing.TB, rules string) *Module {
	t.Helper()
	m, err := Compile(Sources{Inline: head + rules}, nil)
	if err != nil {
		t.Fatalf("%s: %v", rules, err)
	}
	return m
}

func toolCall(args string) *input.Call {
	r := &decision.Request{
		Surface: decision.MCP, Method: "tools/call", Source: "10.0.0.1:1", Time: time.Date(2026, time.January, 1, 13, 0, 0, 0, time.FixedZone("CET", 3600)),
		Caller: decision.Caller{Agent: "bot", Labels: map[string]string{"app": "x"}},
		Tool:   decision.Tool{Server: "github", Name: "merge_it", Args: []byte(args)},
	}
	return input.New(r, &decision.Principal{Subject: "ann", Scopes: []string{"mcp:read"}, Claims: map[string]any{"scp": []any{"mcp:read"}, "big": int64(9007199254740993)}})
}

func llmCall() *input.Call {
	return input.New(&decision.Request{Surface: decision.LLM, Time: time.Unix(0, 1), LLM: decision.LLMCall{Model: "m", Stream: true}}, nil)
}

func TestAllow(t *testing.T) {
	for _, tc := range []struct {
		rules string
		want  bool
		err   string
	}{
		{`allow if startswith(input.tool.name, "merge_")`, true, ""},
		{`allow if "mcp:read" in input.scopes`, true, ""},
		{`allow if input.claims.scp[_] == "mcp:read"`, true, ""},
		{`allow if input.jwt.big == 9007199254740993`, true, ""},
		{`allow if input.claims.big == 9007199254740992`, false, ""},
		{`allow if input.mcp.tool.target == input.tool.server`, true, ""},
		{`allow if input.agent.labels.app == "x"`, true, ""},
		{`allow if input.claims.missing == "x"`, false, ""},
		{`allow if not input.claims.missing`, true, ""},
		{`allow if input.llm.model == "m"`, false, ""},
		{"default allow := false\nallow if helper\nhelper if input.principal.subject == \"ann\"", true, ""},
		{"allow if input.tool.args.n == 3\nvisible := true", true, ""},
		{"allow if input.tool.args.l[1].x == 1.5\nvisible := true", true, ""},
		{`allow := "yes"`, false, "the rule's value is no bool"},
		{"allow := true\nallow := false if input.tool.name", false, "two rules give different values (line 3)"},
		{`allow if not to_number(input.tool.name)`, false, "a built-in function cannot use a value (line 2)"},
		{`allow if { some i in numbers.range(1, 100000); some j in numbers.range(1, 100000); i * j == -1 }`, false, "the evaluation took longer than 1s"},
	} {
		got, err := compile(t, tc.rules).Allow(toolCall(`{"n":3,"l":[0,{"x":1.5}]}`))
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != tc.want || text != tc.err {
			t.Errorf("%s: got %v, %q", tc.rules, got, text)
		}
	}
}

func TestDeny(t *testing.T) {
	for _, tc := range []struct {
		rules string
		want  []string
		err   string
	}{
		{`deny contains "no merge from this agent" if startswith(input.tool.name, "merge_")`, []string{"no merge from this agent"}, ""},
		{`deny contains "no" if startswith(input.tool.name, "x")`, []string{}, ""},
		{"deny contains \"b\" if true\ndeny contains \"a\" if true", []string{"a", "b"}, ""},
		{`deny contains msg if { some s in input.scopes; msg := sprintf("not for %s", [s]) }`, []string{"not for mcp:read"}, ""},
		{`deny contains 7 if true`, []string{"denied"}, ""},
		{`deny contains {"msg": "x"} if true`, []string{"denied"}, ""},
		{`deny contains "x" if to_number(input.tool.name) > 3`, nil, "a built-in function cannot use a value (line 2)"},
		{`deny contains "x" if { some i in numbers.range(1, 20); print(i); i > 0; i < 2 }`, []string{"x"}, ""},
	} {
		got, err := compile(t, tc.rules).Deny(toolCall("{}"))
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != tc.err || err == nil && !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %q, %q", tc.rules, got, text)
		}
	}
}

func TestMessagesAreBounded(t *testing.T) {
	got, err := compile(t, `deny contains sprintf("m%03d", [i]) if some i in numbers.range(1, 100)`).Deny(toolCall("{}"))
	if err != nil || len(got) != maxMessages || got[0] != "m001" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestErrorsHoldNoContent(t *testing.T) {
	c := toolCall(`{"a":"SECRET"}`)
	c.Tool.Name = "SECRET"
	for _, rules := range []string{
		`allow if to_number(input.tool.name) > 3`, `allow if json.unmarshal(input.tool.name).x`, `allow if regex.match(sprintf("%s(", [input.tool.name]), "x")`,
		`allow if time.parse_duration_ns(input.tool.name) > 1`, `allow if base64.decode(sprintf("!%s", [input.tool.name])) == "x"`,
	} {
		_, err := compile(t, rules).Allow(c)
		if err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", rules, err)
		}
	}
}

func TestAnotherSurfaceIsUndefined(t *testing.T) {
	c := llmCall()
	m := compile(t, "deny contains \"x\" if startswith(input.tool.name, \"a\")\nallow if input.llm.stream\nallow if input.mcp.method")
	if messages, err := m.Deny(c); err != nil || len(messages) > 0 {
		t.Errorf("deny: %q, %v", messages, err)
	}
	if ok, err := m.Allow(c); err != nil || !ok {
		t.Errorf("allow: %v, %v", ok, err)
	}
	for rules, denies := range map[string]bool{
		`deny contains "x" if not input.tool.name == "a"`:           true,
		`deny contains "x" if not startswith(input.tool.name, "a")`: false,
	} {
		if messages, _ := compile(t, rules).Deny(c); (len(messages) > 0) != denies {
			t.Errorf("%s is not as the package comment says: %q", rules, messages)
		}
	}
}

// A module that reads what is not known ends in an error, not in undefined:
// otherwise a deny would pass for it.
func TestUnreadableInput(t *testing.T) {
	m := compile(t, "deny contains \"x\" if input.tool.args.a == 1\nvisible := true")
	if _, err := m.Deny(toolCall(`{"a":`)); err == nil || err.Error() != "the tool's arguments are not an acceptable JSON object" {
		t.Errorf("arguments: %v", err)
	}
	if ok, err := m.Visible(toolCall("{}").Listed(decision.Tool{Name: "x"})); !ok || err != nil {
		t.Errorf("visible: %v, %v", ok, err)
	}
	m = compile(t, `deny contains "x" if input.tool.annotations.destructiveHint`)
	if _, err := m.Deny(toolCall(`{}`)); err == nil || err.Error() != "the tool's annotations are not known for this call" {
		t.Errorf("annotations: %v", err)
	}
	m = compile(t, `deny contains "x" if input.tool.name == "x"`)
	if _, err := m.Deny(toolCall(`{"a":`)); err != nil {
		t.Errorf("a module that reads no arguments: %v", err)
	}
}

func TestWhatAModuleDefines(t *testing.T) {
	m := compile(t, "allow if h\nh if input.llm.model == \"m\"\nother if input.tool.name == \"x\"")
	if !m.HasAllow() || m.HasDeny() || m.HasVisible() || m.AllowRoots() != input.LLM {
		t.Errorf("got %+v, roots %s", m, m.AllowRoots())
	}
	if messages, err := m.Deny(llmCall()); messages != nil || err != nil {
		t.Errorf("a module without deny denies: %q, %v", messages, err)
	}
	m = compile(t, "deny contains \"x\" if true\nvisible if input.tool.name == \"x\"")
	if m.HasAllow() || !m.HasDeny() || !m.HasVisible() || m.AllowRoots() != 0 {
		t.Errorf("got %+v, roots %s", m, m.AllowRoots())
	}
}

func TestRefused(t *testing.T) {
	const noVisible = "the module reads the arguments of tool calls but does not say which tools a list shows: define `visible`, which is asked without arguments"
	for _, tc := range []struct{ source, want string }{
		{"", "the module is empty: write `package outrider` and rules, or remove the field"},
		{"package other\nallow := true", "at 1:1 of the module: the package is other: write `package outrider`, or one below it for what its modules share"},
		{head + "x := 1", "at 1:1 of the module: the module defines none of allow, deny and mutate: define one of them"},
		{head + "visible := true", "at 1:1 of the module: the module defines none of allow, deny and mutate: define one of them"},
		{head + "allow {", "at 2:7 of the module: unexpected eof token"},
		{head + "allow { true }", "at 2:1 of the module: `if` keyword is required before rule body"},
		{head + "deny if true", "at 2:1 of the module: deny is not a set of messages: write `deny contains \"why\" if { … }`"},
		{head + "deny := true", "at 2:1 of the module: deny is not a set of messages: write `deny contains \"why\" if { … }`"},
		{head + "allow contains 1 if true", "at 2:1 of the module: allow is not a plain rule: write `allow if { … }`"},
		{head + "allow.x := 1", "at 2:1 of the module: allow is not a plain rule: write `allow if { … }`"},
		{head + "allow(x) if x", "at 2:1 of the module: allow is not a plain rule: write `allow if { … }`"},
		{head + "allow if y == 1", "at 2:10 of the module: var y is unsafe"},
		{head + `allow if http.send({"method": "get", "url": "http://x"}).status`, "at 2:10 of the module: http.send is not available: a module may only read the call that it judges"},
		{head + `allow if net.lookup_ip_addr("x")`, "at 2:10 of the module: net.lookup_ip_addr is not available: a module may only read the call that it judges"},
		{head + "allow if opa.runtime().env.HOME", "at 2:10 of the module: opa.runtime is not available: a module may only read the call that it judges"},
		{head + "allow if time.now_ns() > 1", "at 2:10 of the module: time.now_ns is not available: a module may only read the call that it judges"},
		{head + `allow if rand.intn("x", 2) == 1`, "at 2:10 of the module: rand.intn is not available: a module may only read the call that it judges"},
		{head + `allow if nothing("x")`, "at 2:10 of the module: undefined function nothing"},
		{head + `allow if input.tool.nam == "x"`, "at 2:10 of the module: no field input.tool.nam: did you mean input.tool.name?"},
		{head + "allow if h\nh if { x := input.toool; x.name }", "at 3:13 of the module: no field input.toool: see the list of words that rules may read"},
		{head + `allow if input.tool.name.x == 1`, "at 2:10 of the module: input.tool.name is a plain value and has no fields: read it as it is"},
		{head + `allow if data.users.ann`, "at 2:10 of the module: there is no data.users.ann: name rules of a module, or what a data file holds"},
		{head + `allow if input.tool.args.x == 1`, noVisible},
		{head + `deny contains "x" if input.mcp.tool.arguments.x == 1`, noVisible},
		{head + "import input.tool as t\nallow if t.args.x == 1", noVisible},
		{head + "allow if { t := input.tool; t.args.x == 1 }", noVisible},
		{head + "allow if { some k; input.tool[k] == 1 }", noVisible},
		{head + "allow if { some k; input[k].args == 1 }", noVisible},
		{head + "allow if { walk(input, [_, v]); v == 3 }", noVisible},
		{head + "allow if f(input)\nf(x) if x.tool.args.x == 1", noVisible},
		{head + "allow if count([v | v := input.tool.args[_]]) > 1", noVisible},
		{head + "allow if input.tool.args.x == 1\nvisible if h\nh if input.tool.args.y == 1", "at 3:1 of the module: visible reads the arguments of tool calls: nobody knows them while a list is filtered: decide by the tool's name and the caller"},
		{head + "allow if true # " + strings.Repeat("x", maxModule), "the module is longer than 65536 bytes: split it into several files"},
	} {
		_, err := Compile(Sources{Inline: tc.source}, nil)
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%.80q:\n got %v\nwant %s", tc.source, err, tc.want)
		}
	}
}

// The deadline holds for all a module does, and the process is not busy after it.
func TestDeadline(t *testing.T) {
	m := compile(t, `deny contains "x" if { some i in numbers.range(1, 1000000); some j in numbers.range(1, 1000000); i + j < 0 }`)
	start := time.Now()
	if _, err := m.Deny(toolCall("{}")); err == nil {
		t.Error("the evaluation ended without an error")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the evaluation took %s", took)
	}
}

// FuzzCompile: no module makes the compiler panic, and what loads without
// `visible` answers the same whatever the arguments are.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		`allow if input.tool.name == "x"`, `deny contains msg if { msg := input.tool.name }`, "allow if input.tool.args.n == 3\nvisible := true",
		"default allow := false", "import rego.v1\nallow if true", `allow if { x := input; x["tool"].args }`, "allow if every s in input.scopes { s != \"x\" }",
		"allow if input.tool == {}", "allow if object.get(input, [\"tool\", \"args\"], 1) == 1", "deny contains 1 if input.tool.name with input.tool.name as \"x\"",
		"allow if json.marshal(input) == \"\"", "allow if { [x | x := input.mcp][0].tool.arguments }",
	} {
		f.Add(head + seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		m, err := Compile(Sources{Inline: source}, nil)
		if err != nil {
			if e := (*Error)(nil); !errors.As(err, &e) || e.Problem == "" {
				t.Fatalf("%q: %v", source, err)
			}
			return
		}
		if m.HasVisible() {
			return
		}
		with, without := toolCall(`{"n":3,"x":"y"}`), toolCall("{}")
		a1, e1 := m.Allow(with)
		a2, e2 := m.Allow(without)
		d1, e3 := m.Deny(with)
		d2, e4 := m.Deny(without)
		if a1 != a2 || !reflect.DeepEqual(d1, d2) || (e1 == nil) != (e2 == nil) || (e3 == nil) != (e4 == nil) {
			t.Fatalf("%q reads the arguments and defines no visible", source)
		}
	})
}
