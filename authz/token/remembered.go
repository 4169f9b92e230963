package token

import (
	"time"

	"outrider.dev/outrider/decision"
)

// remembered is what was found out about a token once, with what a later call
// must check again. The token itself is not kept.
type remembered struct {
	token   *Token
	refusal error // of an introspection; then there is no token
	issuer  string
	issued  time.Time // zero: the token does not say
	start   time.Time // the later of nbf and iat
	by      fingerprint
	until   time.Time // of an introspection: when its answer is asked for again
	weight  uint32
}

// introspected tells a token that its issuer was asked about from one that a
// key verified.
func (r *remembered) introspected() bool { return !r.until.IsZero() }

func weigh(size int) uint32 {
	return uint32(max(minWeight, size)) //nolint:gosec // at most maxAnswer
}

// errBound refuses to take a token for a bearer's that counts only beside a
// proof of a key: a certificate's (RFC 8705) or one that signs requests (RFC 9449).
var errBound = decision.Refuse(decision.CodeTokenBound,
	"the token is bound to a key by its cnf, and no proof of the key reaches the decision service: ask the issuer for a bearer token, without DPoP or a client certificate")

// read fills in what the claims say. The claims are believed by now.
func (r *remembered) read(claims map[string]any) error {
	if claims["cnf"] != nil { // whatever its method: nothing here sees a proof of it
		return errBound
	}
	t := &Token{Issuer: r.issuer, Claims: claims, Client: clientOf(claims)}
	if err := r.readTimes(t, claims); err != nil {
		return malformed("%s", err)
	}
	var err error
	if t.Audiences, err = texts(claims, "aud", single); err != nil {
		return malformed("%s", err)
	}
	if t.Subject, err = text(claims, "sub"); err != nil {
		return malformed("%s", err)
	}
	if t.Subject == "" {
		t.Subject = t.Client
	}
	if t.Scopes, err = scopes(claims); err != nil {
		return malformed("%s", err)
	}
	r.token = t
	return nil
}

func (r *remembered) readTimes(t *Token, claims map[string]any) (err error) {
	if t.Expires, err = instant(claims, "exp"); err != nil {
		return err
	}
	if r.issued, err = instant(claims, "iat"); err != nil {
		return err
	}
	if r.start, err = instant(claims, "nbf"); err != nil {
		return err
	}
	if r.issued.After(r.start) {
		r.start = r.issued
	}
	return nil
}
