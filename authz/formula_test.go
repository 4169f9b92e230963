package authz

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
)

// A formula is a condition that can be written in CEL and in Rego and that
// this file evaluates by itself. It never fails: what a call may lack is asked
// for first, because the languages differ in what a missing value means.
type formula struct {
	op   string // atom, and, or, not
	atom total
	kids []formula
}

// total is a condition that is true or false for every call of its kind.
type total struct {
	kind, cel, rego string
	eval            func(w world) bool
}

func totals() []total {
	claim := func(w world, name string) any {
		if w.p.Issuer == "" {
			return nil
		}
		return w.p.Claims[name]
	}
	return []total{
		{"any", "'a' in scopes", `"a" in input.scopes`, func(w world) bool { return slices.Contains(w.p.Scopes, "a") }},
		{"any", "scopes.exists(s, s == 'b' || s == 'c')", `input.scopes[_] in {"b", "c"}`, func(w world) bool {
			return slices.Contains(w.p.Scopes, "b") || slices.Contains(w.p.Scopes, "c")
		}},
		{"any", "scopes.all(s, s != 'a')", `not "a" in input.scopes`, func(w world) bool { return !slices.Contains(w.p.Scopes, "a") }},
		{"any", "has(claims.scp) && claims.scp.exists(s, s == 'a')", `input.claims.scp[_] == "a"`, func(w world) bool {
			return claim(w, "scp") != nil && slices.Contains(w.p.Scopes, "a")
		}},
		{"any", "has(claims.team)", `input.claims.team`, func(w world) bool { return claim(w, "team") != nil }},
		{"any", "'team' in jwt && jwt.team == 'x'", `input.jwt.team == "x"`, func(w world) bool { return claim(w, "team") == "x" }},
		{"any", "agent.name == 'copilot'", `input.agent.name == "copilot"`, func(w world) bool { return w.r.Caller.Agent == "copilot" }},
		{"any", "'app' in agent.labels && agent.labels.app.startsWith('devops')", `startswith(input.agent.labels.app, "devops")`, func(w world) bool {
			return strings.HasPrefix(w.r.Caller.Labels["app"], "devops")
		}},
		{"any", "agent.labels.size() > 1", `count(input.agent.labels) > 1`, func(w world) bool { return len(w.r.Caller.Labels) > 1 }},
		{"tool", "tool.name.startsWith('get_')", `startswith(input.tool.name, "get_")`, func(w world) bool { return strings.HasPrefix(w.r.Tool.Name, "get_") }},
		{"tool", "mcp.tool.name.endsWith('_a')", `endswith(input.mcp.tool.name, "_a")`, func(w world) bool { return strings.HasSuffix(w.r.Tool.Name, "_a") }},
		{"tool", "tool.name.contains('elet')", `contains(input.tool.name, "elet")`, func(w world) bool { return strings.Contains(w.r.Tool.Name, "elet") }},
		{"tool", "tool.name in ['get_a', 'x']", `input.tool.name in {"get_a", "x"}`, func(w world) bool { return w.r.Tool.Name == "get_a" || w.r.Tool.Name == "x" }},
		{"tool", "'x' == tool.name", `"x" == input.tool.name`, func(w world) bool { return w.r.Tool.Name == "x" }},
		{"tool", "tool.name != 'x'", `input.tool.name != "x"`, func(w world) bool { return w.r.Tool.Name != "x" }},
		{"tool", "tool.server == 'slack'", `input.tool.server == "slack"`, func(w world) bool { return w.r.Tool.Server == "slack" }},
		{"tool", "tool.name.matches('^(get|list)_')", "regex.match(`^(get|list)_`, input.tool.name)", func(w world) bool {
			return strings.HasPrefix(w.r.Tool.Name, "get_") || strings.HasPrefix(w.r.Tool.Name, "list_")
		}},
		{"tool", "has(tool.args.repo) && tool.args.repo == 'infra'", `input.tool.args.repo == "infra"`, func(w world) bool { return w.repo == "infra" }},
		{"tool", "has(tool.args.repo) && tool.args.repo in [tool.name, 'site']", `input.tool.args.repo in {input.tool.name, "site"}`, func(w world) bool {
			return w.hasRepo && (w.repo == "site" || w.repo == w.r.Tool.Name)
		}},
		{"tool", "scopes.exists(s, tool.name.endsWith('_' + s))", `endswith(input.tool.name, concat("", ["_", input.scopes[_]]))`, func(w world) bool {
			return slices.ContainsFunc(w.p.Scopes, func(s string) bool { return strings.HasSuffix(w.r.Tool.Name, "_"+s) })
		}},
		{"llm", "llm.model == 'm1'", `input.llm.model == "m1"`, func(w world) bool { return w.r.LLM.Model == "m1" }},
		{"llm", "llm.provider == 'x'", `input.llm.provider == "x"`, func(w world) bool { return w.provider == "x" }},
		{"llm", "llm.provider in ['y', llm.model]", `input.llm.provider in {"y", input.llm.model}`, func(w world) bool { return w.provider == "y" }},
		{"llm", "llm.model.startsWith('m')", `startswith(input.llm.model, "m")`, func(w world) bool { return strings.HasPrefix(w.r.LLM.Model, "m") }},
		{"llm", "llm.stream", `input.llm.stream`, func(w world) bool { return w.r.LLM.Stream }},
	}
}

