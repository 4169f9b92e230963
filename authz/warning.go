package authz

import (
	"slices"

	"outrider.dev/outrider/authz/cel"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// Warning is something in a policy that loads but is likely a mistake.
type Warning struct {
	Policy  string
	At      string // "file:line", empty where unknown
	Rule    string
	Problem string // what, and what to do
}

// String is the warning as one line.
func (w Warning) String() string {
	text := "policy " + w.Policy + ", " + w.Rule + ": " + w.Problem
	if w.At != "" {
		text = w.At + ": " + text
	}
	return text
}

// warnings looks for denies that fail for want of a claim, for rules that can
// never apply or decide, for conditions that are none, and for what costs
// every call.
func (b *builder) warnings(all []*Policy) []Warning {
	if p := b.policy; p.Unready != "" { // nothing else of it is judged
		return []Warning{{Policy: p.Name, At: b.at("spec.regoModules.bundle"), Rule: "regoModules.bundle", Problem: p.Unready}}
	}
	var out []Warning
	warn := func(r *rule, problem string) {
		out = append(out, Warning{Policy: b.policy.Name, At: r.at, Rule: r.label, Problem: problem})
	}
	for _, r := range b.denies {
		if r.settled(cel.False) {
			warn(r, "the condition is always false, so the rule denies nothing: mend or remove it")
		}
		if r.when == nil {
			continue
		}
		for _, claim := range r.when.Unguarded() {
			warn(r, "the deny reads "+claim+", and a call without that claim is denied: write has("+claim+") && … where that is not meant")
		}
	}
	for _, r := range b.allows {
		if problem := b.policy.idle(r, all); problem != "" {
			warn(r, problem)
		}
	}
	for _, r := range b.changes {
		if r.settled(cel.False) {
			warn(r, "the condition is always false, so the mutation changes nothing: mend or remove it")
		}
		for _, claim := range r.unguarded() {
			warn(r, "the mutation reads "+claim+", and a call without that claim is denied: write has("+claim+") && … in its condition where that is not meant")
		}
	}
	guards := guardsOf(all)
	for _, r := range slices.Concat(b.denies, b.allows, b.changes) {
		for _, problem := range []string{r.always(), r.blind(), r.unheard(), guards.unguarded(r)} {
			if problem != "" {
				warn(r, problem)
			}
		}
		if r.apart() {
			warn(r, "no tool has a name that both the rule's tools and its condition ask for: mend one of them")
		}
	}
	for _, problem := range []string{b.policy.module.blind(), guards.unguardedModule(b.policy.module)} {
		if problem != "" {
			out = append(out, Warning{Policy: b.policy.Name, At: b.policy.module.at, Rule: "rego", Problem: problem})
		}
	}
	if problem, at := b.policy.module.unheard(); problem != "" {
		out = append(out, Warning{Policy: b.policy.Name, At: at, Rule: "rego", Problem: problem})
	}
	b.overlaps(all, warn)
	if w, found := b.argumentWarning(); found {
		out = append(out, w)
	}
	return out
}

// idle says why an allow rule can never apply, or nothing.
func (p *Policy) idle(r *rule, all []*Policy) string {
	switch {
	case r.settled(cel.False):
		return "the condition is always false, so the rule allows nothing: remove it"
	case len(r.target.tools) > 0 && len(r.target.methods) > 0 && !matchAny(r.target.methods, "tools/call"):
		return "a rule on tools applies to tools/call only, which its methods leave out: remove methods"
	case len(r.target.methods) > 0 && !anyMethod(r):
		return "no MCP method has such a name: see the methods that rules judge"
	case r.when != nil && len(r.when.ScopeTests())+len(r.when.Unguarded()) > 0 && !p.believes(r.roots, all):
		return "the rule reads the token, but the policy believes no issuer's tokens there: list one under jwtAuthentication.providers"
	}
	return ""
}

// anyMethod reports whether the rule's methods name one that rules judge.
func anyMethod(r *rule) bool {
	methods := [...]string{
		"tools/call", "tools/list", "resources/list", "resources/read", "resources/subscribe", "resources/unsubscribe",
		"resources/templates/list", "prompts/list", "prompts/get", "completion/complete", "logging/setLevel",
	}
	for _, m := range methods {
		if matchAny(r.target.methods, m) {
			return true
		}
	}
	return false
}

// believes reports whether the policy reads tokens on a surface where a rule
// with these roots applies.
func (p *Policy) believes(roots input.Roots, all []*Policy) bool {
	return slices.ContainsFunc(all, func(of *Policy) bool {
		if of.auth == nil || of != p && !of.Cluster {
			return false
		}
		return roots.OnMCP() && of.auth.on(decision.MCP) || roots.OnLLM() && of.auth.on(decision.LLM)
	})
}
