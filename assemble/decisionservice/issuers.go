package decisionservice

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/pdp/route"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// keyReader makes what reads a key of where the configuration says it is.
type keyReader func(owner string, src *configv1.KeySource) (func() (decision.Secret, error), error)

// unread is the keyReader of a check, which needs no keys.
func unread(string, *configv1.KeySource) (func() (decision.Secret, error), error) {
	return func() (decision.Secret, error) { return nil, nil }, nil
}

// issuerKeys read what proves us to the issuers that are asked.
type issuerKeys struct {
	secret, private keyReader
}

// readIssuerKeys are those of a start, and uncheckedIssuerKeys those of a check.
func readIssuerKeys() issuerKeys      { return issuerKeys{secret: route.Key, private: route.Text} }
func uncheckedIssuerKeys() issuerKeys { return issuerKeys{secret: unread, private: unread} }

// verifier believes the issuers of all policies together; which of them a
// policy listens to is the rules' business. What still counts is taken over from
// the verifier before, which may be nil.
func verifier(list []config.Policy, log *slog.Logger, keys issuerKeys, before *token.Verifier) (*token.Verifier, error) {
	var providers []token.Provider
	for i := range list {
		for _, p := range list[i].Doc.GetSpec().GetTraffic().GetJwtAuthentication().GetProviders() {
			one, err := provider(p, keys)
			if err != nil {
				return nil, err
			}
			providers = append(providers, one)
		}
	}
	v, err := token.New(token.Config{Providers: providers, Previous: before, Log: log})
	if err != nil {
		return nil, fmt.Errorf("jwtAuthentication: %w", err)
	}
	return v, nil
}

func provider(p *configv1.JWTProvider, keys issuerKeys) (token.Provider, error) {
	out := token.Provider{Issuer: p.GetIssuer(), Audiences: p.GetAudiences(), JWKS: keySet(p)}
	if written := p.GetNotBefore(); written != "" {
		at, err := time.Parse(time.RFC3339, written)
		if err != nil {
			return out, fmt.Errorf("issuer %q: notBefore is not a time: write it as 2026-01-31T09:00:00Z", p.GetIssuer())
		}
		out.NotBefore = at
	}
	var err error
	out.Introspection, err = introspection(p, keys)
	return out, err
}

// introspection is how the issuer is asked, nil where it is not.
func introspection(p *configv1.JWTProvider, keys issuerKeys) (*token.Introspection, error) {
	i := p.GetIntrospection()
	if i == nil {
		return nil, nil
	}
	out := &token.Introspection{URL: i.GetUrl(), ClientID: i.GetClientId(), CacheDuration: i.GetCacheDuration().AsDuration()}
	owner := fmt.Sprintf("issuer %q, introspection.", p.GetIssuer())
	var err error
	if own := i.GetPrivateKeyJwt(); own != nil {
		out.Assertion = &token.Assertion{KeyID: own.GetKeyId(), Audience: own.GetAudience()}
		out.Assertion.Key, err = keys.private(owner+"privateKeyJWT.key", own.GetKey())
	} else {
		out.Secret, err = keys.secret(owner+"secret", i.GetSecret())
	}
	return out, err
}

func keySet(p *configv1.JWTProvider) token.Keys {
	j := p.GetJwks()
	out := token.Keys{
		URL:           j.GetRemote().GetUrl(),
		CacheDuration: j.GetRemote().GetCacheDuration().AsDuration(),
		Inline:        []byte(j.GetInline()),
		File:          j.GetFile(),
	}
	if found := j.GetDiscovery(); found != nil {
		out.Metadata = cmp.Or(found.GetUrl(), token.MetadataURL(p.GetIssuer()))
		out.CacheDuration = found.GetCacheDuration().AsDuration()
	}
	return out
}

// issuersNote is what readiness says of issuers that keep nobody from asking but
// whose tokens are refused. Of a service that is not ready the check names them.
func (s *Service) issuersNote() string {
	tokens := s.tokens.Load()
	if tokens.Ready() != nil {
		return ""
	}
	return tokens.Missing()
}
