package issuer

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// storage is what the provider asks: the clients, and the key. The flows that
// need a person or a refresh token are refused by unsupported.
type storage struct {
	unsupported
	key     *rsa.PrivateKey
	clients map[string]Client
}

var (
	_ op.Storage                  = (*storage)(nil)
	_ op.ClientCredentialsStorage = (*storage)(nil)
)

func newStorage(key *rsa.PrivateKey, clients []Client) *storage {
	s := &storage{key: key, clients: make(map[string]Client, len(clients))}
	for _, c := range clients {
		s.clients[c.ID] = c
	}
	return s
}

// ClientCredentials answers who asks for a token.
func (s *storage) ClientCredentials(_ context.Context, id, secret string) (op.Client, error) {
	c, ok := s.clients[id]
	if !ok || subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) != 1 {
		return nil, oidc.ErrInvalidClient().WithDescription("unknown client or wrong secret")
	}
	return client{c}, nil
}

// ClientCredentialsTokenRequest grants the scopes asked for, or all that the
// client may have when it asks for none.
func (s *storage) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	c := s.clients[id]
	scopes = slices.DeleteFunc(scopes, func(scope string) bool { return scope == "" }) // as `scope=` parses
	if len(scopes) == 0 {
		scopes = c.Scopes
	}
	for _, scope := range scopes {
		if !slices.Contains(c.Scopes, scope) {
			return nil, oidc.ErrInvalidScope().WithDescription("client %s may not ask for scope %s", id, scope)
		}
	}
	return tokenRequest{subject: id, scopes: scopes}, nil
}

// CreateAccessToken names a token and says when it ends.
func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return rand.Text(), time.Now().Add(lifetime), nil
}

// GetPrivateClaimsFromScopes adds what Okta's tokens carry beside the standard claims.
func (s *storage) GetPrivateClaimsFromScopes(_ context.Context, _, clientID string, scopes []string) (map[string]any, error) {
	return map[string]any{"cid": clientID, "scp": scopes}, nil
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return signingKey{s.key}, nil }

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) { return []op.Key{publicKey{s.key}}, nil }

func (s *storage) Health(context.Context) error { return nil }

type tokenRequest struct {
	subject string
	scopes  []string
}

func (r tokenRequest) GetSubject() string    { return r.subject }
func (r tokenRequest) GetAudience() []string { return []string{Audience} }
func (r tokenRequest) GetScopes() []string   { return r.scopes }

type signingKey struct{ key *rsa.PrivateKey }

func (k signingKey) ID() string                                  { return keyID }
func (k signingKey) Key() any                                    { return k.key }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

type publicKey struct{ key *rsa.PrivateKey }

func (k publicKey) ID() string                         { return keyID }
func (k publicKey) Key() any                           { return &k.key.PublicKey }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
