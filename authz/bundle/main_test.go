package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/open-policy-agent/opa/v1/bundle"
	"go.uber.org/goleak"

	"outrider.dev/outrider/decision"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const rule = "package outrider\n\nallow if input.llm.model in data.models\n"

// content is what tests put into a bundle, as OPA's own tools would.
type content struct {
	modules  map[string]string
	data     map[string]any
	roots    []string
	revision string
	delta    bool
}

func usual() content {
	return content{
		modules:  map[string]string{"/outrider/main.rego": rule},
		data:     map[string]any{"models": []any{"a-1"}},
		revision: "r1",
	}
}

// pack writes an archive, signed where there is a signer.
func pack(t testing.TB, c content, by *signer) []byte {
	t.Helper()
	b := bundle.Bundle{Manifest: bundle.Manifest{Revision: c.revision}, Data: c.data}
	b.Manifest.Init()
	if c.roots != nil {
		b.Manifest.Roots = &c.roots
	}
	if c.delta {
		b = bundle.Bundle{Manifest: b.Manifest, Patch: bundle.Patch{Data: []bundle.PatchOperation{{Op: "upsert", Path: "/models", Value: "x"}}}}
	}
	for name, text := range c.modules {
		b.Modules = append(b.Modules, bundle.ModuleFile{URL: name, Path: name, Raw: []byte(text)})
	}
	if by != nil {
		if err := b.GenerateSignature(by.config(t), by.keyID, false); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := bundle.NewWriter(&out).DisableFormat(true).Write(b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// signer signs as `opa sign` does.
type signer struct {
	private, algorithm string
	keyID, scope       string
	issued             int64 // iat; 0: none
	verify             Signature
}

func (s *signer) config(t testing.TB) *bundle.SigningConfig {
	t.Helper()
	claims := ""
	if s.scope != "" || s.issued != 0 {
		claims = filepath.Join(t.TempDir(), "claims.json")
		says := map[string]any{"scope": s.scope}
		if s.issued != 0 {
			says["iat"] = s.issued
		}
		raw, _ := json.Marshal(says)
		if err := os.WriteFile(claims, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return bundle.NewSigningConfig(s.private, s.algorithm, claims)
}

// newSigner returns a signer with a key of its own.
func newSigner(t testing.TB) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	s := &signer{
		private:   string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		algorithm: "ES256",
	}
	read, err := PublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), "ES256")
	if err != nil {
		t.Fatal(err)
	}
	s.verify = Signature{Key: read, Algorithm: "ES256"}
	return s
}

// sharing returns a signer with a shared secret.
func sharing(secret string) *signer {
	return &signer{
		private: secret, algorithm: "HS256",
		verify: Signature{Algorithm: "HS256", Key: func() (decision.Secret, error) { return decision.Secret(secret), nil }},
	}
}

// entry is one entry of an archive that no tool would write.
type entry struct {
	name, text string
	kind       byte // 0: a file
}

// tarred writes an archive entry by entry.
func tarred(t testing.TB, entries ...entry) []byte {
	t.Helper()
	raw, err := tarOf(entries...)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func tarOf(entries ...entry) ([]byte, error) {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	archive := tar.NewWriter(zip)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Mode: 0o600}
		if e.kind == 0 {
			h.Typeflag, h.Size = tar.TypeReg, int64(len(e.text))
		} else {
			h.Linkname = "x"
		}
		if err := archive.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := archive.Write([]byte(e.text)); err != nil {
			return nil, err
		}
	}
	err := errors.Join(archive.Close(), zip.Close())
	return out.Bytes(), err
}
