package authz

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// The reference is the semantics of policies written down a second time, as
// plainly as possible and without any of the package's parts: conditions are
// Go functions, globs are path.Match, and every rule is looked at every time.

// world is one call.
type world struct {
	r       *decision.Request
	p       *decision.Principal
	repo    string // the argument of that name
	hasRepo bool
	listing bool
	// provider is where an LLM call may go.
	provider string
}

// call is the world as the package sees it.
func (w world) call() *input.Call {
	c := input.New(w.r, w.p)
	c.Provider = w.provider
	return c
}

func (w world) judge(set *Set) Outcome { return set.Select(&w.r.Caller).Judge(w.call()) }

func (w world) isTool() bool { return w.r.Method == "tools/call" || w.listing }

func (w world) method() string {
	if w.listing {
		return "tools/call"
	}
	return w.r.Method
}

// A condition yields T for true, F for false, E for an error or U for unknown.
type condition struct {
	cel  string
	kind string // which calls it applies to: any, tool, llm, resource, mcp
	eval func(w world, sees bool) byte
}

func truth(b bool) byte {
	if b {
		return 'T'
	}
	return 'F'
}

func conditions() []condition {
	return []condition{
		{"", "any", func(world, bool) byte { return 'T' }},
		{"'a' in scopes", "any", func(w world, sees bool) byte { return truth(sees && slices.Contains(w.p.Scopes, "a")) }},
		{"claims.scp.exists(s, s == 'b')", "any", func(w world, sees bool) byte {
			if !sees {
				return 'E'
			}
			return truth(slices.Contains(w.p.Scopes, "b"))
		}},
		{"claims.team == 'x'", "any", func(w world, sees bool) byte {
			if !sees || w.p.Claims["team"] == nil {
				return 'E'
			}
			return truth(w.p.Claims["team"] == "x")
		}},
		{"has(claims.team) && claims.team == 'x'", "any", func(w world, sees bool) byte { return truth(sees && w.p.Claims["team"] == "x") }},
		{"agent.name == 'copilot'", "any", func(w world, _ bool) byte { return truth(w.r.Caller.Agent == "copilot") }},
		{"tool.name.startsWith('get_')", "tool", func(w world, _ bool) byte { return truth(strings.HasPrefix(w.r.Tool.Name, "get_")) }},
		{"tool.args.repo == 'infra'", "tool", func(w world, _ bool) byte {
			switch {
			case w.listing:
				return 'U'
			case !w.hasRepo:
				return 'E'
			}
			return truth(w.repo == "infra")
		}},
		{"tool.server == 'slack' || has(tool.args.repo)", "tool", func(w world, _ bool) byte {
			switch {
			case w.r.Tool.Server == "slack":
				return 'T'
			case w.listing:
				return 'U'
			}
			return truth(w.hasRepo)
		}},
		{"llm.model == 'm1'", "llm", func(w world, _ bool) byte { return truth(w.r.LLM.Model == "m1") }},
		{"llm.provider != 'x'", "llm", func(w world, _ bool) byte { return truth(w.provider != "x") }},
		{"resource.uri.startsWith('file:')", "resource", func(w world, _ bool) byte { return truth(strings.HasPrefix(w.r.Resource, "file:")) }},
		{"mcp.method == 'resources/list'", "mcp", func(w world, _ bool) byte { return truth(w.method() == "resources/list") }},
	}
}

// exists reports whether a call of this kind is meant.
func (w world) exists(kind string) bool {
	switch kind {
	case "tool":
		return w.isTool()
	case "llm":
		return w.r.Surface == decision.LLM
	case "resource":
		return w.r.Method == "resources/read"
	case "mcp":
		return w.r.Surface == decision.MCP
	}
	return true
}

type refRule struct {
	kind   string // any, mcp, tool, llm, resource
	target *configv1.Target
	cond   condition
}

type refPolicy struct {
	observe bool
	issuers map[decision.Surface]bool
	allows  []refRule
	denies  []refRule
	models  []string
	rego    string
}

func refGlob(patterns []string, name string) bool {
	if len(patterns) == 0 {
		return true
	}
	for _, p := range patterns {
		// path.Match gives the slash a meaning of its own.
		if ok, _ := path.Match(strings.ReplaceAll(p, "/", "!"), strings.ReplaceAll(name, "/", "!")); ok {
			return true
		}
	}
	return false
}

func (r refRule) eval(w world, sees bool) byte {
	server := w.r.Tool.Server
	if server == "" {
		server = w.r.Server
	}
	t := r.target
	switch {
	case !w.exists(r.kind), !w.exists(r.cond.kind), !refGlob(t.GetAgents(), w.r.Caller.Agent):
		return 'F'
	case len(t.GetPhases()) > 0 && !slices.Contains(t.GetPhases(), map[bool]string{true: "List", false: "Call"}[w.listing]):
		return 'F'
	case len(t.GetTools()) > 0 && !w.isTool(), len(t.GetMethods())+len(t.GetServers()) > 0 && !w.exists("mcp"), len(t.GetModels())+len(t.GetProviders()) > 0 && !w.exists("llm"):
		return 'F'
	case !refGlob(t.GetTools(), w.r.Tool.Name), !refGlob(t.GetServers(), server), !refGlob(t.GetModels(), w.r.LLM.Model), !refGlob(t.GetMethods(), w.method()), !refGlob(t.GetProviders(), w.provider):
		return 'F'
	}
	return r.cond.eval(w, sees)
}

