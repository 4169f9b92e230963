package policytest

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"outrider.dev/outrider/authz/token"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// lifetime of the tokens, from the standing clock on.
const lifetime = time.Hour

// trusted is what the policies list of issuers: the audiences of each.
type trusted map[string][]string

func (s *Suite) trusted() trusted {
	out := trusted{}
	for i := range s.policies {
		for _, p := range s.policies[i].Doc.GetSpec().GetTraffic().GetJwtAuthentication().GetProviders() {
			for _, audience := range p.GetAudiences() {
				if !slices.Contains(out[p.GetIssuer()], audience) {
					out[p.GetIssuer()] = append(out[p.GetIssuer()], audience)
				}
			}
		}
	}
	return out
}

// issue signs a token for every principal, and makes the verifier that trusts
// the signature for the issuers that the policies list. Verification is the
// real one: claims are read, and audiences compared, as those of a call.
func (s *Suite) issue() error {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	s.key = private
	known := s.trusted()
	var providers []token.Provider
	for _, issuer := range slices.Sorted(maps.Keys(known)) {
		providers = append(providers, token.Provider{
			Issuer: issuer, Audiences: known[issuer], JWKS: token.Keys{Inline: keySet(public)},
		})
	}
	if s.tokens, err = token.New(token.Config{Providers: providers, Now: s.now}); err != nil {
		return fmt.Errorf("%s: %w", s.test.File, err)
	}
	s.bearers = map[string]string{}
	for i, p := range s.test.Doc.GetSpec().GetPrincipals() {
		claims, err := s.claims(fmt.Sprintf("spec.principals[%d]", i), p, known)
		if err != nil {
			return err
		}
		if s.bearers[p.GetName()], err = sign(s.key, claims); err != nil {
			return err
		}
	}
	return nil
}

// claims returns what the principal's token says; nil when it has none.
func (s *Suite) claims(path string, p *configv1.TestPrincipal, known trusted) (map[string]any, error) {
	if p.GetIssuer() == "" && p.GetSubject() == "" && len(p.GetAudiences())+len(p.GetScopes()) == 0 && p.GetClaims() == nil {
		return nil, nil
	}
	claims := p.GetClaims().AsMap()
	issuer, subject, audiences := p.GetIssuer(), p.GetSubject(), p.GetAudiences()
	switch issuers := slices.Collect(maps.Keys(known)); {
	case issuer != "":
	case len(issuers) == 1:
		issuer = issuers[0]
	case len(issuers) == 0:
		return nil, s.problem(path, "the principal has a token, and no policy under test believes any",
			"list its issuer under jwtAuthentication.providers of the policy, or give the principal a name only")
	default:
		return nil, s.problem(path, "issuer is missing, and the policies under test list several", "say which one")
	}
	if subject == "" {
		subject = p.GetName()
	}
	if len(audiences) == 0 {
		audiences = known[issuer]
	}
	if p.GetScopes() != nil {
		if _, twice := claims["scp"]; twice {
			return nil, s.problem(path, "scopes and claims.scp are given together", "keep one")
		}
		claims["scp"] = p.GetScopes()
	}
	claims["iss"], claims["sub"], claims["aud"] = issuer, subject, audiences
	claims["iat"], claims["exp"] = s.now().Unix(), s.now().Add(lifetime).Unix()
	return claims, nil
}

// sign returns claims as a compact JWS (RFC 7515); nothing for no claims.
func sign(key ed25519.PrivateKey, claims map[string]any) (string, error) {
	if claims == nil {
		return "", nil
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := part([]byte(`{"alg":"EdDSA","typ":"JWT","kid":"test"}`)) + "." + part(payload)
	return text + "." + part(ed25519.Sign(key, []byte(text))), nil
}

func part(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// keySet is the public key as RFC 7517 and RFC 8037 write it.
func keySet(key ed25519.PublicKey) []byte {
	return fmt.Appendf(nil, `{"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"test","x":%q}]}`, part(key))
}
