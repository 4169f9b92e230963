package token

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws/jwsbb"

	"outrider.dev/outrider/decision"
)

// Assertion is how a client proves itself by a private key (RFC 7523 §2.2).
type Assertion struct {
	Key      func() (decision.Secret, error) // PEM or a JWK; called for each question, so that a key may change
	KeyID    string                          // empty: that of the JWK, if it has one
	Audience string                          // empty: the introspection endpoint
}

// assertionType is what a form calls an assertion (RFC 7523 §2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertionAge is how long an assertion counts: one question, and the difference
// of two clocks.
const assertionAge = time.Minute

// asserter signs the assertions of one client.
type asserter struct {
	Assertion
	client string

	mu  sync.Mutex
	raw decision.Secret // that the key was read from
	key *signingKey
}

// sign returns an assertion that counts from now on.
func (a *asserter) sign(now time.Time) (string, error) {
	key, err := a.current()
	if err != nil {
		return "", err
	}
	header := map[string]any{"alg": key.algorithm, "typ": "JWT"}
	if key.id != "" {
		header["kid"] = key.id
	}
	claims := map[string]any{
		"iss": a.client, "sub": a.client, "aud": a.Audience, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(assertionAge).Unix(),
	}
	signed, err := joined(header, claims)
	if err != nil {
		return "", err
	}
	signature, err := jwsbb.Sign(key.private, key.algorithm, []byte(signed), rand.Reader)
	if err != nil {
		return "", errors.New("the private key cannot sign")
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// joined is what of a JWT is signed.
func joined(header, claims map[string]any) (string, error) {
	var out []byte
	for _, part := range []map[string]any{header, claims} {
		raw, err := json.Marshal(part)
		if err != nil {
			return "", errors.New("the assertion cannot be written: clientID, keyID and audience must be UTF-8")
		}
		if out != nil {
			out = append(out, '.')
		}
		out = base64.RawURLEncoding.AppendEncode(out, raw)
	}
	return string(out), nil
}

// current returns the key as it stands now.
func (a *asserter) current() (*signingKey, error) {
	raw, err := a.Key()
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.key != nil && bytes.Equal(raw, a.raw) {
		return a.key, nil
	}
	key, err := readSigningKey(raw)
	if err != nil {
		return nil, err
	}
	if a.KeyID != "" {
		key.id = a.KeyID
	}
	a.raw, a.key = bytes.Clone(raw), key
	return key, nil
}

// signingKey is a private key with how it signs.
type signingKey struct {
	private       crypto.Signer
	algorithm, id string
}

// readSigningKey reads a PEM key or a JWK. Its errors hold nothing of the key.
func readSigningKey(raw []byte) (*signingKey, error) {
	k, private, named := &signingKey{}, any(nil), ""
	if block, _ := pem.Decode(raw); block != nil {
		private = pemKey(block)
	} else if j, err := jwk.ParseKey(bytes.TrimSpace(raw)); err == nil && jwk.Export(j, &private) == nil {
		k.id, _ = j.KeyID()
		if alg, given := j.Algorithm(); given {
			named = canonical(alg.String())
		}
	}
	if private == nil {
		return nil, errors.New("the private key cannot be read: give one key as PEM (PKCS #8, PKCS #1 or SEC 1) without a password, or as a JWK")
	}
	var ok bool
	if k.private, ok = private.(crypto.Signer); !ok {
		return nil, errors.New("the key is no private key that signs: give the private key of the client, not its public one or a secret")
	}
	usable := algorithms(k.private.Public())
	if len(usable) == 0 {
		return nil, fmt.Errorf("the private key is of a kind that is not used here: give RSA of %d to %d bits, P-256, P-384, P-521 or Ed25519", minRSABits, maxRSABits)
	}
	if k.algorithm = cmp.Or(named, usable[0]); !slices.Contains(usable, k.algorithm) {
		return nil, errors.New("the alg of the JWK does not fit its key: remove it, or export the key anew")
	}
	return k, nil
}

// pemKey returns the key in a block, nil where there is none that can be read.
func pemKey(block *pem.Block) any {
	for _, parse := range []func([]byte) (any, error){
		x509.ParsePKCS8PrivateKey,
		func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) },
		func(der []byte) (any, error) { return x509.ParseECPrivateKey(der) },
		x509.ParsePKIXPublicKey, // a public key by mistake is told from no key
	} {
		if key, err := parse(block.Bytes); err == nil {
			return key
		}
	}
	return nil
}
