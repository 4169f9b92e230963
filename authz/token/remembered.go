package token

import (
	"time"
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

// read fills in what the claims say. The claims are believed by now.
func (r *remembered) read(claims map[string]any) error {
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
