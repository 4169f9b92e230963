package rego

import (
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
)

// What a module reads decides which fields its input has, which surface its
// allow is about, and whether it needs visible.
func TestReads(t *testing.T) {
	for _, tc := range []struct{ rules, fields, roots string }{
		{`allow if true`, "", ""},
		{`allow if input.tool.name == "x"`, "tool.name", "tool, mcp"},
		{`allow if input["tool"]["name"] == "x"`, "tool.name", "tool, mcp"},
		{`allow if startswith(input.claims.team.name, "x")`, "claims", "claims"},
		{`allow if input.claims[input.agent.name] == "x"`, "claims agent.name", "claims, agent"},
		{"import input.llm\nallow if llm.model == \"x\"", "llm.model", "llm"},
		{"import input.llm as l\nallow if { x := l.model; x == \"x\" }", "llm.model", "llm"},
		{`allow if { some s in input.scopes; s == input.session }`, "scopes session", "scopes, session"},
		{`allow if { every s in input.scopes { s != input.source } }`, "scopes source", "scopes, source"},
		{`allow if count({x | x := input.scopes[_]; x != input.prompt.name}) > 0`, "scopes prompt.name", "scopes, mcp, prompt"},
		{`allow if object.get(input.request, "path", "") == "x"`, "request.method request.path request.headers request.time", "request"},
		{`allow if { some k; input.agent[k] == "x" }`, "agent.name agent.namespace agent.serviceAccount agent.labels", "agent"},
		{"allow if h(input.resource.uri)\nh(x) if x == \"x\"", "resource.uri", "mcp, resource"},
		{"allow if h\nh if g\ng if input.llm.stream", "llm.stream", "llm"},
		{"default allow := false\nallow if input.mcp.method == \"x\"", "mcp.method", "mcp"},
		{"allow if false\nallow := true if { not input.source } else := false if { input.session }", "session source", "session, source"},
		{"allow if true\ndeny contains \"x\" if input.tool.name == \"x\"", "", ""},
		{"allow if count(deny) == 0\ndeny contains \"x\" if input.tool.name == \"x\"", "tool.name", "tool, mcp"},
		{"allow if true\nunused if input.llm.model == \"x\"", "", ""},
		{`allow if h with input.session as "x"` + "\nh if input.source == \"y\"", "session source", "session, source"},
	} {
		m := compile(t, tc.rules)
		var fields []string
		for _, f := range m.allow.fields {
			fields = append(fields, f.Path)
		}
		want := strings.Fields(tc.fields)
		slices.Sort(fields)
		slices.Sort(want)
		if !slices.Equal(fields, want) || m.AllowRoots().String() != tc.roots {
			t.Errorf("%s\nreads %q, allow has roots %s", tc.rules, fields, m.AllowRoots())
		}
	}
}

func TestReadingEverything(t *testing.T) {
	m := compile(t, "allow if { some k; input[k] == \"s\" }\nvisible := true")
	if len(m.allow.fields) != len(input.Fields())-1 || m.AllowStage() != input.Routed || !m.AllowRoots().Has(input.LLM|input.Tool|input.Claims) {
		t.Errorf("reads %d fields, roots %s", len(m.allow.fields), m.AllowRoots())
	}
}

// The document holds what the module reads and the call has, nothing else.
func TestDocument(t *testing.T) {
	const all = "allow if { some k; input[k] == \"s\" }\nvisible := true"
	for _, tc := range []struct {
		name, rules string
		call        *input.Call
		has, lacks  string
	}{
		{"of one field", `allow if input.tool.name == "x"`, toolCall(`{"a":1}`), `{"tool": {"name": "merge_it"}}`, "args server scopes"},
		{"of another surface", `allow if input.tool.name == "x"`, llmCall(), `{}`, "tool"},
		{"of an LLM call", all, llmCall(), `"llm": {"dialect": "", "model": "m", "provider": "", "stream": true}`, "tool mcp resource prompt"},
		{"of a time", `allow if input.request.time == "x"`, toolCall(`{}`), `{"request": {"time": "2026-01-01T12:00:00Z"}}`, "null"},
		{"of a missing map", `allow if input.agent.labels.x == "x"`, llmCall(), `{"agent": {"labels": {}}}`, "null"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			value, err := compile(t, tc.rules).allow.document(tc.call)
			if err != nil {
				t.Fatal(err)
			}
			text := value.String()
			if !strings.Contains(text, tc.has) {
				t.Errorf("no %s in %s", tc.has, text)
			}
			for _, word := range strings.Fields(tc.lacks) {
				if strings.Contains(text, word) {
					t.Errorf("%s stands in %s", word, text)
				}
			}
		})
	}
}
