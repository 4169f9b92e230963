package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/authz/rego"
	"outrider.dev/outrider/decision"
)

// compiled is what a bundle's policy comes to.
func compiled(b *Bundle) (*rego.Module, error) {
	return rego.Compile(rego.Sources{Files: b.Modules, Bundle: b.Data}, nil)
}

func allows(t *testing.T, b *Bundle, model string) bool {
	t.Helper()
	m, err := compiled(b)
	if err != nil {
		t.Fatal(err)
	}
	ok, err := m.Allow(input.New(&decision.Request{Surface: decision.LLM, LLM: decision.LLMCall{Model: model}}, nil))
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestRead(t *testing.T) {
	raw := pack(t, usual(), nil)
	b, err := Read(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []rego.File{{Name: "bundle:outrider/main.rego", Text: rule, Bundled: true}}
	if !reflect.DeepEqual(b.Modules, want) || !reflect.DeepEqual(b.Data, map[string]any{"models": []any{"a-1"}}) || b.Revision != "r1" {
		t.Errorf("got %+v", b)
	}
	if !allows(t, b, "a-1") || allows(t, b, "b-1") {
		t.Error("the module decides otherwise")
	}
	other := usual()
	other.revision = "r2"
	if again, err := Read(pack(t, other, nil), nil); err != nil || again.Digest == b.Digest {
		t.Errorf("another bundle has the same digest, %v", err)
	}
}

// TestSignatures: a bundle passes only as it was signed, by whom the policy
// names, and a signature that nobody asks for is no decoration.
func TestSignatures(t *testing.T) {
	own, other, secret := newSigner(t), newSigner(t), sharing(strings.Repeat("s", 32))
	named := *own
	named.keyID, named.scope = "release", "write"
	expecting := func(keyID, scope string) *Signature {
		s := own.verify
		s.KeyID, s.Scope = keyID, scope
		return &s
	}
	for _, tc := range []struct {
		name string
		by   *signer
		want *Signature
		err  string
	}{
		{"unsigned, none asked", nil, nil, ""},
		{"signed", own, &own.verify, ""},
		{"a shared secret", secret, &secret.verify, ""},
		{"unsigned", nil, &own.verify, "is not signed, and the policy asks for a signature"},
		{"signed, none asked", own, nil, "is signed, and the policy does not say by whom"},
		{"by somebody else", other, &own.verify, "failed to verify JWT signature"},
		{"another secret", secret, &sharing(strings.Repeat("x", 32)).verify, "failed to verify JWT signature"},
		{"key id and scope", &named, expecting("release", "write"), ""},
		{"any key id", &named, expecting("", "write"), ""},
		{"another key id", &named, expecting("nightly", "write"), "verification key corresponding to ID release not found"},
		{"another scope", &named, expecting("release", "read"), "scope mismatch"},
		{"a scope that none asked for", &named, expecting("release", ""), "scope mismatch"},
		{"no key id", own, expecting("release", ""), "verification key ID is empty"},
	} {
		_, err := Read(pack(t, usual(), tc.by), tc.want)
		if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: got %v, want %q", tc.name, err, tc.err)
		}
	}
}

// TestTampered: whatever is changed, added or taken out after signing is seen.
func TestTampered(t *testing.T) {
	own := newSigner(t)
	good := unpack(t, pack(t, usual(), own))
	change := func(f func(map[string]string)) []byte {
		files := map[string]string{}
		for name, text := range good {
			files[name] = text
		}
		f(files)
		var entries []entry
		for name, text := range files {
			entries = append(entries, entry{name: name, text: text})
		}
		return tarred(t, entries...)
	}
	if _, err := Read(change(func(map[string]string) {}), &own.verify); err != nil {
		t.Fatalf("nothing was changed: %v", err)
	}
	for what, f := range map[string]func(map[string]string){
		"a module": func(m map[string]string) {
			m["/outrider/main.rego"] = strings.Replace(rule, "allow if", "allow := true #", 1)
		},
		"data":              func(m map[string]string) { m["/data.json"] = `{"models":["b-1"]}` },
		"the manifest":      func(m map[string]string) { m["/.manifest"] = `{"revision":"r9","roots":[""]}` },
		"a module more":     func(m map[string]string) { m["/more.rego"] = "package outrider\nallow := true" },
		"a module less":     func(m map[string]string) { delete(m, "/outrider/main.rego") },
		"no signatures":     func(m map[string]string) { delete(m, "/.signatures.json") },
		"empty signatures":  func(m map[string]string) { m["/.signatures.json"] = `{"signatures":[]}` },
		"a plugin":          func(m map[string]string) { m["/.signatures.json"] = `{"signatures":["x"],"plugin":"x"}` },
		"second signatures": func(m map[string]string) { m["/sub/.signatures.json"] = m["/.signatures.json"] },
	} {
		if b, err := Read(change(f), &own.verify); err == nil {
			t.Errorf("%s changed: got %+v", what, b)
		}
	}
}

// unpack reads the files of an archive.
func unpack(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for archive := tar.NewReader(zip); ; {
		h, err := archive.Next()
		if err != nil {
			return out
		}
		var text bytes.Buffer
		if _, err := text.ReadFrom(archive); err != nil {
			t.Fatal(err)
		}
		out[h.Name] = text.String()
	}
}

func TestRefusedArchives(t *testing.T) {
	good := pack(t, usual(), nil)
	wrongRoots, delta := usual(), usual()
	wrongRoots.roots = []string{"acme"}
	delta.delta = true
	many := make([]entry, maxEntries+1)
	for i := range many {
		many[i].name = fmt.Sprintf("%d.txt", i)
	}
	big := strings.Repeat("\x00", maxUnpacked/2+1)
	for _, tc := range []struct {
		name string
		raw  []byte
		err  string
	}{
		{"nothing", nil, "is no gzipped archive"},
		{"a page", []byte("<html>"), "is no gzipped archive"},
		{"truncated", good[:len(good)/2], "is damaged or ends too early"},
		{"without its checksum", good[:len(good)-4], "is damaged or ends too early"},
		{"a byte changed", append(bytes.Clone(good[:len(good)-8]), []byte("12345678")...), "is damaged or ends too early"},
		{"too large", make([]byte, MaxBytes+1), "is larger than 8388608 bytes"},
		{"unpacks too large", tarred(t, entry{name: "a.txt", text: big}, entry{name: "b.txt", text: big}), "holds more than 33554432 bytes"},
		{"too many files", tarred(t, many...), "holds more than 4096 files"},
		{"a link", tarred(t, entry{name: "a.rego", kind: tar.TypeSymlink}), "holds a link or a device"},
		{"a hard link", tarred(t, entry{name: "a.rego", kind: tar.TypeLink}), "holds a link or a device"},
		{"one name twice", tarred(t, entry{name: "/a.rego", text: rule}, entry{name: "b/../a.rego", text: rule}), "holds a.rego twice"},
		{"a name with a line break", tarred(t, entry{name: "a\n.rego", text: rule}), "not printable"},
		{"a name without end", tarred(t, entry{name: strings.Repeat("a", maxName+1), text: rule}), "too long"},
		{"other roots", pack(t, wrongRoots, nil), "manifest roots [acme] do not permit"},
		{"a patch", pack(t, delta, nil), "is a patch of another one"},
		{"compiled", tarred(t, entry{name: "policy.wasm", text: "\x00asm"}), "holds compiled policies"},
		{"a plan", tarred(t, entry{name: "plan.json", text: "{}"}), "holds compiled policies"},
		{"no Rego", tarred(t, entry{name: "a.rego", text: "package outrider\nallow if {"}), "a.rego:2"},
		{"no JSON", tarred(t, entry{name: "data.json", text: "{"}), "the bundle cannot be used"},
	} {
		if b, err := Read(tc.raw, nil); err == nil || !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: got %v, %v, want %q", tc.name, b, err, tc.err)
		}
	}
}

