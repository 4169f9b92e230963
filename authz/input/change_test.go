package input

import (
	"strings"
	"testing"
)

func TestChange(t *testing.T) {
	one, two := 1.0, 2.0
	for _, tt := range []struct {
		change  Change
		problem string // part of it; empty: none
		what    string
		roots   Roots
	}{
		{Change{Kind: SetArgument, Argument: "/a/b", Value: []byte(`{"x":1}`)}, "", "argument /a/b", MCP | Tool},
		{Change{Kind: SetArgument, Argument: "/a", Value: []byte(`{`)}, "not JSON", "argument /a", MCP | Tool},
		{Change{Kind: SetArgument, Argument: "a", Value: []byte(`1`)}, "JSON pointer", "argument a", MCP | Tool},
		{Change{Kind: RemoveArgument}, "JSON pointer", "argument ", MCP | Tool},
		{Change{Kind: RemoveArgument, Argument: "/"}, "", "argument /", MCP | Tool}, // a member with an empty name
		{Change{Kind: RemoveArgument, Argument: "/" + strings.Repeat("x", 600)}, "too long", "", MCP | Tool},
		{Change{Kind: ClampArgument, Argument: "/a", Min: &one, Max: &two}, "", "argument /a", MCP | Tool},
		{Change{Kind: ClampArgument, Argument: "/a", Min: &one, Max: &one}, "", "argument /a", MCP | Tool},
		{Change{Kind: ClampArgument, Argument: "/a", Min: &two, Max: &one}, "above", "argument /a", MCP | Tool},
		{Change{Kind: ClampArgument, Argument: "/a"}, "neither", "argument /a", MCP | Tool},
		{Change{Kind: ForceModel, Model: "m"}, "", "model", LLM},
		{Change{Kind: ForceModel}, "no name", "model", LLM},
		{Change{Kind: ClampTokens, Tokens: 1}, "", "max tokens", LLM},
		{Change{Kind: ClampTokens}, "is 0", "max tokens", LLM},
		{Change{Kind: AddHeader, Header: "X-Team", Text: "a"}, "", "header x-team", 0},
		{Change{Kind: AddHeader, Header: "Cookie", Text: "a"}, "may add", "header cookie", 0},
		{Change{Kind: AddHeader, Header: "X-Team", Text: "a\n"}, "printable", "header x-team", 0},
	} {
		problem, fix := tt.change.Check()
		if (problem == "") != (tt.problem == "") || !strings.Contains(problem, tt.problem) || (problem == "") != (fix == "") {
			t.Errorf("%+v: %q, %q", tt.change, problem, fix)
		}
		if tt.what != "" && tt.change.What() != tt.what || tt.change.Roots() != tt.roots {
			t.Errorf("%+v: %q, %s", tt.change, tt.change.What(), tt.change.Roots())
		}
	}
}
