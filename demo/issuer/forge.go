package issuer

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// Forgery is a way in which a token must not be believed. Everything else
// about a forged token is as it should be.
type Forgery int

// The forgeries.
const (
	Expired       Forgery = iota // ended ten minutes ago
	OtherAudience                // meant for another service
	OtherIssuer                  // signed by, and naming, another issuer
	StrangerKey                  // names this issuer and its key, signed with another key
	Unsigned                     // alg none
	HMAC                         // HS256 with this issuer's public key as the secret
	Bound                        // good, but bound to a key that nobody proves
)

// Forge returns a forged token of the client that claims the scopes.
func (i *Issuer) Forge(f Forgery, clientID string, scopes ...string) (string, error) {
	token, err := i.claims(f, clientID, scopes)
	if err != nil {
		return "", fmt.Errorf("forge a token: %w", err)
	}
	option, err := i.signature(f)
	if err != nil {
		return "", fmt.Errorf("forge a signature: %w", err)
	}
	signed, err := jwt.Sign(token, option)
	if err != nil {
		return "", fmt.Errorf("sign a forged token: %w", err)
	}
	return string(signed), nil
}

func (i *Issuer) claims(f Forgery, clientID string, scopes []string) (jwt.Token, error) {
	issuer, audience, expires, builder := i.URL, Audience, time.Now().Add(lifetime), jwt.NewBuilder()
	switch f {
	case Expired:
		expires = time.Now().Add(-10 * time.Minute)
	case OtherAudience:
		audience = "api://billing"
	case OtherIssuer:
		issuer = "https://issuer.example.com/oauth2/default"
	case Bound:
		builder.Claim("cnf", map[string]string{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"})
	case StrangerKey, Unsigned, HMAC: // their claims are good
	}
	return builder.
		Issuer(issuer).
		Audience([]string{audience}).
		Subject(clientID).
		IssuedAt(expires.Add(-lifetime)).
		Expiration(expires).
		JwtID(rand.Text()).
		Claim("cid", clientID).
		Claim("scp", scopes).
		Build()
}

func (i *Issuer) signature(f Forgery) (jwt.SignOption, error) {
	switch f {
	case Unsigned:
		return jwt.WithInsecureNoSignature(), nil
	case HMAC:
		der, err := x509.MarshalPKIXPublicKey(&i.key.PublicKey)
		if err != nil {
			return nil, err
		}
		return signWith(jwa.HS256(), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	case OtherIssuer, StrangerKey:
		other, err := rsa.GenerateKey(rand.Reader, keyBits)
		if err != nil {
			return nil, err
		}
		return signWith(jwa.RS256(), other)
	case Expired, OtherAudience, Bound: // their signatures are good
	}
	return signWith(jwa.RS256(), i.key)
}

// signWith names our key in the header, whatever key signs.
func signWith(alg jwa.SignatureAlgorithm, raw any) (jwt.SignOption, error) {
	key, err := jwk.Import(raw)
	if err != nil {
		return nil, err
	}
	if err := key.Set(jwk.KeyIDKey, keyID); err != nil {
		return nil, err
	}
	return jwt.WithKey(alg, key), nil
}
