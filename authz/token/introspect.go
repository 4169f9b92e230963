package token

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"outrider.dev/outrider/decision"
)

// Bounds of introspection.
const (
	maxAnswer    = 64 << 10
	maxQuestions = 32 // to one issuer at a time
	// maxRefused is how long an inactive token is refused without asking
	// again, where the cache duration is not shorter.
	maxRefused = 5 * time.Second
)

// introspector asks one issuer about its tokens (RFC 7662).
type introspector struct {
	Introspection
	id      fingerprint // of the endpoint and of who asks
	issuer  string
	proof   *asserter // nil: a secret
	http    *http.Client
	log     *slog.Logger
	slots   chan struct{}
	flights singleflight.Group

	mu     sync.Mutex
	logged time.Time
}

func newIntrospector(p Provider, base *http.Client, log *slog.Logger) *introspector {
	c := *base
	c.Timeout = maxWait
	// A redirect would carry the token and the secret elsewhere.
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	i := &introspector{
		Introspection: *p.Introspection, issuer: p.Issuer, http: &c, log: log,
		id:    sha256.Sum256(fmt.Appendf(nil, "introspection|%q|%q|%q", p.Issuer, p.Introspection.URL, p.Introspection.ClientID)),
		slots: make(chan struct{}, maxQuestions),
	}
	if a := p.Introspection.Assertion; a != nil {
		i.proof = &asserter{Assertion: *a, client: i.ClientID}
	}
	return i
}

// Introspect returns what the issuers say of a token that is no JWT. Only those
// of the list are asked that are configured for it, in order, until one knows
// the token: nobody else learns it. Without any it is the same as Verify.
func (v *Verifier) Introspect(bearer decision.Secret, issuers []string) (*Token, error) {
	var refusal error
	for _, name := range issuers {
		iss := v.issuers[name]
		if iss == nil || iss.introspection == nil {
			continue
		}
		t, err := v.ask(iss, bearer)
		if !elsewhere(err) {
			return t, err
		}
		if refusal == nil || errors.Is(err, errUnanswered) {
			refusal = err
		}
	}
	if refusal == nil {
		return v.Verify(bearer)
	}
	return nil, refusal
}

// errInactive and errUnanswered leave open whether another issuer knows the
// token.
var (
	errInactive = decision.Refuse(decision.CodeTokenInactive,
		"the issuer says that the token is not active: it has ended, was revoked, or is none of its own; get a new one")
	errUnanswered = decision.Refuse(decision.CodeIssuerUnavailable,
		"the token's issuer cannot be asked about it: try again shortly; the decision service's log says why")
)

func elsewhere(err error) bool {
	return errors.Is(err, errInactive) || errors.Is(err, errUnanswered)
}

// ask returns what the issuer says of the token, now or a short time ago.
func (v *Verifier) ask(iss *issuer, bearer decision.Secret) (*Token, error) {
	if !opaque(bearer) {
		return nil, malformed("it has characters that no bearer token has, or more than %d", maxToken)
	}
	at := v.seen.placeAsked(bearer, &iss.introspection.id)
	r, _ := v.recall(at)
	if r == nil {
		got, err, _ := iss.introspection.flights.Do(string(at[:]), func() (any, error) {
			r, err := iss.introspection.find(bearer)
			if err == nil {
				v.seen.Set(at, r)
			}
			return r, err
		})
		if err != nil {
			return nil, err
		}
		r = got.(*remembered)
	}
	if err := iss.admit(r, v.now()); err != nil {
		return nil, err
	}
	return r.token, nil
}

// find asks the issuer. Its error is errUnanswered; a refusal is an answer.
func (i *introspector) find(bearer decision.Secret) (*remembered, error) {
	claims, size, err := i.post(bearer)
	if err != nil {
		i.complain(err)
		return nil, errUnanswered
	}
	active, ok := claims["active"].(bool)
	if !ok {
		i.complain(errors.New(`the answer has no "active" that is true or false`))
		return nil, errUnanswered
	}
	r := &remembered{issuer: i.issuer, by: i.id, weight: weigh(size), until: time.Now().Add(i.CacheDuration)}
	if active {
		r.refusal = i.accept(r, claims)
	} else {
		r.refusal = errInactive
	}
	if r.refusal != nil {
		r.until = time.Now().Add(min(i.CacheDuration, maxRefused))
	}
	return r, nil
}

// accept reads the claims of an active token.
func (i *introspector) accept(r *remembered, claims map[string]any) error {
	named, err := text(claims, "iss")
	if err != nil {
		return malformed("%s", err)
	}
	if named != "" && named != i.issuer {
		return decision.Refuse(decision.CodeIssuerUnknown, "the token was issued by another issuer than the one that was asked about it: set issuer to what its answers say")
	}
	claims["iss"] = i.issuer
	// Issuers answer for refresh tokens as well; those are no access tokens.
	kind, err := text(claims, "token_type")
	if strings.EqualFold(kind, "DPoP") {
		return errBound
	}
	if err != nil || kind != "" && !strings.EqualFold(kind, "Bearer") {
		return malformed("its token_type says that it is no bearer token")
	}
	return r.read(claims)
}

// opaque reports whether b can be a bearer token (RFC 6750 §2.1).
func opaque(b []byte) bool {
	body := strings.TrimRight(string(b), "=")
	if body == "" || len(b) > maxToken {
		return false
	}
	for _, c := range []byte(body) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && strings.IndexByte("-._~+/", c) < 0 {
			return false
		}
	}
	return true
}
