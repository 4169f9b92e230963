package issuer

import (
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// client is a Client as the provider sees it: confidential, without a browser,
// and with JWTs as access tokens.
type client struct{ Client }

func (c client) GetID() string                       { return c.ID }
func (c client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodBasic }
func (c client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}
func (c client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeJWT }
func (c client) RedirectURIs() []string               { return nil }
func (c client) PostLogoutRedirectURIs() []string     { return nil }
func (c client) ResponseTypes() []oidc.ResponseType   { return nil }
func (c client) LoginURL(string) string               { return "" }
func (c client) IDTokenLifetime() time.Duration       { return lifetime }
func (c client) DevMode() bool                        { return false }
func (c client) IsScopeAllowed(string) bool           { return true }
func (c client) IDTokenUserinfoClaimsAssertion() bool { return false }
func (c client) ClockSkew() time.Duration             { return 0 }

//nolint:revive // var-naming: the provider's interface names it so
func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return keepAll
}

func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return keepAll
}

func keepAll(scopes []string) []string { return scopes }