func (r refRule) lists(s decision.Surface) bool {
	t := r.target
	onLLM := r.kind == "llm" || r.cond.kind == "llm" || len(t.GetModels())+len(t.GetProviders()) > 0
	onMCP := !onLLM && (r.kind != "any" || r.cond.kind != "any" || len(t.GetTools())+len(t.GetServers())+len(t.GetMethods()) > 0)
	if s == decision.LLM {
		return !onMCP
	}
	return !onLLM
}

// The modules that the reference knows.
const (
	regoNone    = ""
	regoAllow   = "package outrider\nallow if startswith(input.tool.name, \"list_\")\n"
	regoDeny    = "package outrider\ndeny contains \"no\" if startswith(input.tool.name, \"delete_\")\n"
	regoVisible = "package outrider\ndeny contains \"no infra\" if input.tool.args.repo == \"infra\"\nvisible if input.tool.server == \"github\"\n"
)

func (p refPolicy) lists(s decision.Surface) bool {
	return slices.ContainsFunc(p.allows, func(r refRule) bool { return r.lists(s) }) || p.rego == regoAllow && s == decision.MCP
}

func (p refPolicy) denied(w world) (hit, failed bool) {
	sees := p.issuers[w.r.Surface] && w.p.Issuer != ""
	for _, r := range p.denies {
		switch r.eval(w, sees) {
		case 'T':
			hit = true
		case 'E':
			failed = true
		}
	}
	switch {
	case p.rego == regoDeny && w.isTool():
		hit = hit || strings.HasPrefix(w.r.Tool.Name, "delete_")
	case p.rego == regoVisible && w.listing:
		hit = hit || w.r.Tool.Server != "github"
	case p.rego == regoVisible:
		hit = hit || w.isTool() && w.repo == "infra"
	}
	return hit, failed
}

func (p refPolicy) passes(w world) bool {
	sees := p.issuers[w.r.Surface] && w.p.Issuer != ""
	for _, r := range p.allows {
		if got := r.eval(w, sees); got == 'T' || got == 'U' {
			return true
		}
	}
	return p.rego == regoAllow && w.isTool() && strings.HasPrefix(w.r.Tool.Name, "list_")
}

