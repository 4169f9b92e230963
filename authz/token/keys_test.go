package token

import (
	"crypto"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadKeysLeavesOut(t *testing.T) {
	short := must(rsa.GenerateKey(rand.Reader, 1024))
	x25519 := must(ecdh.X25519().GenerateKey(rand.Reader))
	offCurve := jwkOf(signers()["p256"], nil)
	offCurve["y"] = base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	rsaKey := signers()["rsa"]
	for name, entry := range map[string]object{
		"encryption key":       jwkOf(rsaKey, object{"use": "enc"}),
		"RSA-OAEP key":         jwkOf(rsaKey, object{"alg": "RSA-OAEP"}),
		"unknown use":          jwkOf(rsaKey, object{"use": "tls"}),
		"other key operations": jwkOf(rsaKey, object{"key_ops": []string{"encrypt"}}),
		"private key":          keyObject(rsaKey, nil),
		"short RSA key":        jwkOf(rsaKey, object{"n": base64.RawURLEncoding.EncodeToString(short.N.Bytes())}),
		"secret":               {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"},
		"key agreement":        keyObject(x25519.PublicKey(), nil),
		"point off the curve":  offCurve,
		"HMAC on an RSA key":   jwkOf(rsaKey, object{"alg": "HS256"}),
		"other type's alg":     jwkOf(rsaKey, object{"alg": "ES256"}),
		"even exponent":        jwkOf(rsaKey, object{"e": "Ag"}),
		"unknown type":         {"kty": "PQC", "x": "AA"},
		"no type":              {"n": "AQAB"},
	} {
		t.Run(name, func(t *testing.T) {
			if set, err := readKeys(jwksOf(entry)); err == nil {
				t.Errorf("taken for %v", set.keys[0].algorithms)
			}
			set, err := readKeys(jwksOf(entry, jwkOf(signers()["ed"], object{"kid": "ed"})))
			if err != nil || len(set.keys) != 1 || set.keys[0].kid != "ed" {
				t.Errorf("beside a good key: %+v, %v", set, err)
			}
		})
	}
}

func TestReadKeysAlgorithms(t *testing.T) {
	rsaAll := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	for name, want := range map[string][]string{
		"rsa": rsaAll, "p256": {"ES256"}, "p384": {"ES384"}, "p521": {"ES512"}, "ed": {"EdDSA"},
	} {
		set := must(readKeys(jwksOf(jwkOf(signers()[name], object{"use": "sig", "key_ops": []string{"verify"}}))))
		if diff := cmp.Diff(want, set.keys[0].algorithms); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		for _, alg := range want {
			if !accepted(alg) {
				t.Errorf("%s is not accepted", alg)
			}
		}
	}
	set := must(readKeys(jwksOf(jwkOf(signers()["rsa"], object{"alg": "PS384"}))))
	if diff := cmp.Diff([]string{"PS384"}, set.keys[0].algorithms); diff != "" {
		t.Errorf("declared algorithm (-want +got):\n%s", diff)
	}
	for _, alg := range []string{"EdDSA", "Ed25519"} { // RFC 9864 names the same by its curve
		set := must(readKeys(jwksOf(jwkOf(signers()["ed"], object{"alg": alg}))))
		if diff := cmp.Diff([]string{"EdDSA"}, set.keys[0].algorithms); diff != "" {
			t.Errorf("a key declared for %s (-want +got):\n%s", alg, diff)
		}
	}
	if set, err := readKeys(jwksOf(jwkOf(signers()["ed"], object{"alg": "Ed448"}))); err == nil {
		t.Errorf("a key declared for Ed448: %v", set.keys[0].algorithms)
	}
}

func TestReadKeysRefuses(t *testing.T) {
	many := make([]object, maxKeys+1)
	for i := range many {
		many[i] = jwkOf(signers()["ed"], object{"kid": fmt.Sprint(i)})
	}
	one := string(setOf("rsa"))
	for name, raw := range map[string]string{
		"empty": "", "text": "hello", "a list": "[]", "no keys": "{}", "keys is null": `{"keys":null}`, "keys is an object": `{"keys":{}}`,
		"a single key": one[len(`{"keys":[`) : len(one)-2], "trailer": one + one, "other case": strings.Replace(one, "keys", "Keys", 1),
		"duplicate keys": `{"keys":[],` + one[1:], "too many": string(jwksOf(many...)),
	} {
		if _, err := readKeys([]byte(raw)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := readKeys(jwksOf(many[:maxKeys]...)); err != nil {
		t.Errorf("%d keys: %v", maxKeys, err)
	}
}

func TestFingerprintTellsKeysApart(t *testing.T) {
	seen := map[fingerprint]string{}
	for name, signer := range signers() {
		for _, members := range []object{nil, {"kid": "a"}, {"kid": "b"}} {
			id := must(readKeys(jwksOf(jwkOf(signer, members)))).keys[0].id
			what := fmt.Sprint(name, members)
			if other, ok := seen[id]; ok {
				t.Errorf("%s and %s have one fingerprint", what, other)
			}
			seen[id] = what
			if again := must(readKeys(jwksOf(jwkOf(signer, members)))).keys[0].id; again != id {
				t.Errorf("%s has two fingerprints", what)
			}
		}
	}
	plain := must(readKeys(jwksOf(jwkOf(signers()["rsa"], nil)))).keys[0].id
	narrow := must(readKeys(jwksOf(jwkOf(signers()["rsa"], object{"alg": "RS256"})))).keys[0].id
	if plain == narrow {
		t.Error("the algorithm does not count")
	}
}

func TestNamedPrefersTheName(t *testing.T) {
	set := must(readKeys(jwksOf(
		jwkOf(signers()["rsa"], object{"kid": "a"}), jwkOf(signers()["p256"], object{"kid": "a"}), jwkOf(signers()["ed"], nil))))
	for kid, want := range map[string]int{"": 3, "a": 2, "b": 1} {
		if got := len(set.named(kid)); got != want {
			t.Errorf("kid %q: %d keys, want %d", kid, got, want)
		}
	}
}

// FuzzReadKeys: whatever an issuer answers, no key comes out that could verify
// with an algorithm outside the list.
func FuzzReadKeys(f *testing.F) {
	f.Add(allKeys())
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		set, err := readKeys(raw)
		if err != nil {
			return
		}
		for _, k := range set.keys {
			if _, ok := k.public.(crypto.Signer); ok {
				t.Errorf("a private key was kept: %T", k.public)
			}
			for _, alg := range k.algorithms {
				if !accepted(alg) {
					t.Errorf("algorithm %q", alg)
				}
			}
		}
	})
}
