package authz

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

func TestMutationDoesNotLoad(t *testing.T) {
	for _, tc := range []struct{ mutation, want string }{
		{`{name: m, match: {}, set: {argument: per_page, value: 1}}`, "p.yaml:spec.mutations[0].set: policy p, spec.mutations[0].set: the argument is not named by a JSON pointer: begin with a slash"},
		{`{name: m, match: {}, remove: {argument: ""}}`, "the argument is not named by a JSON pointer"},
		{`{name: m, match: {}, remove: {argument: "/a~2"}}`, "the argument is not named by a JSON pointer"},
		{`{name: m, match: {}, remove: {argument: "` + strings.Repeat("/a", 17) + `"}}`, "the argument's pointer is too long"},
		{`{name: m, match: {}, clamp: {argument: /a}}`, "neither min nor max"},
		{`{name: m, match: {}, clamp: {argument: /a, min: 2, max: 1}}`, "min is above its max"},
		{`{name: m, match: {models: ["*"]}, remove: {argument: /a}}`, "p.yaml:spec.mutations[0]: policy p, spec.mutations[0]: no call has both tool and llm"},
		{`{name: m, match: {tools: ["*"]}, model: x}`, "no call has both tool and llm"},
		{`{name: m, match: {methods: ["*"]}, clampMaxTokens: 5}`, "no call has both mcp and llm"},
		{`{name: m, match: {}, when: "tool.name == 'x'", model: y}`, "p.yaml:spec.mutations[0].when: policy p, spec.mutations[0].when: no call has both tool and llm"},
		{`{name: m, match: {models: [x]}, header: {name: X-A, expression: tool.name}}`, "no call has both tool and llm"},
		{`{name: m, match: {methods: ["resources/*"]}, remove: {argument: /a}}`, "the methods leave out, so the mutation could never apply"},
		{`{name: m, match: {phases: [Call]}, model: x}`, "spec.mutations[0].match.phases: a mutation has no phases"},
		{`{name: m, match: {tools: [""]}, remove: {argument: /a}}`, "spec.mutations[0].match.tools[0]: the pattern is empty"},
		{`{name: m, match: {}, when: "1", model: x}`, "spec.mutations[0].when: the expression yields int, not a bool"},
		{`{name: m, match: {}, set: {argument: /a, expression: "tool.nam"}}`, "spec.mutations[0].set.expression: at 1:1 of the expression: no field tool.nam: did you mean tool.name?"},
		{`{name: m, match: {}, header: {name: X-A, expression: "1"}}`, "spec.mutations[0].header.expression: the expression yields int, not a string"},
		{`{name: m, match: {}, header: {name: Authorization, value: x}}`, "spec.mutations[0].header: the header is not one that a policy may add"},
		{`{name: m, match: {}, header: {name: X-A, value: "a\nb"}}`, "not printable ASCII"},
		{`{name: m, match: {}, header: {name: X-A, value: ""}}`, "empty"},
		{`{name: m, match: {}}`, "the bound of tokens is 0"},
	} {
		_, err := NewSet([]Source{policy(t, "p", "mutations: ["+tc.mutation+"]")})
		var e *LoadError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s:\n got %v\nwant %s", tc.mutation, err, tc.want)
		}
	}
}

func TestMutationWarnings(t *testing.T) {
	for _, tc := range []struct{ mutation, want string }{
		{`{name: m, match: {tools: [x]}, when: "false", remove: {argument: /a}}`, "changes nothing"},
		{`{name: m, match: {tools: [x]}, when: "claims.team == 'x'", remove: {argument: /a}}`, "claims.team"},
		{`{name: m, match: {tools: [x]}, set: {argument: /a, expression: claims.team}}`, "claims.team"},
		{`{name: m, match: {tools: [x]}, when: has(claims.team), set: {argument: /a, expression: claims.team}}`, ""},
		{`{name: m, match: {tools: [x]}, when: "tool.name == 'y'", remove: {argument: /a}}`, "no tool has a name"},
		{`{name: m, match: {tools: [x]}, when: "true", remove: {argument: /a}}`, "always true"},
		{`{name: m, match: {}, when: "has(tool.args.b)", remove: {argument: /a}}`, "without tools of their own"},
		{`{name: m, match: {}, set: {argument: /a, expression: "size(tool.args)"}}`, "without tools of their own"},
		{`{name: m, match: {tools: [x]}, set: {argument: /a, expression: "size(tool.args)"}}`, ""},
	} {
		var got []string
		for _, w := range load(t, policy(t, "p", "mutations: ["+tc.mutation+"]")).Warnings() {
			got = append(got, w.String())
		}
		if text := strings.Join(got, "\n"); !strings.Contains(text, tc.want) || (tc.want == "") != (text == "") {
			t.Errorf("%s:\n got %q\nwant %q", tc.mutation, text, tc.want)
		}
	}
}

