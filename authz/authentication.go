package authz

import (
	"slices"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// Mode says what a policy demands of a token. A greater mode is stricter.
type Mode uint8

// Modes.
const (
	None       Mode = iota // no token is asked for: calls speak as the workload
	Permissive             // a bad token counts as absent
	Optional               // a token may be absent, a bad one is refused
	Strict                 // a valid token is required
)

// String names the mode as policies write it.
func (m Mode) String() string {
	return [...]string{"None", "Permissive", "Optional", "Strict"}[min(m, Strict)]
}

// Provider is an issuer as a policy lists it.
type Provider struct {
	Issuer    string
	Audiences []string
}

// Authentication is what the selected policies demand together.
type Authentication struct {
	Mode      Mode
	Providers []Provider // an issuer may stand here more than once
}

// authentication is what one policy demands.
type authentication struct {
	mode      Mode
	surfaces  []decision.Surface
	providers []Provider
}

func (a *authentication) on(s decision.Surface) bool { return slices.Contains(a.surfaces, s) }

// Authentication merges the demands of the selected enforcing policies for a
// surface: the strictest mode, and every issuer that one of them lists. It is
// only read.
func (s *Selection) Authentication(surface decision.Surface) *Authentication {
	if surface == decision.LLM {
		return &s.demands[1]
	}
	return &s.demands[0]
}

func (s *Selection) authentication(surface decision.Surface) Authentication {
	var out Authentication
	for _, p := range s.enforce {
		if p.auth == nil || !p.auth.on(surface) {
			continue
		}
		out.Mode = max(out.Mode, p.auth.mode)
		out.Providers = append(out.Providers, p.auth.providers...)
	}
	return out
}

// Proof is what a call on a surface must show where it has to be proven, even
// if no policy demands that: a valid token of an issuer that the policies list
// for the surface or, where they list none for it, for the other one.
func (s *Selection) Proof(surface decision.Surface) Authentication {
	own, theirs := &s.demands[0], &s.demands[1]
	if surface == decision.LLM {
		own, theirs = theirs, own
	}
	if len(own.Providers) == 0 {
		own = theirs
	}
	return Authentication{Mode: Strict, Providers: own.Providers}
}

// Trial is what one observing policy demands of a token.
type Trial struct {
	Policy, Version string
	Authentication
}

// Trials returns what each of the selected observing policies would demand on
// a surface by itself.
func (s *Selection) Trials(surface decision.Surface) []Trial {
	var out []Trial
	for _, p := range s.observe {
		if p.auth != nil && p.auth.on(surface) {
			out = append(out, Trial{p.Name, p.Version, Authentication{p.auth.mode, p.auth.providers}})
		}
	}
	return out
}

// authentication reads a policy's demands.
func (b *builder) authentication(doc *configv1.JWTAuthentication) *authentication {
	if doc == nil {
		return nil
	}
	const path = "spec.traffic.jwtAuthentication"
	a := &authentication{}
	switch doc.GetMode() {
	case "", "Strict":
		a.mode = Strict
	case "Optional":
		a.mode = Optional
	case "Permissive":
		a.mode = Permissive
	default:
		b.refuse(path+".mode", "the mode is unknown", "use Strict, Optional or Permissive")
	}
	for i, name := range doc.GetSurfaces() {
		switch name {
		case "MCP":
			a.surfaces = append(a.surfaces, decision.MCP)
		case "LLM":
			a.surfaces = append(a.surfaces, decision.LLM)
		default:
			b.refuse(index(path+".surfaces", i), "the surface is unknown", "use MCP or LLM")
		}
	}
	if len(doc.GetSurfaces()) == 0 {
		a.surfaces = []decision.Surface{decision.MCP}
	}
	for _, p := range doc.GetProviders() {
		a.providers = append(a.providers, Provider{Issuer: p.GetIssuer(), Audiences: p.GetAudiences()})
	}
	if len(a.providers) == 0 {
		b.refuse(path+".providers", "no issuer is listed", "list at least one, or remove jwtAuthentication")
	}
	return a
}
