package authz

import (
	"fmt"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// crowd is the fragment's rules among n rules about other tools, written in
// the ways that authors write them.
func crowd(b *testing.B, n int) *Set {
	b.Helper()
	var rules strings.Builder
	for i := range n - 2 {
		switch i % 5 {
		case 0:
			fmt.Fprintf(&rules, " - {name: r%d, deny: {tools: [\"t%d_*\"]}, when: \"claims.team%d == 'x'\"}\n", i, i, i)
		case 1:
			fmt.Fprintf(&rules, " - {name: r%d, allow: {}, when: \"claims.scp.exists(s, s == 'p%d') && tool.name.startsWith('t%d_')\"}\n", i, i, i)
		case 2:
			fmt.Fprintf(&rules, " - {name: r%d, deny: {}, when: \"tool.name == 't%d' && tool.args.n == 1\"}\n", i, i)
		case 3:
			fmt.Fprintf(&rules, " - {name: r%d, allow: {}, when: \"tool.name in ['t%d', 'u%d'] && claims.team == 'x'\"}\n", i, i, i)
		default:
			fmt.Fprintf(&rules, " - {name: r%d, deny: {}, when: \"tool.name.contains('t%d') || tool.name.endsWith('z%d')\"}\n", i, i, i)
		}
	}
	return load(b, policy(b, "p", `traffic: {jwtAuthentication: {providers: [{issuer: "`+issuer+`", audiences: ["api://default"]}]}}
 rules:
`+rules.String()+` - {name: reads, allow: {}, when: "claims.scp.exists(s, s == 'mcp:read') && (tool.name.startsWith('list_') || tool.name.startsWith('get_'))"}
 - {name: no-merge, deny: {}, when: "tool.name.contains('delete') || tool.name.contains('merge_pull_request')"}`))
}

var sizes = []int{2, 20, 200, 2000}

// BenchmarkDecision is one tool call that passes: which policies select the
// agent, and what their rules say.
func BenchmarkDecision(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("%d-rules", n), func(b *testing.B) {
			benchDecision(b, crowd(b, n), "list_issues")
		})
	}
	b.Run("fragment", func(b *testing.B) { benchDecision(b, fragment(b), "list_issues") })
	b.Run("fragment-arguments", func(b *testing.B) { benchDecision(b, fragment(b), "create_issue") })
}

func benchDecision(b *testing.B, set *Set, tool string) {
	r, p := toolCall(tool, `{"repo":"x"}`), withScopes("a", "b", "c", "d", "e", "f", "mcp:read", "mcp:write")
	b.ReportAllocs()
	for b.Loop() {
		if out := set.Select(&r.Caller).Judge(input.New(r, p)); !out.Allow {
			b.Fatal(out.Reason)
		}
	}
}

// BenchmarkUnheard is a tool that nobody asked for before, every time.
func BenchmarkUnheard(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("%d-rules", n), func(b *testing.B) {
			set, p := crowd(b, n), withScopes("mcp:read")
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r := toolCall(fmt.Sprintf("list_%d", i), "")
				if out := set.Select(&r.Caller).Judge(input.New(r, p)); !out.Allow {
					b.Fatal(out.Reason)
				}
			}
		})
	}
}

// BenchmarkVisible filters a list of 1,000 tools.
func BenchmarkVisible(b *testing.B) {
	var tools []decision.Tool
	for i := range 1000 {
		tools = append(tools, decision.Tool{Server: "github", Name: fmt.Sprintf("%s_%d", []string{"list", "get", "post", "delete"}[i%4], i)})
	}
	sets := map[string]*Set{"fragment": fragment(b), "200-rules": crowd(b, 200)}
	for name, set := range sets {
		b.Run(name, func(b *testing.B) {
			list, p := mcpCall("tools/list"), withScopes("mcp:read")
			b.ReportAllocs()
			for b.Loop() {
				set.Select(&list.Caller).Visible(input.New(list, p), tools)
			}
		})
	}
}
