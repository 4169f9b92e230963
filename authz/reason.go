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

// refuse is a refusal by the policy.
func refuse(p *Policy, r decision.Reason) Outcome {
	return Outcome{Reason: r, Policy: p.Name, Version: p.Version, Rule: r.Rule}
}

// refuseDenied is a deny that holds, in the policy's own words if it has any.
// Messages name the rule without its place: agents read them, and where the
// policy lies is no business of theirs.
func (j *judging) refuseDenied(p *Policy, label, at, message string) Outcome {
	if message == "" {
		message = label + " denies " + j.subject()
	}
	return refuse(p, decision.Reason{Code: decision.CodeDeniedByRule, Message: message, Rule: withPlace(label, at)})
}

// refuseBroken is a deny that cannot be evaluated.
func refuseBroken(p *Policy, label, at, missing string) Outcome {
	message := "deny rule " + label + " cannot be evaluated: " + missing
	return refuse(p, decision.Reason{Code: decision.CodeRuleError, Message: message, Rule: withPlace(label, at)})
}

// refuseModel is a model that is not on the policy's list.
func (j *judging) refuseModel(p *Policy) Outcome {
	rule := withPlace("backend.llm.models", p.modelsAt)
	return refuse(p, decision.Reason{Code: decision.CodeModelNotAllowed, Message: "model " + shown(j.call.Request.LLM.Model) + " is not allowed", Rule: rule})
}

// refuseSurface refuses a call to a surface where nobody allows anything.
func refuseSurface(p *Policy) Outcome {
	return refuse(p, decision.Reason{Code: decision.CodeNotAllowed, Message: "no policy of this agent allows anything over MCP"})
}

// refuseUnlisted is a call that nothing on the policy's allow list allows.
func (j *judging) refuseUnlisted(p *Policy) Outcome {
	who := "a caller without scopes"
	if scopes := j.view(p).Principal.Scopes; len(scopes) > 0 {
		who = "scopes [" + shown(strings.Join(scopes, " ")) + "]"
	}
	return refuse(p, decision.Reason{
		Code:         decision.CodeNotAllowed,
		Message:      "no rule allows " + j.subject() + " for " + who,
		NeededScopes: j.neededScopes(p),
	})
}

// neededScopes returns the scopes of which each alone would have satisfied the
// policy's allow list. Only expressions that ask for a scope by name are tried.
func (j *judging) neededScopes(p *Policy) []string {
	if j.call.ArgsUnknown || p.auth == nil || !p.auth.on(j.surface) {
		return nil
	}
	var out []string
	view := j.view(p)
	for _, r := range p.allows {
		if r.when == nil {
			continue
		}
		for _, scope := range r.when.ScopeTests() {
			if !slices.Contains(out, scope) && r.eval(view.WithScope(scope)).Truth == cel.True {
				out = append(out, scope)
			}
		}
	}
	return out
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
