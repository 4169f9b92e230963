package authz

import (
	"fmt"
	"slices"
	"strings"

	"outrider.dev/outrider/authz/cel"
	"outrider.dev/outrider/authz/input"
)

// overlaps finds rules that can never decide: behind one of their own list
// that holds for all of their calls, or allowing what a deny always refuses.
func (b *builder) overlaps(all []*Policy, warn func(*rule, string)) {
	for i, r := range b.denies {
		if by := covering(b.denies[:i], r); by != nil {
			warn(r, by.label+" denies every call that the rule is about: remove one of them")
		}
	}
	for i, r := range b.allows {
		if by := covering(b.refusing(all), r); by != nil {
			warn(r, by.label+" denies every call that the rule allows: remove the rule, or narrow the deny")
		} else if by := covering(b.allows[:i], r); by != nil {
			warn(r, by.label+" allows every call that the rule is about: remove one of them")
		}
	}
}

// refusing returns the denies that hold for every agent of the policy: its own
// and those of the security team for all agents.
func (b *builder) refusing(all []*Policy) []*rule {
	out := b.denies
	for _, of := range all {
		if of != b.policy && of.Unready == "" && of.Cluster && !of.Observe && of.selector == nil {
			out = slices.Concat(out, of.denies.rules)
		}
	}
	return out
}

// covering returns a rule that holds for every call that r is about, if one
// is known.
func covering(rules []*rule, r *rule) *rule {
	for _, by := range rules {
		if by.unconditional() && by.target.covers(r) && r.roots.Has(by.roots) {
			return by
		}
	}
	return nil
}

// unconditional reports whether the rule holds for everything that its target
// selects.
func (r *rule) unconditional() bool { return r.when == nil || r.settled(cel.True) }

// settled reports whether the rule's condition comes to this whatever the call.
func (r *rule) settled(to cel.Truth) bool {
	if r.when == nil {
		return false
	}
	truth, known := r.when.Settled()
	return known && truth == to
}

// covers reports whether the target surely selects every call that the rule
// can be about.
func (t target) covers(r *rule) bool {
	of := r.target
	tools := of.tools
	if names, bounded := r.toolNames(); bounded && len(tools) == 0 {
		tools = globsOf(names)
	}
	return coversAll(t.tools, tools) && coversAll(t.servers, of.servers) && coversAll(t.models, of.models) &&
		coversAll(t.methods, of.methods) && coversAll(t.agents, of.agents) &&
		coversAll(t.providers, of.providers) && of.times()&^t.times() == 0
}

// globsOf returns names of tools as patterns.
func globsOf(names []cel.Name) []glob {
	out := make([]glob, len(names))
	for i, n := range names {
		if out[i] = (glob{n.Text}); n.Prefix {
			out[i] = glob{n.Text, ""}
		}
	}
	return out
}

// coversAll reports whether some of the wide patterns surely matches whatever
// one of the narrow ones does. A pattern that matches another's own text, stars
// and all, does: its stars take in the other's.
func coversAll(wide, narrow []glob) bool {
	if len(wide) == 0 {
		return true
	}
	for _, n := range narrow {
		if !matchAny(wide, strings.Join(n, "*")) {
			return false
		}
	}
	return len(narrow) > 0
}

// apart reports whether no tool has a name that both the rule's target and its
// condition ask for.
func (r *rule) apart() bool {
	if r.when == nil || len(r.target.tools) == 0 {
		return false
	}
	names, bounded := r.when.ToolNames()
	if !bounded || len(names) == 0 {
		return false
	}
	for _, t := range r.target.tools {
		for _, n := range names {
			if n.Prefix && (len(t) > 1 && strings.HasPrefix(n.Text, t[0]) || strings.HasPrefix(t[0], n.Text)) {
				return false
			}
			if !n.Prefix && t.match(n.Text) {
				return false
			}
		}
	}
	return true
}

// ArgumentRules returns how many rules of the policy read the arguments of
// tool calls, and how many of those are about tools of any name. The latter
// are evaluated with every call.
func (p *Policy) ArgumentRules() (all, anyTool int) {
	for _, r := range slices.Concat(p.document, p.changes.rules) {
		if !r.readsArgs() {
			continue
		}
		all++
		if _, bounded := r.toolNames(); !bounded && matchAny(r.target.tools, "*") {
			anyTool++
		}
	}
	return all, anyTool
}

// readsArgs reports whether an expression of the rule reads the arguments of a
// tool call.
func (r *rule) readsArgs() bool {
	return r.when != nil && r.when.ReadsArgs() || r.change != nil && r.change.value != nil && r.change.value.ReadsArgs()
}

// argumentWarning counts the rules that cost every call of every tool.
func (b *builder) argumentWarning() (Warning, bool) {
	all, anyTool := b.policy.ArgumentRules()
	if anyTool == 0 {
		return Warning{}, false
	}
	problem := fmt.Sprintf("rules that read the arguments of tool calls: %d; without tools of their own, and so evaluated with every call: %d: give them tools", all, anyTool)
	return Warning{Policy: b.policy.Name, At: b.at("spec"), Rule: "arguments", Problem: problem}, true
}

// always says why a condition is none, or nothing.
func (r *rule) always() string {
	switch {
	case !r.settled(cel.True):
		return ""
	case r.roots == input.MCP && len(r.target.servers)+len(r.target.methods) == 0:
		return "the condition is always true, so the rule is about every call over MCP: say which ones"
	default:
		return "the condition is always true: remove it"
	}
}
