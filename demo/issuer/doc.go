// Package issuer is the demo's stand-in for an OIDC issuer: a real OpenID
// provider with discovery, a key set and client_credentials tokens, signed
// RS256, that carry an `scp` array and a `cid` as Okta's do. It also forges the
// tokens that must be refused.
//
// Only package demo and tests import it.
package issuer
