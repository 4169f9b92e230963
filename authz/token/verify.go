package token

import (
	"time"

	"outrider.dev/outrider/decision"
)

// issuer is one issuer with what all policies together accept of it.
type issuer struct {
	name          string
	audiences     []string
	leeway        time.Duration
	notBefore     time.Time // zero: tokens of any age
	jwks          Keys
	keys          *source       // nil: its tokens are introspected, JWTs too
	introspection *introspector // nil: it issues JWTs only
}

// Verify returns what the token says, or a [*decision.Error] with the reason
// for refusing it. It waits up to maxWait where the issuer must be asked.
func (v *Verifier) Verify(bearer decision.Secret) (*Token, error) {
	if len(bearer) == 0 {
		return nil, decision.Refuse(decision.CodeTokenMissing, "no token came with the call: send it as Authorization: Bearer")
	}
	at := v.seen.place(bearer)
	if r, iss := v.recall(at); r != nil {
		err := iss.admit(r, v.now())
		if err == nil {
			return r.token, nil
		}
		v.seen.Invalidate(at)
		return nil, err
	}
	p, err := parse(bearer)
	if err != nil {
		return nil, err
	}
	iss, ok := v.issuers[p.issuer]
	if !ok {
		return nil, decision.Refuse(decision.CodeIssuerUnknown,
			"the token's issuer is not one that the policy lists: list its exact iss under jwtAuthentication.providers, or get a token from a listed issuer")
	}
	if iss.keys == nil {
		return v.ask(iss, bearer)
	}
	r, err := iss.verify(p, len(bearer), v.now())
	if err != nil {
		v.seen.Invalidate(at) // its key was withdrawn
		return nil, err
	}
	v.seen.Set(at, r)
	return r.token, nil
}

// recall returns what is remembered of a token, if its issuer would still say
// so today.
func (v *Verifier) recall(at place) (*remembered, *issuer) {
	r, ok := v.seen.GetIfPresent(at)
	if !ok {
		return nil, nil
	}
	iss := v.issuers[r.issuer]
	if iss == nil || !iss.vouches(r) {
		return nil, nil
	}
	return r, iss
}

// vouches reports whether the key or the answer that a remembered token rests
// on still counts.
func (i *issuer) vouches(r *remembered) bool {
	if r.introspected() {
		return i.introspection != nil && i.introspection.id == r.by && time.Now().Before(r.until)
	}
	if i.keys == nil {
		return false
	}
	set := i.keys.current()
	return set != nil && set.has(r.by)
}

// verify checks a token that was not seen before.
func (i *issuer) verify(p *parsed, size int, now time.Time) (*remembered, error) {
	if !accepted(p.algorithm) {
		return nil, decision.Refuse(decision.CodeTokenAlgorithm,
			"the token's algorithm is not accepted: sign with RS256, PS256, ES256 (or their 384 and 512 forms), EdDSA or Ed25519")
	}
	r := &remembered{issuer: i.name, weight: weigh(size)}
	var err error
	if r.by, err = i.signer(p); err != nil {
		return nil, err
	}
	if err := r.read(p.claims); err != nil {
		return nil, err
	}
	if r.token.Expires.IsZero() {
		return nil, malformed("it has no exp: ask the issuer for tokens that expire")
	}
	return r, i.admit(r, now)
}

// signer verifies the signature. Where that fails, the issuer may have changed
// its keys, under an old name too, so they are fetched once more if it is not
// too soon.
func (i *issuer) signer(p *parsed) (fingerprint, error) {
	set := i.keys.current()
	if set == nil {
		i.keys.refetch()
	} else if id, err := set.verify(p); err == nil || !i.keys.refetch() {
		return id, err
	}
	if set = i.keys.current(); set == nil {
		return fingerprint{}, decision.Refuse(decision.CodeIssuerUnavailable,
			"the keys of the token's issuer cannot be fetched yet: try again shortly; the decision service's readiness page and log say why")
	}
	return set.verify(p)
}

// admit checks what can change between two uses of one token: the time, and
// what the policies accept.
func (i *issuer) admit(r *remembered, now time.Time) error {
	if r.refusal != nil {
		return r.refusal
	}
	if exp := r.token.Expires; !exp.IsZero() && !now.Before(exp.Add(i.leeway)) {
		return decision.Refuse(decision.CodeTokenExpired, "the token has expired: get a new one")
	}
	if now.Add(i.leeway).Before(r.start) {
		return decision.Refuse(decision.CodeTokenNotYetValid, "the token is not valid yet: wait, or compare this machine's clock with the issuer's")
	}
	if r.issued.Before(i.notBefore) {
		return decision.Refuse(decision.CodeTokenRevoked, "the token was issued before the notBefore of its issuer, or does not say when: get a new one")
	}
	return r.token.For(i.audiences)
}