// decide returns allow or a reason code.
func decide(policies []refPolicy, w world) string {
	if len(policies) == 0 {
		return "no_policy"
	}
	policies = slices.DeleteFunc(slices.Clone(policies), func(p refPolicy) bool { return p.observe })
	if len(policies) == 0 {
		return "allow"
	}
	anyHit, anyFailed, anyList := false, false, false
	for _, p := range policies {
		hit, failed := p.denied(w)
		anyHit, anyFailed = anyHit || hit, anyFailed || failed
		anyList = anyList || p.lists(w.r.Surface)
	}
	switch {
	case anyHit:
		return "denied_by_rule"
	case anyFailed:
		return "rule_error"
	}
	for _, p := range policies {
		if w.r.Surface == decision.LLM && len(p.models) > 0 && !refGlob(p.models, w.r.LLM.Model) {
			return "model_not_allowed"
		}
	}
	for _, p := range policies {
		if p.lists(w.r.Surface) && !p.passes(w) {
			return "not_allowed"
		}
	}
	if !anyList && w.r.Surface == decision.MCP {
		return "not_allowed"
	}
	return "allow"
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

func randomRule(rng *rand.Rand, kind string) refRule {
	fitting := slices.DeleteFunc(conditions(), func(c condition) bool {
		return c.kind != "any" && c.kind != kind && (kind != "tool" && kind != "resource" || c.kind != "mcp")
	})
	r := refRule{kind: "any", target: &configv1.Target{}, cond: pick(rng, fitting...)}
	if rng.IntN(3) == 0 {
		return r
	}
	switch rng.IntN(8) {
	case 0:
		r.target.Agents = []string{pick(rng, "co*", "other")}
	case 1:
		r.target.Phases = []string{pick(rng, "List", "Call")}
	}
	switch kind {
	case "tool":
		r.target.Tools = [][]string{{"get_*"}, {"*"}, {"delete_*", "list_a"}, {"*_a"}}[rng.IntN(4)]
		fallthrough
	case "resource":
		switch rng.IntN(4) {
		case 0:
			r.target.Servers = []string{"github"}
		case 1:
			r.target.Methods = []string{pick(rng, "tools/call", "resources/*", "*")}
		}
	case "llm":
		r.target.Models = []string{pick(rng, "m*", "m1", "*2")}
		if rng.IntN(3) == 0 {
			r.target.Providers = []string{pick(rng, "x", "y", "*")}
		}
	}
	return r
}

func randomPolicy(rng *rand.Rand) refPolicy {
	p := refPolicy{observe: rng.IntN(4) == 0, issuers: map[decision.Surface]bool{}, rego: pick(rng, regoNone, regoNone, regoAllow, regoDeny, regoVisible)}
	switch rng.IntN(4) {
	case 0:
		p.issuers[decision.LLM] = true
		fallthrough
	case 1, 2:
		p.issuers[decision.MCP] = true
	}
	for range rng.IntN(3) {
		p.allows = append(p.allows, randomRule(rng, pick(rng, "any", "tool", "llm", "resource")))
	}
	for range rng.IntN(3) {
		p.denies = append(p.denies, randomRule(rng, pick(rng, "any", "tool", "llm", "resource")))
	}
	if rng.IntN(4) == 0 {
		p.models = []string{pick(rng, "m*", "m1")}
	}
	return p
}

// source writes the policy down. Rules without a target may stand in the lists
// of backend.mcp, where they are about MCP only.
func (p *refPolicy) source(rng *rand.Rand, i int) Source {
	spec := &configv1.PolicySpec{Backend: &configv1.BackendPolicy{Mcp: &configv1.MCPPolicy{}}, Rego: p.rego}
	if p.observe {
		spec.Enforcement = "Observe"
	}
	if len(p.issuers) > 0 {
		auth := &configv1.JWTAuthentication{Surfaces: []string{"MCP"}, Providers: []*configv1.JWTProvider{{Issuer: issuer, Audiences: []string{"api://default"}}}}
		if p.issuers[decision.LLM] {
			auth.Surfaces = append(auth.Surfaces, "LLM")
		}
		spec.Traffic = &configv1.TrafficPolicy{JwtAuthentication: auth}
	}
	if p.models != nil {
		spec.Backend.Llm = &configv1.LLMPolicy{Models: &configv1.Models{Allow: p.models}}
	}
	var allows, denies []string
	place := func(list []refRule, expressions *[]string, deny bool) {
		for j := range list {
			r := &list[j]
			bare := len(r.target.Agents)+len(r.target.Phases)+len(r.target.Tools)+len(r.target.Servers)+len(r.target.Methods)+len(r.target.Models) == 0
			if bare && r.cond.kind != "llm" && r.cond.cel != "" && rng.IntN(2) == 0 {
				r.kind = "mcp"
				*expressions = append(*expressions, r.cond.cel)
				continue
			}
			named := &configv1.Rule{Name: fmt.Sprintf("r%d", len(spec.Rules)), When: r.cond.cel}
			if named.Allow = r.target; deny {
				named.Allow, named.Deny = nil, r.target
			}
			spec.Rules = append(spec.Rules, named)
		}
	}
	place(p.allows, &allows, false)
	place(p.denies, &denies, true)
	if allows != nil {
		spec.Backend.Mcp.Authorization = &configv1.Authorization{Policy: &configv1.MatchPolicy{MatchExpressions: allows}}
	}
	if denies != nil {
		spec.Backend.Mcp.DenyPolicy = &configv1.DenyPolicy{MatchExpressions: denies}
	}
	rng.Shuffle(len(spec.Rules), func(a, b int) { spec.Rules[a], spec.Rules[b] = spec.Rules[b], spec.Rules[a] })
	return Source{Doc: &configv1.AgentPolicy{Metadata: &configv1.Metadata{Name: fmt.Sprintf("p%d", i)}, Spec: spec}}
}

func randomWorld(rng *rand.Rand) world {
	w := world{p: &decision.Principal{Agent: "copilot"}}
	if rng.IntN(3) > 0 {
		var scopes []string
		for _, s := range []string{"a", "b"} {
			if rng.IntN(2) == 0 {
				scopes = append(scopes, s)
			}
		}
		w.p = withScopes(scopes...)
		if rng.IntN(2) == 0 {
			w.p.Claims["team"] = pick(rng, "x", "y")
		}
	}
	switch rng.IntN(6) {
	case 0, 1, 2:
		args := "{}"
		if w.hasRepo = rng.IntN(3) > 0; w.hasRepo {
			w.repo = pick(rng, "infra", "site")
			args = `{"repo":"` + w.repo + `","unread":[1e400]}` // no rule reads what it could not compare
		}
		w.r = toolCall(pick(rng, "get_a", "list_a", "delete_a", "x"), args)
		w.r.Tool.Server = pick(rng, "github", "slack")
	case 3:
		w.r = llmCall(pick(rng, "m1", "m2", "n"))
	case 4:
		w.r = mcpCall("resources/list")
	default:
		w.r = mcpCall("resources/read")
		w.r.Resource = pick(rng, "file:/a", "http://b")
	}
	return w
}
