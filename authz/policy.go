package authz

import (
	"slices"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// Policy is one compiled policy.
type Policy struct {
	Name    string
	Version string
	Index   int  // its place among the sources
	Observe bool // evaluated and recorded, refuses nothing
	Cluster bool // the security team's layer: all policies listen to its issuers
	Doc     *configv1.AgentPolicy
	Unready string // why it refuses every call; empty: it does not

	selector *selector // nil: every agent
	auth     *authentication
	allows   ruleList
	denies   ruleList // of lists and calls
	waiting  ruleList // denies of calls that wait for the guards
	answers  ruleList // denies of answers
	document []*rule  // all of them, in the order of the document
	changes  ruleList // mutations
	models   []glob
	modelsAt string
	module   *module // nil: none
}

// stages says what rules wait for.
type stages struct {
	routed  bool                      // some rule is about a provider
	waiting bool                      // some deny of a call waits for the guards
	answers map[decision.Surface]bool // some deny is about answers there
}

// stages finds what the policy's rules wait for.
func (p *Policy) stages() stages {
	out := stages{answers: map[decision.Surface]bool{}}
	for _, list := range []ruleList{p.allows, p.denies} {
		out.routed = out.routed || slices.ContainsFunc(list.rules, func(r *rule) bool { return r.stage() == input.Routed })
	}
	out.waiting = len(p.waiting.rules) > 0
	for _, s := range []decision.Surface{decision.MCP, decision.LLM} {
		out.answers[s] = slices.ContainsFunc(p.answers.rules, func(r *rule) bool { return onSurface(r.roots, s) })
	}
	if p.module != nil {
		out.routed = out.routed || p.module.AllowStage() == input.Routed || p.module.DenyStage() == input.Routed
		out.waiting = out.waiting || p.module.DenyStage() == input.Guarded
	}
	return out
}

// add adds what another policy's rules wait for.
func (s *stages) add(of stages) {
	s.routed, s.waiting = s.routed || of.routed, s.waiting || of.waiting
	for surface, some := range of.answers {
		s.answers[surface] = s.answers[surface] || some
	}
}

// hasAllowList reports whether the policy lists what may pass on the surface.
func (p *Policy) hasAllowList(s decision.Surface) bool {
	for _, r := range p.allows.rules {
		if onSurface(r.roots, s) {
			return true
		}
	}
	return p.module.hasAllow(s)
}

// onSurface reports whether calls of the surface can have the roots.
func onSurface(r input.Roots, s decision.Surface) bool {
	if s == decision.LLM {
		return r.OnLLM()
	}
	return r.OnMCP()
}

// sees reports whether the policy itself believes the principal's token on
// the surface: it lists the issuer there and, where the token names its
// audiences, one of them. Another policy may have let in a token that this
// one never asked for.
func (p *Policy) sees(who *decision.Principal, s decision.Surface) bool {
	if p.auth == nil || !p.auth.on(s) {
		return false
	}
	for _, provider := range p.auth.providers {
		if provider.Issuer == who.Issuer && meant(who.Claims["aud"], provider.Audiences) {
			return true
		}
	}
	return false
}

// meant reports whether a token's aud, a string or a list (RFC 7519), names
// one of the audiences.
func meant(aud any, audiences []string) bool {
	switch aud := aud.(type) {
	case string:
		return len(audiences) == 0 || slices.Contains(audiences, aud)
	case []any:
		return len(audiences) == 0 || slices.ContainsFunc(aud, func(a any) bool {
			s, ok := a.(string)
			return ok && slices.Contains(audiences, s)
		})
	default:
		return true // nothing to check: who verified the token vouches for it
	}
}
