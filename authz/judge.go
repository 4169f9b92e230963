package authz

import (
	"slices"

	"outrider.dev/outrider/authz/cel"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// Outcome is what the rules say about a call.
type Outcome struct {
	Allow   bool
	Reason  decision.Reason // of a refusal; of an allowed call only Rule is set
	Policy  string          // the policy that decided
	Version string          // its version
	Rule    string          // the rule that decided, with its place; may be empty
	// Mutates tells that [Selection.Mutate] may find something for the call.
	Mutates bool
}

// Observation is a refusal or a change that did not happen, because its policy
// observes.
type Observation struct {
	Policy, Version string
	Reason          decision.Reason
	Change          string // what would have been changed; of a refusal empty
}

// Judge judges a call by the rules of the selected policies. It is for calls
// that rules must judge: what every agent may do once it is selected, such as
// the MCP handshake, is not asked. A tools/list passes if the surface has an
// allow list at all and no deny applies; its tools are for [Selection.Visible].
// A call that the guards have read is judged by the denies alone that waited
// for them or, where it is an answer, are about answers.
func (s *Selection) Judge(c *input.Call) Outcome {
	if s.Empty() {
		return Outcome{Reason: decision.Reason{Code: decision.CodeNoPolicy, Message: "no policy selects agent " + shown(c.Request.Caller.Agent)}}
	}
	key := c.Key()
	j := judging{call: c, surface: surfaceOf(c), plan: s.plan(c, nil, &key)}
	if c.Guarded {
		return j.outcome(j.denied(j.plan.enforce))
	}
	out := j.outcome(j.enforce())
	out.Mutates = j.plan.mutates
	if !out.Allow && isToolCall(c) {
		out.Reason.Hidden = !s.Visible(c, []decision.Tool{c.Tool})[0]
	}
	return out
}

// Observe tells what the selected policies in Observe would refuse of the call
// if all of them enforced.
func (s *Selection) Observe(c *input.Call) []Observation {
	key := c.Key()
	j := judging{call: c, surface: surfaceOf(c), plan: s.plan(c, nil, &key)}
	return j.observe()
}

// isToolCall reports whether the call can be hidden at all.
func isToolCall(c *input.Call) bool {
	return c.Request.Surface == decision.MCP && c.Roots().Has(input.Tool)
}

// Visible tells which of the tools a list shows: those whose call is not
// refused already without its arguments. Without any policy nothing is shown.
func (s *Selection) Visible(c *input.Call, tools []decision.Tool) []bool {
	out := make([]bool, len(tools))
	if s.Empty() || len(tools) == 0 {
		return out
	}
	entry := c.Listed(tools[0])
	j := judging{call: entry, surface: surfaceOf(entry)}
	if len(tools) > 1 {
		j.views = s.listViews()
	}
	key, alike := entry.Key(), map[*plan]bool{}
	for i := range tools {
		entry.Rename(&key, &tools[i])
		j.plan = s.plan(entry, &tools[i], &key)
		shown, known := alike[j.plan]
		if !known {
			j.relist(&tools[i])
			shown = !j.enforce().refuses()
			if j.plan.alike {
				alike[j.plan] = shown
			}
		}
		out[i] = shown
	}
	return out
}

// judging is the work on one call or one entry of a list.
type judging struct {
	call    *input.Call
	surface decision.Surface
	plan    *plan
	views   views
}

// enforce judges by the enforcing policies: every deny first, then the models,
// then each policy's allow list.
func (j *judging) enforce() ruling {
	policies := j.plan.enforce
	if len(policies) == 0 {
		return ruling{}
	}
	if r := j.denied(policies); r.refuses() {
		return r
	}
	for i := range policies {
		if !policies[i].modelAllowed {
			return ruling{why: otherModel, policy: &policies[i]}
		}
	}
	out := ruling{policy: &policies[0]}
	listed := false
	for i := range policies {
		p := &policies[i]
		if !p.lists {
			continue
		}
		name, ok := j.allowed(p)
		if !ok {
			return ruling{why: unlisted, policy: p}
		}
		if !listed {
			listed, out = true, ruling{policy: p, rule: name}
		}
	}
	if !listed && j.surface == decision.MCP {
		return ruling{why: noList, policy: &policies[0]}
	}
	return out
}

// observe finds what the observing policies would refuse if all of them
// enforced.
func (j *judging) observe() []Observation {
	var seen []Observation
	policies := j.plan.observe
	listless := len(j.plan.enforce) == 0 && j.surface == decision.MCP && !slices.ContainsFunc(policies, func(p policyPlan) bool { return p.lists })
	for i := range policies {
		p := &policies[i]
		r := j.denied(policies[i : i+1])
		switch {
		case r.refuses() || j.call.Guarded:
		case !p.modelAllowed:
			r = ruling{why: otherModel, policy: p}
		case p.lists:
			if _, ok := j.allowed(p); !ok {
				r = ruling{why: unlisted, policy: p}
			}
		}
		if !r.refuses() && listless && i == 0 && !j.call.Guarded {
			r = ruling{why: noList, policy: p}
		}
		if r.refuses() {
			seen = append(seen, Observation{Policy: p.Name, Version: p.Version, Reason: j.outcome(r).Reason})
		}
	}
	return seen
}

// denied looks for a deny. One that holds is reported before one that cannot
// be evaluated, so that the order of policies and rules decides neither.
func (j *judging) denied(policies []policyPlan) ruling {
	var failed ruling
	for i := range policies {
		p := &policies[i]
		view, memo := j.view(p)
		for _, s := range p.due(view) {
			switch truth := s.eval(view, memo); {
			case truth == cel.True:
				return ruling{why: denied, policy: p, step: s}
			case !failed.refuses() && j.fails(truth):
				failed = ruling{why: broken, policy: p, step: s}
			}
		}
		switch messages, err := p.module.denies(view); {
		case len(messages) > 0:
			return ruling{why: denied, policy: p, messages: messages}
		case err != nil && !failed.refuses():
			failed = ruling{why: broken, policy: p, err: err}
		}
	}
	return failed
}

// due returns the denies that a call is judged by at its stage.
func (p *policyPlan) due(c *input.Call) []*step {
	switch {
	case c.Answer:
		return p.answers
	case c.Guarded:
		return p.waiting
	default:
		return p.denies
	}
}

// fails reports whether the result of a deny rule denies as an error does. An
// unknown one is an error, too, unless a list is filtered.
func (j *judging) fails(t cel.Truth) bool {
	return t == cel.Failed || t == cel.Unknown && !j.call.ArgsUnknown
}

// allowed returns the first rule of the policy's list that allows the call.
func (j *judging) allowed(p *policyPlan) (string, bool) {
	if j.call.Method == "tools/list" && !j.call.Roots().Has(input.Tool) {
		return "", true // the tools themselves are judged one by one
	}
	view, memo := j.view(p)
	for _, s := range p.allows {
		switch s.eval(view, memo) {
		case cel.True:
			return s.name, true
		case cel.Unknown:
			if j.call.ArgsUnknown {
				return s.name, true
			}
		}
	}
	name := p.module.allows(view)
	return name, name != ""
}
