// Package token says who is asking: it verifies the JWT that came with a call
// against the keys of the issuers that policy lists, and asks those issuers
// about tokens that are no JWT.
//
// It is the first step of a decision in the PDP. The decision service imports
// it; the data plane never does, because a sidecar must not link a JWT library.
//
// A [Verifier] accepts RS256, PS256, ES256 (and their 384 and 512 forms) and
// Ed25519 (also named EdDSA), with keys that come from the configuration only: whatever a token's
// header offers (jku, x5u, jwk, x5c) is ignored. Each refusal is a
// [decision.Error] with its own code, and everything that a stranger can make
// it do is bounded: the size and depth of a token, how often an unknown key id
// may cause a fetch, how long a call waits for one, how much is remembered.
package token
