package authz

import (
	"outrider.dev/outrider/authz/cel"
	"outrider.dev/outrider/authz/input"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// rule is one allow or one deny, an expression of a list or a named rule, or
// one mutation.
type rule struct {
	label   string // what verdicts call it
	at      string // "file:line", may be empty
	name    string // the label with the place
	message string // the policy's own words, of denies
	target  target
	when    *cel.Program // nil: always
	roots   input.Roots  // what must exist of a call for the rule to apply
	deny    bool
	named   bool    // in rules, not in backend.mcp
	change  *change // of a mutation; nil of other rules
}

// target selects calls by name. An empty list asks for nothing.
type target struct {
	tools, servers, models, methods, agents, providers []glob
	phases                                             phases
}

// phases says when a rule applies.
type phases uint8

const (
	onList   phases = 1 << iota // to the entries of a list of tools
	onCall                      // to a call
	onResult                    // to what came back
)

// phasesOf reads phases; unknown ones are refused elsewhere.
func phasesOf(names []string) phases {
	var out phases
	for _, name := range names {
		out |= map[string]phases{"List": onList, "Call": onCall, "Result": onResult}[name]
	}
	return out
}

// times says when the target selects anything: lists and calls where nobody
// says when.
func (t target) times() phases {
	if t.phases == 0 {
		return onList | onCall
	}
	return t.phases
}

// phaseOf is the phase in which a call is judged.
func phaseOf(c *input.Call) phases {
	switch {
	case c.Answer:
		return onResult
	case c.ArgsUnknown:
		return onList
	default:
		return onCall
	}
}

// newTarget compiles the names of a target.
func newTarget(t *configv1.Target) target {
	return target{
		tools:     newGlobs(t.GetTools()),
		servers:   newGlobs(t.GetServers()),
		models:    newGlobs(t.GetModels()),
		methods:   newGlobs(t.GetMethods()),
		agents:    newGlobs(t.GetAgents()),
		providers: newGlobs(t.GetProviders()),
		phases:    phasesOf(t.GetPhases()),
	}
}

// roots returns what must exist of a call that the target can match.
func (t target) roots() input.Roots {
	var r input.Roots
	if len(t.tools) > 0 {
		r |= input.MCP | input.Tool
	}
	if len(t.servers) > 0 || len(t.methods) > 0 {
		r |= input.MCP
	}
	if len(t.models)+len(t.providers) > 0 {
		r |= input.LLM
	}
	return r
}

// matches reports whether every given list of names has the call's, so far as
// they are in the call's key.
func (t target) matches(c *input.Call) bool {
	return matchAny(t.tools, c.ToolName()) && matchAny(t.servers, c.Server()) &&
		matchAny(t.models, c.Request.LLM.Model) && matchAny(t.methods, c.Method) && matchAny(t.providers, c.Provider)
}

// open reports whether the target asks for nothing beside the call's key.
func (t target) open() bool { return len(t.agents) == 0 && t.times()&(onList|onCall) == onList|onCall }

// meets reports whether the target selects the call's agent and phase.
func (t target) meets(c *input.Call) bool {
	return t.times()&phaseOf(c) != 0 && matchAny(t.agents, c.Request.Caller.Agent)
}

// stage says from when on the rule can be judged.
func (r *rule) stage() input.Stage {
	var s input.Stage
	if len(r.target.providers) > 0 {
		s = input.Routed
	}
	if r.when != nil {
		s = max(s, r.when.Stage())
	}
	return s
}

// applies reports whether the rule has a say about the call at all. A rule on
// servers has none about a call that goes to all of them.
func (r *rule) applies(c *input.Call) bool {
	return c.Roots().Has(r.roots) && (len(r.target.servers) == 0 || c.Server() != "")
}

// place notes where the rule stands.
func (r *rule) place(at string) { r.at, r.name = at, withPlace(r.label, at) }
