package pdp

import (
	"bytes"
	"slices"
	"time"

	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/decision"
)

// identify finds out who asks. Without a demand for a token the call speaks
// as the workload. A gateway that several agents share is no workload: what
// comes through it must be proven by a token, whatever the policies demand,
// unless the agent showed the gateway a certificate.
func (c *call) identify() *decision.Reason {
	c.who = decision.Principal{Agent: c.req.Caller.Agent}
	c.principal, c.tried = &c.who, &c.who
	demand := c.selection.Authentication(c.req.Surface)
	if c.req.Caller.Shared && c.req.Caller.Identity == "" {
		proof := c.selection.Proof(c.req.Surface)
		demand = &proof
	}
	if demand.Mode == authz.None {
		return c.refuseForged(c.req.Caller.Bearer)
	}
	reason := c.satisfy(demand, c.principal)
	if c.req.Face.Forwards {
		c.verdict.Subject = c.principal.Subject
	}
	return reason
}

// tryToken finds out what the observing policies would say of the token. Whom
// it names counts for them only.
func (c *call) tryToken() *decision.Reason {
	for _, trial := range c.selection.Trials(c.req.Surface) {
		who := &decision.Principal{Agent: c.req.Caller.Agent}
		if reason := c.satisfy(&trial.Authentication, who); reason != nil {
			c.observed = append(c.observed, authz.Observation{Policy: trial.Policy, Version: trial.Version, Reason: *reason})
			continue
		}
		if c.tried.Issuer == "" {
			c.tried = who
		}
	}
	return nil
}

// satisfy judges the token by a demand and writes down whom it names.
func (c *call) satisfy(demand *authz.Authentication, who *decision.Principal) *decision.Reason {
	bearer := c.req.Caller.Bearer
	if c.req.Surface == decision.LLM && !looksLikeJWT(bearer) {
		bearer = nil // the placeholder key of an SDK, or a provider's key: no issuer may see it
	}
	if len(bearer) == 0 {
		if demand.Mode == authz.Strict {
			return because(decision.CodeTokenMissing, "a token is required: send it as Authorization: Bearer")
		}
		return nil
	}
	err := c.verify(demand, who)
	switch {
	case err == nil:
		return nil
	case demand.Mode == authz.Permissive:
		c.validUntil(c.req.Time) // it may be a good one a moment later
		return nil
	default:
		return reasonOf(err)
	}
}

func (c *call) verify(demand *authz.Authentication, who *decision.Principal) error {
	by := &c.req.Caller
	t, err := c.state.believe(by.Bearer, demand.Providers)
	if err != nil {
		return err
	}
	c.validUntil(t.Expires)
	if err := meantFor(t, demand.Providers); err != nil {
		return err
	}
	if by.Subject != "" && by.Subject != t.Subject {
		return decision.Refuse(decision.CodeSubjectMismatch, "the question names another subject than its token: send the token of that subject")
	}
	who.Subject, who.Issuer, who.Client = t.Subject, t.Issuer, t.Client
	who.Claims, who.Scopes = t.Claims, t.Scopes
	return nil
}

// validUntil notes when a token expires that the verdict depends on.
func (c *call) validUntil(end time.Time) {
	if !end.IsZero() && (c.until.IsZero() || end.Before(c.until)) {
		c.until = end
	}
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
	var err error
	for i := range providers {
		if providers[i].Issuer != t.Issuer {
			continue
		}
		if err = t.For(providers[i].Audiences); err == nil {
			return nil
		}
	}
	if err == nil {
		return decision.Refuse(decision.CodeIssuerUnknown, "the token's issuer is not one that this agent's policies list")
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
	t, err := c.state.Tokens.Verify(bearer)
	if err == nil {
		c.validUntil(t.Expires)
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
