package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws/jwsbb"

	"outrider.dev/outrider/decision"
)

// Bounds of a key set.
const (
	maxKeys    = 100
	minRSABits = 2048
	maxRSABits = 8192 // verification time grows with the square
)

// fingerprint is a key with all that decides which tokens it verifies.
type fingerprint [sha256.Size]byte

// key is one public key that may verify tokens.
type key struct {
	id         fingerprint
	kid        string
	algorithms []string
	public     any
}

// keySet is what an issuer published at one time. It never changes.
type keySet struct {
	keys []key
}

// readKeys reads a JSON Web Key Set. Entries that cannot verify a token here
// (encryption keys, secrets, other curves) are left out; a set without any
// usable key is an error.
func readKeys(raw []byte) (*keySet, error) {
	var doc struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil || doc.Keys == nil {
		return nil, errors.New(`it is not a JSON Web Key Set, an object with a list "keys"`)
	}
	if len(doc.Keys) > maxKeys {
		return nil, fmt.Errorf("it has %d keys, more than %d", len(doc.Keys), maxKeys)
	}
	set := &keySet{}
	for _, entry := range doc.Keys {
		if k, ok := readKey(entry); ok {
			set.keys = append(set.keys, k)
		}
	}
	if len(set.keys) == 0 {
		return nil, fmt.Errorf("none of its %d keys can verify a signature (RSA of %d to %d bits, P-256, P-384, P-521 or Ed25519, with use sig or none)",
			len(doc.Keys), minRSABits, maxRSABits)
	}
	return set, nil
}

func readKey(raw []byte) (key, bool) {
	j, err := jwk.ParseKey(raw)
	if err != nil {
		return key{}, false
	}
	if use, ok := j.KeyUsage(); ok && use != string(jwk.ForSignature) {
		return key{}, false
	}
	if ops, ok := j.KeyOps(); ok && !slices.Contains(ops, jwk.KeyOpVerify) {
		return key{}, false
	}
	// A published private key is no secret any more: whoever reads it mints tokens.
	if private, err := jwk.IsPrivateKey(j); err != nil || private {
		return key{}, false
	}
	var k key
	if err := jwk.Export(j, &k.public); err != nil {
		return key{}, false
	}
	k.kid, _ = j.KeyID()
	k.algorithms = algorithms(k.public)
	if alg, ok := j.Algorithm(); ok {
		name := canonical(alg.String())
		k.algorithms = slices.DeleteFunc(k.algorithms, func(a string) bool { return a != name })
	}
	thumb, err := j.Thumbprint(crypto.SHA256)
	if err != nil || len(k.algorithms) == 0 {
		return key{}, false
	}
	k.id = sha256.Sum256(fmt.Appendf(thumb, "|%q|%q", k.kid, k.algorithms))
	return k, true
}

// algorithms tells what a key can verify, from its type alone. Symmetric keys
// have none, so HMAC has no way in.
func algorithms(public any) []string {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return nil
		}
		return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case *ecdsa.PublicKey:
		// The algorithm fixes the curve (RFC 7518 §3.4). ECDH tells whether the point is on it.
		if _, err := k.ECDH(); err != nil {
			return nil
		}
		switch k.Curve.Params().BitSize {
		case 256:
			return []string{"ES256"}
		case 384:
			return []string{"ES384"}
		case 521:
			return []string{"ES512"}
		}
		return nil
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	default:
		return nil
	}
}

// canonical gives an algorithm its one name here. RFC 9864 renames EdDSA by its
// curve; of the two there are, only keys of Ed25519 are read.
func canonical(algorithm string) string {
	if algorithm == "Ed25519" {
		return "EdDSA"
	}
	return algorithm
}

// accepted reports whether any key could ever verify the algorithm.
func accepted(algorithm string) bool {
	switch algorithm {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA":
		return true
	default:
		return false
	}
}

// has reports whether the issuer still publishes the key.
func (s *keySet) has(id fingerprint) bool {
	return slices.ContainsFunc(s.keys, func(k key) bool { return k.id == id })
}

// verify returns the key that signed the token.
func (s *keySet) verify(p *parsed) (fingerprint, error) {
	candidates := s.named(p.kid)
	if len(candidates) == 0 {
		return fingerprint{}, decision.Refuse(decision.CodeTokenKeyUnknown,
			"the token names a key that its issuer does not publish: get a new token")
	}
	fits := false
	for _, k := range candidates {
		if !slices.Contains(k.algorithms, p.algorithm) {
			continue
		}
		fits = true
		if jwsbb.Verify(k.public, p.algorithm, p.signed, p.signature) == nil {
			return k.id, nil
		}
	}
	if !fits {
		return fingerprint{}, decision.Refuse(decision.CodeTokenAlgorithm,
			"the token's algorithm does not fit the issuer's key: get a new token")
	}
	return fingerprint{}, decision.Refuse(decision.CodeTokenSignature,
		"the token's signature does not match its issuer's key: it was changed, or somebody else signed it")
}

// named returns the keys that a token with this kid may be signed with: those
// of the name, else those without one; without a kid, all.
func (s *keySet) named(kid string) []key {
	if kid == "" {
		return s.keys
	}
	var named, nameless []key
	for _, k := range s.keys {
		switch k.kid {
		case kid:
			named = append(named, k)
		case "":
			nameless = append(nameless, k)
		}
	}
	if len(named) > 0 {
		return named
	}
	return nameless
}
