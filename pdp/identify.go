package pdp

import (
	"bytes"
	"slices"

	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/decision"
)

// identify finds out who asks. Without a demand for a token the call speaks
// as the workload.
func (c *call) identify() *decision.Reason {
	c.principal = &decision.Principal{Agent: c.req.Caller.Agent, Claims: map[string]any{}}
	demand := c.selection.Authentication(c.req.Surface)
	bearer := c.req.Caller.Bearer
	if demand.Mode == authz.None {
		return c.refuseForged(bearer)
	}
	if c.req.Surface == decision.LLM && !looksLikeJWT(bearer) {
		bearer = nil // the placeholder key of an SDK, or a provider's key: no issuer may see it
	}
	if len(bearer) == 0 {
		if demand.Mode == authz.Strict {
			return because(decision.CodeTokenMissing, "a token is required: send it as Authorization: Bearer")
		}
		return nil
	}
	if err := c.verify(bearer, demand); err != nil && demand.Mode != authz.Permissive {
		return reasonOf(err)
	}
	return nil
}

func (c *call) verify(bearer decision.Secret, demand authz.Authentication) error {
	t, err := c.state.believe(bearer, demand.Providers)
	if err != nil {
		return err
	}
	if err := meantFor(t, demand.Providers); err != nil {
		return err
	}
	c.principal.Subject, c.principal.Issuer, c.principal.Client = t.Subject, t.Issuer, t.Client
	c.principal.Claims, c.principal.Scopes = t.Claims, t.Scopes
	return nil
}

func (s *state) believe(bearer decision.Secret, providers []authz.Provider) (*token.Token, error) {
	if s.Opaque == nil || looksLikeJWT(bearer) {
		return s.Tokens.Verify(bearer)
	}
	var issuers []string
	for _, p := range providers {
		if !slices.Contains(issuers, p.Issuer) {
			issuers = append(issuers, p.Issuer)
		}
	}
	return s.Opaque.Introspect(bearer, issuers)
}

// meantFor reports whether a selected policy lists the token's issuer with an
// audience that the token is meant for.
func meantFor(t *token.Token, providers []authz.Provider) error {
	err := error(decision.Refuse(decision.CodeIssuerUnknown, "the token's issuer is not one that this agent's policies list"))
	for _, p := range providers {
		if p.Issuer != t.Issuer {
			continue
		}
		if err = t.For(p.Audiences); err == nil {
			return nil
		}
	}
	return err
}

// refuseForged looks at a token on a surface that asks for none: one of a
// listed issuer must still be good, any other credential is the placeholder
// of an SDK.
func (c *call) refuseForged(bearer decision.Secret) *decision.Reason {
	if !looksLikeJWT(bearer) || len(c.selection.Authentication(decision.MCP).Providers) == 0 {
		return nil
	}
	_, err := c.state.Tokens.Verify(bearer)
	if err == nil {
		return nil
	}
	reason := reasonOf(err)
	switch reason.Code {
	case decision.CodeIssuerUnknown, decision.CodeTokenMalformed:
		return nil
	default:
		return reason
	}
}

// looksLikeJWT reports whether b has the shape of a compact JWS: three parts,
// of which the first begins like an encoded JSON object.
func looksLikeJWT(b []byte) bool {
	return bytes.HasPrefix(b, []byte("eyJ")) && bytes.Count(b, []byte(".")) == 2
}