// randomFormula builds a formula about calls of one kind.
func randomFormula(rng *rand.Rand, kind string, depth int) formula {
	if depth == 0 || rng.IntN(5) == 0 {
		fitting := slices.DeleteFunc(totals(), func(t total) bool { return t.kind != kind && t.kind != "any" })
		return formula{op: "atom", atom: pick(rng, fitting...)}
	}
	f := formula{op: pick(rng, "and", "or", "and", "or", "not")}
	for range 1 + rng.IntN(3) {
		f.kids = append(f.kids, randomFormula(rng, kind, depth-1))
		if f.op == "not" {
			break
		}
	}
	return f
}

func (f formula) eval(w world) bool {
	holds := func(k formula) bool { return k.eval(w) }
	switch f.op {
	case "atom":
		return f.atom.eval(w)
	case "not":
		return !holds(f.kids[0])
	case "and":
		return !slices.ContainsFunc(f.kids, func(k formula) bool { return !holds(k) })
	default:
		return slices.ContainsFunc(f.kids, holds)
	}
}

func (f formula) cel() string {
	if f.op == "atom" {
		return "(" + f.atom.cel + ")"
	}
	sides := make([]string, len(f.kids))
	for i, k := range f.kids {
		sides[i] = k.cel()
	}
	return map[string]string{
		"not": "!" + sides[0],
		"and": "(" + strings.Join(sides, " && ") + ")",
		"or":  "(" + strings.Join(sides, " || ") + ")",
	}[f.op]
}

// rego adds rules to the module and returns the name of the one that is true
// exactly when the formula is.
func (f formula) rego(module *strings.Builder) string {
	var bodies []string
	var sides []string
	for _, k := range f.kids {
		sides = append(sides, k.rego(module))
	}
	switch f.op {
	case "atom":
		bodies = []string{f.atom.rego}
	case "not":
		bodies = []string{"not " + sides[0]}
	case "and":
		bodies = []string{strings.Join(sides, "; ")}
	default:
		bodies = sides
	}
	name := fmt.Sprintf("c%d", strings.Count(module.String(), "default "))
	fmt.Fprintf(module, "default %s := false\n", name)
	for _, body := range bodies {
		fmt.Fprintf(module, "%s if { %s }\n", name, body)
	}
	return name
}

// pair is one policy in both languages and as formulas.
type pair struct {
	kind           string
	allows, denies []formula
}

func randomPair(rng *rand.Rand) pair {
	p := pair{kind: pick(rng, "any", "tool", "tool", "llm")}
	for range 1 + rng.IntN(3) {
		p.allows = append(p.allows, randomFormula(rng, p.kind, rng.IntN(4)))
	}
	for range rng.IntN(3) {
		p.denies = append(p.denies, randomFormula(rng, p.kind, rng.IntN(4)))
	}
	return p
}

// guards make a rule of either language one about calls of a kind.
var guards = map[string]struct{ cel, rego string }{
	"any":  {"", ""},
	"tool": {"tool.name == tool.name && ", "input.tool.name; "},
	"llm":  {"llm.model == llm.model && ", "input.llm.model; "},
}

const believing = `traffic: {jwtAuthentication: {surfaces: [MCP, LLM], providers: [{issuer: "` + issuer + `", audiences: ["api://default"]}]}}`

func (p pair) inCEL() string {
	text := believing + ", rules: ["
	for i, f := range p.allows {
		text += fmt.Sprintf("{name: a%d, allow: {}, when: %q}, ", i, guards[p.kind].cel+f.cel())
	}
	for i, f := range p.denies {
		text += fmt.Sprintf("{name: d%d, deny: {}, when: %q}, ", i, guards[p.kind].cel+f.cel())
	}
	return "{" + text + "]}"
}

func (p pair) inRego() string {
	var module strings.Builder
	module.WriteString("package outrider\n")
	for _, f := range p.allows {
		name := f.rego(&module)
		module.WriteString("allow if { " + guards[p.kind].rego + name + " }\n")
	}
	for _, f := range p.denies {
		name := f.rego(&module)
		module.WriteString("deny contains \"no\" if { " + guards[p.kind].rego + name + " }\n")
	}
	if strings.Contains(module.String(), "tool.args") {
		module.WriteString("visible := true\n")
	}
	return fmt.Sprintf("{%s, rego: %q}", believing, module.String())
}

// want is what the formulas say of a call.
func (p pair) want(w world) string {
	about := w.exists(p.kind)
	holds := func(f formula) bool { return about && f.eval(w) }
	switch {
	case slices.ContainsFunc(p.denies, holds):
		return "denied_by_rule"
	case slices.ContainsFunc(p.allows, holds):
		return "allow"
	case w.r.Surface == decision.LLM && p.kind == "tool":
		return "allow" // no allow list for the surface
	default:
		return "not_allowed"
	}
}
