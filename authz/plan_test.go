package authz

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// The plan of a tool holds the rules that may concern it, in their order, and
// nothing behind the first that holds anyway.
func TestPlan(t *testing.T) {
	set := load(t, policy(t, "p", `rules:
  - {name: exact, deny: {tools: ["get_a"]}, when: "claims.x == 1"}
  - {name: other, deny: {tools: ["get_b"]}, when: "claims.x == 1"}
  - {name: prefix, deny: {tools: ["get_*"]}, when: "claims.x == 1"}
  - {name: glob, deny: {tools: ["*_a"]}, when: "claims.x == 1"}
  - {name: equal, deny: {}, when: "claims.x == 1 && 'get_a' == tool.name"}
  - {name: unequal, deny: {}, when: "tool.name == 'get_b' && claims.x == 1"}
  - {name: begins, deny: {}, when: "mcp.tool.name.startsWith('get') && claims.x == 1"}
  - {name: oneof, deny: {}, when: "(tool.name in ['x', 'get_a'] || tool.name == 'y') && tool.args.n == 1"}
  - {name: neither, deny: {}, when: "tool.name in ['x', 'y'] && tool.args.n == 1"}
  - {name: server, deny: {}, when: "tool.server == 'slack' && claims.x == 1"}
  - {name: may-err, deny: {}, when: "claims.x == 1 || tool.name == 'x'"}
  - {name: errs, deny: {}, when: "int(tool.name) == 3"}
  - {name: model, deny: {models: ["*"]}}
  - {name: yes, allow: {tools: ["get_*"]}}
  - {name: behind, allow: {}, when: "claims.x == 1"}`))
	for tool, want := range map[string]string{
		"get_a": "exact prefix glob equal begins oneof may-err errs : yes",
		"get_b": "other prefix unequal begins may-err errs : yes",
		"x":     "oneof neither may-err : behind",
		"z_a":   "glob may-err errs : behind",
		"":      "may-err errs : behind",
	} {
		r := toolCall(tool, "")
		c := input.New(r, nil)
		key := c.Key()
		sel := set.Select(&r.Caller)
		made := sel.plan(c, nil, &key)
		p := made.enforce[0]
		if got := labels(p.denies) + " : " + labels(p.allows); got != want {
			t.Errorf("%s: %s\nwant %s", tool, got, want)
		}
		if sel.plan(c, nil, &key) != made {
			t.Errorf("%s is planned twice", tool)
		}
	}
}

func labels(steps []*step) string {
	var out []string
	for _, s := range steps {
		out = append(out, s.label[strings.Index(s.label, " ")+1:])
	}
	return strings.Join(out, " ")
}

// The plan of a key may not depend on more than the key: whoever asks first
// plans for all.
func TestPlansAreForEveryCaller(t *testing.T) {
	eachScene(t, func(t *testing.T, _ *rand.Rand, s scene) {
		shared := load(t, s.sources...)
		for _, w := range s.worlds {
			judge(shared, w.r, w.p)
		}
		for _, w := range s.worlds[:3] {
			fresh := load(t, s.sources...)
			if a, b := judge(shared, w.r, w.p), judge(fresh, w.r, w.p); essence(a) != essence(b) || a.Rule != b.Rule {
				t.Fatalf("%s %+v after other calls, %+v alone", w.r.Method, a, b)
			}
		}
	})
}

// However many names agents ask for, what is remembered stays bounded, and
// every answer right.
func TestPlansAreBounded(t *testing.T) {
	set := load(t, policy(t, "p", `{rules: [{name: a, allow: {tools: ["get_*"]}}]}`))
	for i := range 3 * maxPlans {
		name := fmt.Sprintf("%s_%d", []string{"get", "put"}[i%2], i)
		if got := effect(judge(set, toolCall(name, ""), nil)); (got == "allow") != (i%2 == 0) {
			t.Fatalf("%s: %s", name, got)
		}
	}
	for i := range 10 * maxNamesake {
		r := toolCall("get_a", "")
		r.Tool.Server = fmt.Sprint(i)
		judge(set, r, nil)
	}
	judge(set, toolCall("get_"+strings.Repeat("x", maxKeySize), ""), nil)
	if young, old := len(set.plans.young), len(set.plans.old); young > maxPlans || old > maxPlans {
		t.Errorf("%d and %d names are remembered", young, old)
	}
	if find(set.plans.young["get_"+strings.Repeat("x", maxKeySize)], 1, nil) != nil {
		t.Error("a huge name is remembered")
	}
	count := 0
	for r := set.plans.young["get_a"]; r != nil; r = r.next {
		count++
	}
	if count > maxNamesake {
		t.Errorf("%d plans of one name", count)
	}
}

