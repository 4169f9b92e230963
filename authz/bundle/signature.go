package bundle

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/bundle"

	"outrider.dev/outrider/decision"
)

// minRSABits is as for tokens.
const minRSABits = 2048

// Signature is what a bundle must be signed with.
type Signature struct {
	// Key returns the signer's public key as PEM or, where the algorithm's name
	// begins with HS, the shared secret. See [PublicKey].
	Key       func() (decision.Secret, error)
	Algorithm string // such as RS256, whatever the bundle says
	KeyID     string // that the bundle must name; empty: any
	Scope     string // that the bundle must name; empty: none
}

// verification is the signature as the library wants it. With a key id of the
// policy the bundle's own choice must meet it; else there is but one key.
func (s *Signature) verification() (*bundle.VerificationConfig, error) {
	key, err := s.Key()
	if err != nil {
		return nil, fmt.Errorf("the key of the bundle's signature: %w", err)
	}
	if bits, shared := s.shared(); shared && len(key) < bits/8 {
		return nil, fmt.Errorf("the secret of the bundle's signature is too short: %s needs %d bytes", s.Algorithm, bits/8)
	}
	keys := func(id string) map[string]*bundle.KeyConfig {
		return map[string]*bundle.KeyConfig{id: {Key: string(key), Algorithm: s.Algorithm, Scope: s.Scope}}
	}
	if s.KeyID != "" {
		return bundle.NewVerificationConfig(keys(s.KeyID), "", s.Scope, nil), nil
	}
	const only = "key"
	return bundle.NewVerificationConfig(keys(only), only, s.Scope, nil), nil
}

// signed is when a signature says that it was issued, zero where it does not.
// It is verified by now, which takes exactly one token.
func signed(tokens []string) time.Time {
	if len(tokens) != 1 {
		return time.Time{}
	}
	parts := strings.Split(tokens[0], ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var says bundle.DecodedSignature
	if err != nil || json.Unmarshal(payload, &says) != nil || says.IssuedAt <= 0 {
		return time.Time{}
	}
	return time.Unix(says.IssuedAt, 0)
}

// shared tells of an algorithm with a shared secret how many bits it has.
func (s *Signature) shared() (bits int, is bool) {
	if len(s.Algorithm) != len("HS256") || s.Algorithm[:2] != "HS" {
		return 0, false
	}
	bits, err := strconv.Atoi(s.Algorithm[2:])
	return bits, err == nil
}

// PublicKey checks a PEM public key or certificate for an algorithm and
// returns it as the Key of a [Signature].
func PublicKey(raw []byte, algorithm string) (func() (decision.Secret, error), error) {
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, errors.New("it is not PEM: give what begins with -----BEGIN PUBLIC KEY-----")
	}
	key, err := parseKey(block)
	if err != nil {
		return nil, err
	}
	if err := fits(key, algorithm); err != nil {
		return nil, err
	}
	return func() (decision.Secret, error) { return raw, nil }, nil
}

func parseKey(block *pem.Block) (any, error) {
	var key any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = c.PublicKey
		}
	default: // a private key here could sign, too
		return nil, errors.New("it is neither a public key nor a certificate: give the signer's public key")
	}
	if err != nil {
		return nil, errors.New("it is no public key that can be read: export it anew")
	}
	return key, nil
}

// fits reports what keeps a key from verifying an algorithm's signatures.
func fits(key any, algorithm string) error {
	kind := ""
	switch k := key.(type) {
	case *rsa.PublicKey:
		if kind = "RSA"; k.N.BitLen() < minRSABits {
			return fmt.Errorf("the RSA key has %d bits: use %d or more", k.N.BitLen(), minRSABits)
		}
	case *ecdsa.PublicKey: // the algorithm fixes the curve (RFC 7518 §3.4)
		kind = map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[k.Curve.Params().BitSize]
	}
	wants := map[string]string{"RS": "RSA", "PS": "RSA", "ES": algorithm}[algorithm[:min(2, len(algorithm))]]
	if kind == "" || kind != wants {
		return fmt.Errorf("it does not fit the algorithm %s: name the algorithm that bundles are signed with", algorithm)
	}
	return nil
}
