package rego

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

const traced = `package outrider

default allow := false

# Who reads may get.
allow if {
	reader

	# and list
	startswith(input.tool.name, "get_")
}

allow if has_scope("mcp:admin")

reader if has_scope("mcp:read")

has_scope(s) if s in input.scopes

deny contains "no merge" if startswith(input.tool.name, "merge_")

deny contains grade if grade == "bad"

grade := "good" if {
	startswith(input.tool.name, "get_")
} else := "bad" if {
	startswith(input.tool.name, "delete_")
}
`

// brief returns the first words of the rules that held.
func brief(pieces []Piece) []string {
	var out []string
	for _, p := range pieces {
		if p.Holds {
			out = append(out, fmt.Sprintf("%d:%d %s", p.Line, p.Column, strings.Join(strings.Fields(p.Text)[:2], " ")))
		}
	}
	return out
}

// TestPieces: the rules that held are told, all of them although one would do,
// and those that they use.
func TestPieces(t *testing.T) {
	m := compile(t, strings.TrimPrefix(traced, head))
	for _, tt := range []struct {
		tool        string
		scopes      []string
		allow, deny []string
	}{
		{"get_x", nil, nil, []string{"23:1 grade :="}},
		{"get_x", []string{"mcp:read"}, []string{"6:1 allow if", "15:1 reader if", "17:1 has_scope(s) if"}, []string{"23:1 grade :="}},
		{
			"get_x",
			[]string{"mcp:read", "mcp:admin"},
			[]string{"6:1 allow if", "13:1 allow if", "15:1 reader if", "17:1 has_scope(s) if"},
			[]string{"23:1 grade :="},
		},
		{"merge_x", []string{"mcp:admin"}, []string{"13:1 allow if", "17:1 has_scope(s) if"}, []string{`19:1 deny contains`}},
		{"delete_x", nil, nil, []string{"21:1 deny contains", `25:3 else :=`}},
	} {
		r := &decision.Request{Surface: decision.MCP, Method: "tools/call", Tool: decision.Tool{Name: tt.tool}}
		c := input.New(r, &decision.Principal{Scopes: tt.scopes})
		if got := brief(m.AllowPieces(c)); !slices.Equal(got, tt.allow) {
			t.Errorf("%s %v: allow by %q", tt.tool, tt.scopes, got)
		}
		if got := brief(m.DenyPieces(c)); !slices.Equal(got, tt.deny) {
			t.Errorf("%s %v: deny by %q", tt.tool, tt.scopes, got)
		}
		holds, err := m.Allow(c)
		if own := slices.ContainsFunc(m.AllowPieces(c), func(p Piece) bool { return p.Holds && !p.Helps }); err != nil || own != holds {
			t.Errorf("%s %v: allow is %v, %v, and its rules say %v", tt.tool, tt.scopes, holds, err, own)
		}
	}
	if got := m.VisiblePieces(input.New(&decision.Request{}, nil)); got != nil {
		t.Errorf("without visible: %+v", got)
	}
	if got := m.AllowPieces(input.New(&decision.Request{}, nil))[0].Text; got != `allow if { reader; startswith(input.tool.name, "get_") }` {
		t.Errorf("told as %q", got)
	}
}

// TestPiecesAreBounded, and those that held are among them.
func TestPiecesAreBounded(t *testing.T) {
	text := ""
	for i := range 160 {
		text += fmt.Sprintf("deny contains \"%d %s\" if input.tool.name == \"t%d\"\n", i, strings.Repeat("é", 100), i)
	}
	c := input.New(&decision.Request{Surface: decision.MCP, Method: "tools/call", Tool: decision.Tool{Name: "t150"}}, nil)
	got := compile(t, text).DenyPieces(c)
	if len(got) != maxPieces || len(brief(got)) != 1 || len(got[0].Text) > maxText+len("…") {
		t.Errorf("%d pieces, %q held, %q", len(got), brief(got), got[0].Text)
	}
}

func TestLiterals(t *testing.T) {
	m := compile(t, strings.TrimPrefix(traced, head)+`
deny contains "has \"quotes\"" if input.tool.server == "a b"
deny contains "once" if data.outrider.reader
visible if input.tool.name in {"x", "once", ""}
`)
	want := []string{"get_", "mcp:admin", "mcp:read", "merge_", "bad", "once", "good", "delete_", "x"}
	if got := m.Literals(); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
		t.Errorf("got %q", got)
	}
}

// TestOpening: scopes are found where they are asked for, and looked for no
// longer than one may wait.
func TestOpening(t *testing.T) {
	call := toolCall(`{}`) // with the scope mcp:read
	for rules, want := range map[string]string{
		`allow if "mcp:write" in input.scopes`:                                         "mcp:write",
		`allow if input.claims.scp[_] == "mcp:write"`:                                  "mcp:write",
		`allow if has("mcp:write")` + "\nhas(s) if s in input.jwt.scope":               "mcp:write",
		`allow if { "mcp:read" in input.scopes; "mcp:write" in input.scopes }`:         "mcp:write",
		`allow if { "mcp:write" in input.scopes; input.tool.name == "other" }`:         "",
		`allow if input.tool.name == "mcp:write"`:                                      "",
		`deny contains "x" if "mcp:write" in input.scopes`:                             "",
		`allow if "with space" in input.scopes`:                                        "",
		"allow if { some s in input.scopes; s == data.outrider.lib }\nlib := \"a:b\" ": "a:b",
	} {
		if got := strings.Join(compile(t, rules).Opening(call), " "); got != want {
			t.Errorf("%s: %q, want %q", rules, got, want)
		}
	}
	slow := compile(t, `allow if { "mcp:write" in input.scopes; some i in numbers.range(1, 10000); some j in numbers.range(1, 10000); i * j == -1 }`)
	if got := slow.opening(call, time.Millisecond); got != nil {
		t.Errorf("in no time: %q", got)
	}
	many := "allow if input.scopes[_] in {"
	for i := range 40 {
		many += fmt.Sprintf("%q, ", fmt.Sprint("s", i))
	}
	if got := compile(t, many+`"last"}`).Opening(call); len(got) != maxTried {
		t.Errorf("tried %d: %q", len(got), got)
	}
}