// mutate asks for the mutations of a call, as a judged one does.
func mutate(set *Set, r *decision.Request, p *decision.Principal) (string, bool) {
	c, s := input.New(r, p), set.Select(&r.Caller)
	out := s.Judge(c)
	changes, failed := s.Mutate(c)
	if failed != nil {
		return failed.Policy + " " + failed.Reason.Rule + ": " + failed.Reason.Message, out.Mutates
	}
	var text []string
	for _, c := range changes {
		text = append(text, c.Policy+" "+c.Rule[:strings.Index(c.Rule+" (", " (")]+" "+c.What()+" "+string(c.Value)+c.Text)
	}
	return strings.Join(text, "; "), out.Mutates
}

// TestMutationsArePlanned: a call that no mutation is about is told so by
// judging it, and another one gets those that are about it, in their order.
func TestMutationsArePlanned(t *testing.T) {
	set := load(t,
		policy(t, "p", `{rules: [{name: all, allow: {}}], mutations: [
			{name: a, match: {tools: [x]}, remove: {argument: /a}},
			{name: b, match: {tools: ["x*"]}, remove: {argument: /b}},
			{name: c, match: {}, when: "tool.name == 'y'", set: {argument: /c, value: {k: [1, null]}}},
			{name: d, match: {models: [m]}, model: n},
			{name: e, match: {agents: [nobody]}, header: {name: X-E, value: e}},
			{name: f, match: {tools: [z]}, header: {name: X-F, expression: "tool.server + ' ' + principal.agent"}}]}`),
		policy(t, "q", `{agents: {names: [nobody]}, mutations: [{name: a, match: {}, header: {name: X-Q, value: q}}]}`),
		policy(t, "o", `{enforcement: Observe, mutations: [{name: o, match: {tools: [quiet]}, remove: {argument: /o}}]}`),
	)
	for tool, want := range map[string]string{
		"x":     "p mutations[0] a argument /a ; p mutations[1] b argument /b ",
		"x2":    "p mutations[1] b argument /b ",
		"y":     `p mutations[2] c argument /c {"k":[1,null]}`,
		"z":     "p mutations[5] f header x-f github copilot",
		"quiet": "",
	} {
		// e may be about any call until the agent is known.
		if got, mutates := mutate(set, toolCall(tool, "{}"), nil); got != want || !mutates {
			t.Errorf("%s: %q, %v; want %q", tool, got, mutates, want)
		}
	}
	if got, _ := mutate(set, llmCall("m"), nil); got != "p mutations[3] d model " {
		t.Errorf("a model: %q", got)
	}
	quiet := load(t, policy(t, "p", `{rules: [{name: all, allow: {}}], mutations: [{name: a, match: {tools: [x]}, remove: {argument: /a}}, {name: b, match: {}, when: "tool.server == 'other'", remove: {argument: /a}}]}`))
	for _, r := range []*decision.Request{toolCall("y", "{}"), llmCall("m"), mcpCall("resources/list")} {
		if got, mutates := mutate(quiet, r, nil); got != "" || mutates {
			t.Errorf("%s: %q, %v", r.Method, got, mutates)
		}
	}
}

// TestMutationsSeeWhatTheirPolicyBelieves: claims of an issuer that a policy
// does not list are none to its mutations.
func TestMutationsSeeWhatTheirPolicyBelieves(t *testing.T) {
	const auth = `traffic: {jwtAuthentication: {providers: [{issuer: "` + issuer + `", audiences: ["api://default"]}]}}, `
	const mutations = `rules: [{name: all, allow: {}}], mutations: [{name: m, match: {}, set: {argument: /who, expression: principal.subject}}]`
	set := load(t, policy(t, "believes", "{"+auth+mutations+"}"), policy(t, "ignores", "{"+mutations+"}"))
	got, _ := mutate(set, toolCall("x", "{}"), withScopes("a"))
	if want := `believes mutations[0] m argument /who "ann"; ignores mutations[0] m argument /who ""`; got != want {
		t.Errorf("got %s", got)
	}
}

