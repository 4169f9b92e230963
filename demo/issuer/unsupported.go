package issuer

import (
	"context"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// unsupported refuses every flow but client_credentials. The issuer does not
// route to these flows either; the provider's interface asks for them.
type unsupported struct{}

func refused() *oidc.Error {
	return oidc.ErrUnsupportedGrantType().WithDescription("only client_credentials is served here")
}

func (unsupported) CreateAuthRequest(context.Context, *oidc.AuthRequest, string) (op.AuthRequest, error) {
	return nil, refused()
}

func (unsupported) AuthRequestByID(context.Context, string) (op.AuthRequest, error) {
	return nil, refused()
}

func (unsupported) AuthRequestByCode(context.Context, string) (op.AuthRequest, error) {
	return nil, refused()
}

func (unsupported) SaveAuthCode(context.Context, string, string) error { return refused() }

func (unsupported) DeleteAuthRequest(context.Context, string) error { return refused() }

func (unsupported) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (id, refresh string, expires time.Time, err error) {
	return "", "", time.Time{}, refused()
}

func (unsupported) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, refused()
}

func (unsupported) TerminateSession(context.Context, string, string) error { return refused() }

func (unsupported) RevokeToken(context.Context, string, string, string) *oidc.Error { return refused() }

func (unsupported) GetRefreshTokenInfo(context.Context, string, string) (user, token string, err error) {
	return "", "", refused()
}

func (unsupported) GetClientByClientID(context.Context, string) (op.Client, error) {
	return nil, refused()
}

func (unsupported) AuthorizeClientIDSecret(context.Context, string, string) error { return refused() }

func (unsupported) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return refused()
}

func (unsupported) SetUserinfoFromToken(context.Context, *oidc.UserInfo, string, string, string) error {
	return refused()
}

func (unsupported) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return refused()
}

func (unsupported) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, refused()
}

func (unsupported) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, refused()
}