// What a bundle reads without harm may still be no policy: rules below the name
// of another's data, or data in the place of the rules.
func TestDataIsNoRule(t *testing.T) {
	c := usual()
	c.modules = map[string]string{"/a.rego": "package acme\nallow := true"}
	c.data = map[string]any{"outrider": map[string]any{"allow": true}}
	b, err := Read(pack(t, c, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compiled(b); err == nil {
		t.Error("data stands for a rule")
	}
}

func TestPublicKey(t *testing.T) {
	block := func(kind string, raw []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}) }
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	own := newSigner(t)
	curve, _ := own.verify.Key()
	for _, tc := range []struct {
		name, algorithm string
		raw             []byte
		err             string
	}{
		{"RSA", "RS256", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&large.PublicKey)), ""},
		{"RSA for PSS", "PS512", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&large.PublicKey)), ""},
		{"a small one", "RS256", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&small.PublicKey)), "has 1024 bits: use 2048 or more"},
		{"a curve for RSA", "RS256", curve, "does not fit the algorithm RS256"},
		{"another curve", "ES384", curve, "does not fit the algorithm ES384"},
		{"a public key for a secret", "HS256", curve, "does not fit the algorithm HS256"},
		{"a private key", "RS256", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(large)), "neither a public key nor a certificate"},
		{"another private key", "ES256", []byte(own.private), "neither a public key nor a certificate"},
		{"damaged", "RS256", block("PUBLIC KEY", []byte("x")), "no public key that can be read"},
		{"no PEM", "RS256", []byte("secret"), "is not PEM"},
	} {
		if _, err := PublicKey(tc.raw, tc.algorithm); (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: got %v, want %q", tc.name, err, tc.err)
		}
	}
}

func TestSecretsAreLongAndReadAnew(t *testing.T) {
	short := sharing("short")
	raw := pack(t, usual(), short)
	if _, err := Read(raw, &short.verify); err == nil || !strings.Contains(err.Error(), "HS256 needs 32 bytes") {
		t.Errorf("got %v", err)
	}
	away := Signature{Algorithm: "HS256", Key: func() (decision.Secret, error) { return nil, errors.New("key file: gone") }}
	if _, err := Read(raw, &away); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("got %v", err)
	}
}