func TestMutationFails(t *testing.T) {
	for mutation, want := range map[string]string{
		`{name: m, match: {}, when: "tool.args.n == 1", remove: {argument: /a}}`:              "p mutations[0] m (p.yaml:spec.mutations[0]): mutations[0] m cannot be evaluated: no such key: n",
		`{name: m, match: {}, set: {argument: /a, expression: "tool.args.n"}}`:                "p mutations[0] m (p.yaml:spec.mutations[0]): mutations[0] m cannot be evaluated: no such key: n",
		`{name: m, match: {}, set: {argument: /a, expression: "1.0 / double(size(scopes))"}}`: "p mutations[0] m (p.yaml:spec.mutations[0]): mutations[0] m cannot be evaluated: the expression yields what JSON cannot hold",
		`{name: m, match: {}, header: {name: X-A, expression: "tool.args.s"}}`:                "p mutations[0] m (p.yaml:spec.mutations[0]): mutations[0] m cannot be evaluated: the header's value is empty, too long, or not printable ASCII",
		`{name: m, match: {}, header: {name: X-A, expression: "tool.args.o"}}`:                "p mutations[0] m (p.yaml:spec.mutations[0]): mutations[0] m cannot be evaluated: the value of the header is no string",
	} {
		set := load(t, policy(t, "p", `{rules: [{name: all, allow: {}}], mutations: [`+mutation+`, {name: never, match: {}, header: {name: X-B, value: b}}]}`))
		if got, _ := mutate(set, toolCall("x", `{"s":"hush\n","o":{}}`), nil); got != want {
			t.Errorf("%s:\n got %s\nwant %s", mutation, got, want)
		}
	}
}

// TestPlansOfMutationsAreToldApart: two tools that differ in their mutations
// alone do not share a plan.
func TestPlansOfMutationsAreToldApart(t *testing.T) {
	set := load(t, policy(t, "p", `{rules: [{name: all, allow: {}}], mutations: [{name: a, match: {tools: [x]}, remove: {argument: /a}}, {name: b, match: {tools: [y]}, remove: {argument: /b}}]}`))
	for range 2 {
		for tool, want := range map[string]string{"x": "p mutations[0] a argument /a ", "y": "p mutations[1] b argument /b ", "z": ""} {
			if got, _ := mutate(set, toolCall(tool, "{}"), nil); got != want {
				t.Errorf("%s: %q", tool, got)
			}
		}
	}
}

// BenchmarkMutations shows what mutations cost: nothing to calls of other
// tools, and little to their own.
func BenchmarkMutations(b *testing.B) {
	for _, n := range []int{0, 1, 200} {
		var list strings.Builder
		for i := range n {
			fmt.Fprintf(&list, "{name: m%d, match: {tools: [\"t%d_*\"]}, when: \"!has(tool.args.n)\", set: {argument: /n, value: 1}},", i, i)
		}
		set := load(b, policy(b, "p", "{rules: [{name: all, allow: {}}], mutations: ["+list.String()+"]}"))
		b.Run(fmt.Sprintf("others-%d", n), func(b *testing.B) {
			r, p := toolCall("list_issues", `{"repo":"x"}`), withScopes("a")
			b.ReportAllocs()
			for b.Loop() {
				if out := set.Select(&r.Caller).Judge(input.New(r, p)); !out.Allow || out.Mutates {
					b.Fatal(out.Reason)
				}
			}
		})
		if n == 0 {
			continue
		}
		b.Run(fmt.Sprintf("own-%d", n), func(b *testing.B) {
			r, p := toolCall("t0_x", `{"repo":"x"}`), withScopes("a")
			b.ReportAllocs()
			for b.Loop() {
				c, s := input.New(r, p), set.Select(&r.Caller)
				if out := s.Judge(c); !out.Mutates {
					b.Fatal(out.Reason)
				}
				if changes, failed := s.Mutate(c); len(changes) != 1 || failed != nil {
					b.Fatal(changes, failed)
				}
			}
		})
	}
}
