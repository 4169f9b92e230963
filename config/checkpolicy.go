package config

import (
	"fmt"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// checkPolicy checks what takes more than one field, or more than a type. What
// stands in expressions is for those who compile them.
func (d *document) checkPolicy(p *configv1.AgentPolicy) {
	d.checkName("metadata.name", p.GetMetadata().GetName())
	spec := p.GetSpec()
	d.checkVariables(spec.GetVariables())
	d.checkMacros(spec.GetMacros())
	d.checkRego(spec.GetRegoModules())
	d.checkIssuers(spec.GetTraffic().GetJwtAuthentication().GetProviders())
	d.checkLimits(spec.GetTraffic().GetRateLimiting())
	d.checkGuards("spec.backend.mcp.guards", spec.GetBackend().GetMcp().GetGuards())
	d.checkGuards("spec.backend.llm.guards", spec.GetBackend().GetLlm().GetGuards())
	seen := map[string]string{}
	for i, r := range spec.GetRules() {
		path := fmt.Sprintf("spec.rules[%d].name", i)
		d.checkName(path, r.GetName())
		d.unique(seen, path, r.GetName())
	}
	d.checkMutations(spec.GetMutations())
}

// checkMutations checks what mutations are called, and that clamps bound.
func (d *document) checkMutations(mutations []*configv1.Mutation) {
	seen := map[string]string{}
	for i, m := range mutations {
		path := fmt.Sprintf("spec.mutations[%d]", i)
		d.checkName(path+".name", m.GetName())
		d.unique(seen, path+".name", m.GetName())
		if c := m.GetClamp(); c != nil && !d.has(path+".clamp.min") && !d.has(path+".clamp.max") {
			d.fail(path+".clamp", path+".clamp has neither min nor max", "give one of them")
		} else if c != nil && c.Min != nil && c.Max != nil && c.GetMin() > c.GetMax() {
			d.fail(path+".clamp", path+".clamp: min is above max", "no number is within these bounds: mend one of them")
		}
	}
}

// checkVariables holds the names of variables to what can stand behind a dot.
func (d *document) checkVariables(variables []*configv1.Variable) {
	seen := map[string]string{}
	for i, v := range variables {
		path := fmt.Sprintf("spec.variables[%d].name", i)
		d.checkIdentifier(path, v.GetName())
		d.unique(seen, path, v.GetName())
	}
}

// checkMacros holds the names of macros and their parameters to what can stand
// in an expression.
func (d *document) checkMacros(macros []*configv1.Macro) {
	seen := map[string]string{}
	for i, m := range macros {
		path := fmt.Sprintf("spec.macros[%d]", i)
		d.checkIdentifier(path+".name", m.GetName())
		d.unique(seen, path+".name", m.GetName())
		params := map[string]string{}
		for j, p := range m.GetParams() {
			at := fmt.Sprintf("%s.params[%d]", path, j)
			d.checkIdentifier(at, p)
			d.unique(params, at, p)
		}
	}
}

func (d *document) checkIdentifier(path, name string) {
	if name != "" && (digits(name[:1]) || !only(name, variableCharacter)) {
		d.fail(path, fmt.Sprintf("%s: %s is not an identifier", path, quoted(name)), "use letters, digits and '_', and no digit first")
	}
}

// checkLimits refuses two limits of one kind for the same party: whichever is
// meant, the other would surprise.
func (d *document) checkLimits(limits []*configv1.RateLimit) {
	type key struct {
		provider, per string
		tokens        bool
	}
	seen := map[key]string{}
	for i, l := range limits {
		for j, one := range l.GetLimits() {
			if one.GetRequestsPerMinute() == 0 && one.GetTokensPerMinute() == 0 {
				continue
			}
			k := key{l.GetMatch().GetProvider(), l.GetPer(), one.GetTokensPerMinute() > 0}
			path := fmt.Sprintf("spec.traffic.rateLimiting[%d].limits[%d]", i, j)
			if first, twice := seen[k]; twice {
				d.fail(path, fmt.Sprintf("%s: %s limits the same already", path, first), "keep one")
				continue
			}
			seen[k] = path
		}
	}
}

// checkGuards refuses what no guard can do.
func (d *document) checkGuards(path string, g *configv1.Guards) {
	for i, one := range g.GetResponse() {
		if one.GetAction() == "Tokenize" {
			d.fail(fmt.Sprintf("%s.response[%d].action", path, i), path+": an answer is not tokenized, since nothing would bring the values back",
				"use Redact, Mask or Hash; or Tokenize in the request")
		}
	}
	phases := []struct {
		name   string
		guards []*configv1.Guard
	}{{"request", g.GetRequest()}, {"response", g.GetResponse()}}
	for _, phase := range phases {
		for i, one := range phase.guards {
			d.checkGuardName(fmt.Sprintf("%s.%s[%d]", path, phase.name, i), one)
			if at := fmt.Sprintf("%s.%s[%d].minConfidence", path, phase.name, i); one.GetMinConfidence() < 0 || one.GetMinConfidence() > 1 {
				d.fail(at, at+" is not between 0 and 1", "give a number such as 0.8")
			}
		}
	}
}