func TestRevisionIsBounded(t *testing.T) {
	c := usual()
	c.revision = strings.Repeat("é", 100)
	b, err := Read(pack(t, c, nil), nil)
	if err != nil || len(b.Revision) > 90 || !strings.HasSuffix(b.Revision, "é…") {
		t.Errorf("got %q, %v", b.Revision, err)
	}
}

// FuzzRead: no archive makes the reader panic, and what it takes is signed, of
// files with names of their own, and within the bounds.
func FuzzRead(f *testing.F) {
	own := newSigner(f)
	for _, seed := range [][4]string{
		{"main.rego", rule, "data.json", `{"models": ["a-1"]}`},
		{".manifest", `{"revision": "r1", "roots": ["outrider"]}`, "a.rego", rule},
		{".signatures.json", `{"signatures": ["a.b.c"]}`, "a.rego", rule},
		{".manifest", `{"rego_version": 0}`, "a.rego", "package outrider\nallow { true }"},
		{"data.yaml", "a: [1, {b: c}]", "x/data.json", `{"outrider": 1}`},
		{"patch.json", `{"data": [{"op": "upsert", "path": "/a", "value": 1}]}`, "policy.wasm", "\x00asm"},
		{"a/../data.json", `{}`, "/data.json", `{}`},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, name1, text1, name2, text2 string) {
		raw, err := tarOf(entry{name: name1, text: text1}, entry{name: name2, text: text2})
		if err != nil {
			return // no archive can have such names
		}
		if b, err := Read(raw, &own.verify); err == nil {
			t.Fatalf("taken without a signature: %+v", b)
		}
		b, err := Read(raw, nil)
		if err != nil {
			return
		}
		for i, m := range b.Modules {
			if !m.Bundled || i > 0 && m.Name == b.Modules[0].Name {
				t.Fatalf("modules %+v", b.Modules)
			}
		}
		_, _ = compiled(b)
	})
}

// FuzzArchive: no bytes make the reader panic.
func FuzzArchive(f *testing.F) {
	good := pack(f, usual(), nil)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(_ *testing.T, raw []byte) { _, _ = Read(raw, nil) })
}

// TestFollows: of signatures that tell their time none may be older than that
// of the bundle in use.
func TestFollows(t *testing.T) {
	by, now := newSigner(t), time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)
	signedAt := func(at time.Time) *Bundle {
		by.issued = 0
		if !at.IsZero() {
			by.issued = at.Unix()
		}
		b, err := Read(pack(t, usual(), by), &by.verify)
		if err != nil {
			t.Fatal(err)
		}
		if !b.Signed.Equal(at) {
			t.Fatalf("signed at %s, read %s", at, b.Signed)
		}
		return b
	}
	never, early, late := signedAt(time.Time{}), signedAt(now.Add(-time.Hour)), signedAt(now)
	for _, tt := range []struct {
		b, used *Bundle
		want    string // of the error; empty: it is taken
	}{
		{never, nil, ""},
		{never, never, ""},
		{early, nil, ""},
		{early, never, ""},
		{late, early, ""},
		{late, late, ""},
		{early, late, "signed at 2026-01-01T11:00:00Z, before the one in use (2026-01-01T12:00:00Z)"},
		{never, early, "does not tell its time"},
		{signedAt(now.Add(maxAhead)), late, ""},
		{signedAt(now.Add(maxAhead + time.Second)), late, "is to come"},
		{signedAt(now.Add(maxAhead + time.Second)), nil, "is to come"},
	} {
		err := tt.b.Follows(tt.used, now)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s after %v: %v", tt.b.Signed, tt.used, err)
		}
	}
	if b, err := Read(pack(t, usual(), nil), nil); err != nil || !b.Signed.IsZero() {
		t.Errorf("unsigned: %v, %v", b, err)
	}
}

func TestSigned(t *testing.T) {
	token := func(payload string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".x"
	}
	for _, tt := range []struct {
		tokens []string
		want   int64 // 0: not said
	}{
		{nil, 0},
		{[]string{token(`{"iat":5}`)}, 5},
		{[]string{token(`{"iat":5,"files":[],"scope":"x"}`)}, 5},
		{[]string{token(`{"iat":5}`), token(`{"iat":5}`)}, 0}, // which one?
		{[]string{token(`{}`)}, 0},
		{[]string{token(`{"iat":"5"}`)}, 0},
		{[]string{token(`{"iat":-5}`)}, 0},
		{[]string{token(`{"iat":1.5}`)}, 0},
		{[]string{"x.y"}, 0},
		{[]string{"x.!.z"}, 0},
	} {
		got := signed(tt.tokens)
		if got.IsZero() != (tt.want == 0) || tt.want != 0 && got.Unix() != tt.want {
			t.Errorf("%v: %s", tt.tokens, got)
		}
	}
}
