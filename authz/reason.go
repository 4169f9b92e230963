package authz

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"outrider.dev/outrider/authz/cel"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// maxShown bounds what a message repeats of a name that the caller sent.
const maxShown = 80

// ruling is what judging a call ended in, before it is put into words. The
// zero value lets it pass.
type ruling struct {
	why      why
	policy   *policyPlan // that decided; nil where none did
	rule     string      // that allowed the call
	step     *step       // that denied it; nil where the module did
	messages []string    // of the module's deny
	err      error       // of the module
}

// why says why a ruling refuses.
type why uint8

const (
	passes     why = iota
	denied         // by a deny that holds
	broken         // by a deny that cannot be evaluated
	otherModel     // the model is not on the policy's list
	unlisted       // nothing on the policy's allow list allows the call
	noList         // nobody allows anything on the surface
)

func (r ruling) refuses() bool { return r.why != passes }

// outcome puts a ruling into words.
func (j *judging) outcome(r ruling) Outcome {
	if r.policy == nil {
		return Outcome{Allow: true}
	}
	out := Outcome{Policy: r.policy.Name, Version: r.policy.Version}
	switch r.why {
	case passes:
		out.Allow, out.Reason = true, decision.Reason{Rule: r.rule}
	case denied:
		out.Reason = j.denial(r)
	case broken:
		out.Reason = j.failure(r)
	case otherModel:
		rule := withPlace("backend.llm.models", r.policy.modelsAt)
		out.Reason = decision.Reason{Code: decision.CodeModelNotAllowed, Message: "model " + shown(j.call.Request.LLM.Model) + " is not allowed", Rule: rule}
	case noList:
		out.Reason = decision.Reason{Code: decision.CodeNotAllowed, Message: "no policy of this agent allows anything over MCP"}
	default:
		out.Reason = j.unlisted(r.policy)
	}
	out.Rule = out.Reason.Rule
	return out
}

// denial is a deny that holds, in the policy's own words if it has any.
// Messages name the rule without its place: agents read them, and where the
// policy lies is no business of theirs.
func (j *judging) denial(r ruling) decision.Reason {
	label, name, message := moduleDeny, "", strings.Join(r.messages, "; ")
	if r.step == nil {
		name = r.policy.module.deny
	} else {
		label, name, message = r.step.label, r.step.name, r.step.message
	}
	if message == "" {
		message = label + " denies " + j.subject()
	}
	return decision.Reason{Code: decision.CodeDeniedByRule, Message: message, Rule: name}
}

// failure is a deny that cannot be evaluated.
func (j *judging) failure(r ruling) decision.Reason {
	label, name, missing := moduleDeny, "", ""
	if r.step == nil {
		name, missing = r.policy.module.deny, r.err.Error()
	} else {
		view, _ := j.view(r.policy)
		label, name, missing = r.step.label, r.step.name, r.step.rule.when.Eval(view).Missing
	}
	return decision.Reason{Code: decision.CodeRuleError, Message: "deny rule " + label + " cannot be evaluated: " + missing, Rule: name}
}

// unlisted is a call that nothing on the policy's allow list allows.
func (j *judging) unlisted(p *policyPlan) decision.Reason {
	who := "a caller without scopes"
	if view, _ := j.view(p); len(view.Principal.Scopes) > 0 {
		who = "scopes [" + shown(strings.Join(view.Principal.Scopes, " ")) + "]"
	}
	return decision.Reason{
		Code:         decision.CodeNotAllowed,
		Message:      "no rule allows " + j.subject() + " for " + who,
		NeededScopes: j.neededScopes(p),
	}
}

// neededScopes returns the scopes of which each alone would have satisfied the
// policy's allow list: those that expressions ask for by name, and those of the
// texts in a module that it lets pass. Nobody waits for the latter where the
// policy only observes.
func (j *judging) neededScopes(p *policyPlan) []string {
	if j.call.ArgsUnknown || !j.listens(p) {
		return nil
	}
	var out []string
	view, _ := j.view(p)
	for _, s := range p.allows {
		if s.when == nil {
			continue
		}
		for _, scope := range s.when.ScopeTests() {
			if !slices.Contains(out, scope) && s.eval(view.WithScope(scope), nil) == cel.True {
				out = append(out, scope)
			}
		}
	}
	if p.module.module == nil || p.Observe {
		return out
	}
	for _, scope := range p.module.Opening(view) {
		if !slices.Contains(out, scope) {
			out = append(out, scope)
		}
	}
	return out
}

// listens reports whether the policy can see a token on the surface at all.
func (j *judging) listens(p *policyPlan) bool {
	listens := func(p policyPlan) bool { return p.auth != nil && p.auth.on(j.surface) }
	return listens(*p) || slices.ContainsFunc(j.plan.enforce, func(of policyPlan) bool { return of.Cluster && listens(of) })
}

// subject says what the call is about, for people.
func (j *judging) subject() string {
	c := j.call
	switch have := c.Roots(); {
	case have.Has(input.LLM):
		return "model " + shown(c.Request.LLM.Model)
	case have.Has(input.Tool):
		return "tool " + shown(c.ToolName())
	case have.Has(input.Prompt):
		return "prompt " + shown(c.Request.Prompt)
	default:
		return shown(c.Method) // a resource's URI may carry secrets
	}
}

// shown makes a name that the caller sent fit for a message.
func shown(name string) string {
	if name == "" {
		return `""`
	}
	if len(name) > maxShown {
		name = strings.ToValidUTF8(name[:maxShown], "") + "…"
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

// withPlace adds "file:line" to a label, where it is known.
func withPlace(label, at string) string {
	if at == "" {
		return label
	}
	return label + " (" + at + ")"
}