// What is asked for again survives the change of generations.
func TestPlansInUseStay(t *testing.T) {
	set := load(t, policy(t, "p", `{rules: [{name: a, allow: {}}, {name: d, deny: {tools: ["in-use"]}}]}`))
	r := toolCall("in-use", "")
	c := input.New(r, nil)
	key := c.Key()
	first := set.Select(&r.Caller).plan(c, nil, &key)
	for i := range 4 * maxPlans {
		judge(set, toolCall(fmt.Sprint(i), ""), nil)
		if i%1000 == 0 && set.Select(&r.Caller).plan(c, nil, &key) != first {
			t.Fatal("planned again")
		}
	}
}

// Tools about which the same is left to ask share a plan, and only those.
func TestPlansAreShared(t *testing.T) {
	set := load(t, policy(t, "p", `{rules: [{name: a, allow: {tools: ["get_*"]}, when: "'a' in scopes"}, {name: d, deny: {}, when: "tool.name.endsWith('_x') && (tool.server == 's' || scopes.exists(s, s == tool.name))"}]}`))
	planOf := func(server, tool string) *plan {
		r := toolCall(tool, "")
		r.Tool.Server = server
		c := input.New(r, nil)
		key := c.Key()
		return set.Select(&r.Caller).plan(c, nil, &key)
	}
	if planOf("s", "get_a") != planOf("t", "get_b") || planOf("s", "put_a") != planOf("s", "y") {
		t.Error("equal plans are kept apart")
	}
	distinct := map[*plan]string{}
	for _, name := range []string{"s get_a", "s put_a", "s get_x", "t get_x", "s put_x", "t put_x"} {
		server, tool, _ := strings.Cut(name, " ")
		p := planOf(server, tool)
		if distinct[p] != "" {
			t.Errorf("%s and %s share a plan", name, distinct[p])
		}
		distinct[p] = name
		if want := !strings.HasPrefix(name, "t") || tool != "get_x" && tool != "put_x"; p.alike != want {
			t.Errorf("%s: entries alike: %v", name, p.alike)
		}
	}
}

// A list with several tools of one plan shows what each entry alone would show.
func TestListsShowWhatEntriesShow(t *testing.T) {
	eachScene(t, func(t *testing.T, _ *rand.Rand, s scene) {
		set := load(t, s.sources...)
		var tools []decision.Tool
		for i, name := range []string{"get_a", "get_b", "list_a", "list_b", "delete_a", "x", "y"} {
			tools = append(tools, decision.Tool{Server: []string{"github", "slack"}[i%2], Name: name}, decision.Tool{Server: "github", Name: name})
		}
		for _, w := range s.worlds[:4] {
			list := mcpCall("tools/list")
			sel, call := set.Select(&list.Caller), input.New(list, w.p)
			for i, got := range sel.Visible(call, tools) {
				if alone := sel.Visible(call, tools[i:i+1])[0]; got != alone {
					t.Fatalf("%s: visible %v in a list, %v alone\npolicies %v", tools[i].Name, got, alone, describe(s))
				}
			}
		}
	})
}

// Selections are remembered up to a bound, and right beyond it.
func TestSelectionsAreBounded(t *testing.T) {
	var sources []Source
	for i := range 11 {
		sources = append(sources, policy(t, fmt.Sprint("p", i), fmt.Sprintf(`{agents: {matchLabels: {l%d: x}}, rules: [{name: a, allow: {tools: ["t%d", "t"]}}]}`, i, i)))
	}
	set := load(t, sources...)
	var calls sync.WaitGroup
	for worker := range 4 {
		calls.Go(func() {
			for mask := worker; mask < 1<<11; mask += 4 {
				labels, want := map[string]string{}, "no_policy"
				for i := range 11 {
					if mask&(1<<i) != 0 {
						labels[fmt.Sprint("l", i)] = "x"
						want = "allow"
					}
				}
				r := toolCall("t", "")
				r.Caller = decision.Caller{Agent: "a", Labels: labels}
				if out := judge(set, r, nil); effect(out) != want {
					t.Errorf("%b: %+v", mask, out)
				}
			}
		})
	}
	calls.Wait()
	if n := len(set.selections.byMask); n != maxSelections {
		t.Errorf("%d selections are remembered", n)
	}
}
