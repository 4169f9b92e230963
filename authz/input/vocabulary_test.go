package input

import (
	"strings"
	"testing"
)

func TestVocabulary(t *testing.T) {
	v := NewVocabulary(nil)
	if len(v.Under("")) != len(Fields()) || len(v.Under("mcp.tool")) != 3 || len(v.Under("tool.name")) != 1 || len(v.Under("too")) != 0 {
		t.Error("Under finds other fields than those below")
	}
	for path, want := range map[string]string{
		"tool.args.repo": "tool.args", "claims": "claims", "claims.a.b": "claims", "mcp.tool.name": "mcp.tool.name", "tool": "", "tools.name": "", "": "",
	} {
		f, ok := v.Match(strings.Split(path, "."))
		if ok != (want != "") || f.Path != want {
			t.Errorf("%q matches %q", path, f.Path)
		}
	}
	for path, want := range map[string]bool{"tool": true, "mcp.tool": true, "mcp": true, "claims": false, "tool.name": false, "x": false} {
		if v.Leads(path) != want {
			t.Errorf("Leads(%s) is %v", path, !want)
		}
	}
	for name, want := range map[string]bool{"tool": true, "claims": true, "llm": true, "mcp.tool": false, "findings": true, "x": false} {
		if v.Root(name) != want {
			t.Errorf("Root(%s) is %v", name, !want)
		}
	}
}

func TestNearest(t *testing.T) {
	v := NewVocabulary(nil)
	for word, want := range map[string]string{
		"tool.nam":           "tool.name",
		"toool.name":         "tool.name",
		"tool.argz":          "tool.args",
		"scope":              "scopes",
		"claim":              "claims",
		"weather":            "",
		"agent.serviceAcct":  "agent.serviceAccount",
		"resource.url":       "resource.uri",
		"principal.subjects": "principal.subject",
	} {
		if got := v.Nearest(word); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"same", "same", 0}, {"ab", "ba", 2}} {
		if got := distance(tc.a, tc.b); got != tc.want || distance(tc.b, tc.a) != got {
			t.Errorf("%s to %s: %d", tc.a, tc.b, got)
		}
	}
}

func TestEveryRootIsAWord(t *testing.T) {
	v := NewVocabulary(nil)
	var all Roots
	for _, f := range Fields() {
		all |= f.Root
	}
	for _, name := range all.Names() {
		if !v.Root(name) {
			t.Errorf("no field begins with %s", name)
		}
	}
	if len(all.Names()) != 13 {
		t.Errorf("roots without a field: %s", all)
	}
}
