package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// regoPolicy is a policy with this regoModules.
func regoPolicy(modules string) string {
	return head + "metadata: {name: p}\nspec:\n  regoModules: " + modules + "\n"
}

func fileNames(files []File) string {
	var out []string
	for _, f := range files {
		out = append(out, f.Name+"="+string(f.Raw))
	}
	return strings.Join(out, " ")
}

func TestRegoFiles(t *testing.T) {
	dir := put(t, map[string]string{
		"one.rego": "1", "data.json": "2", "lib/b.rego": "3", "lib/a.rego": "4", "lib/more.json": "5",
		"lib/a_test.rego": "6", "lib/.hidden.rego": "7", "lib/readme.md": "8", "lib/deeper/c.rego": "9",
	})
	for modules, want := range map[string][2]string{
		"{files: [one.rego, data.json]}":            {"one.rego=1", "data.json=2"},
		"{files: [lib/]}":                           {"lib/a.rego=4 lib/b.rego=3", "lib/more.json=5"},
		"{files: [lib/b.rego, ./lib, one.rego]}":    {"lib/b.rego=3 lib/a.rego=4 one.rego=1", "lib/more.json=5"},
		"{files: [lib/a_test.rego, lib/deeper]}":    {"lib/a_test.rego=6 lib/deeper/c.rego=9", ""},
		"{files: [" + dir + "/one.rego, one.rego]}": {dir + "/one.rego=1 one.rego=1", ""},
	} {
		file := filepath.Join(dir, "policy.yaml")
		if err := os.WriteFile(file, []byte(regoPolicy(modules)), 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, err := Files(file)
		if err != nil {
			t.Errorf("%s: %v", modules, err)
			continue
		}
		got := loaded.Policies[0].Rego
		if fileNames(got.Modules) != want[0] || fileNames(got.Data) != want[1] {
			t.Errorf("%s: got modules %s, data %s", modules, fileNames(got.Modules), fileNames(got.Data))
		}
	}
}

// TestRegoFilesRefused: what cannot be read is told at the entry that names it.
func TestRegoFilesRefused(t *testing.T) {
	for modules, want := range map[string]string{
		"{files: [absent.rego]}":      `5:25: spec.regoModules.files[0]: "absent.rego" cannot be read: no such file or directory; name a file`,
		"{files: [a.rego, notes.md]}": `spec.regoModules.files[1]: "notes.md" is neither a module nor data`,
		"{files: [empty]}":            `spec.regoModules.files[0]: "empty" holds no *.rego or *.json file`,
		"{files: [a.rego, ./a.rego]}": `spec.regoModules.files[1]: spec.regoModules.files[0] has the name already`,
		"{files: [large.json]}":       `spec.regoModules.files[0]: "large.json" cannot be read: it is too large, by itself or with the files before it`,
		"{files: [half.json, other]}": `spec.regoModules.files[1]: "other/half.json" cannot be read: it is too large, by itself or with the files before it`,
		"{files: [many]}":             `spec.regoModules.files: brings 257 files, more than 256`,
		"{files: [/dev/zero.rego]}":   `cannot be read`,
		"{}":                          `spec.regoModules names neither files nor a bundle`,
		"{files: [loop.rego]}":        `spec.regoModules.files[0]: "loop.rego" cannot be read`,
	} {
		files := map[string]string{
			"policy.yaml": regoPolicy(modules), "a.rego": "", "notes.md": "", "empty/readme": "", "half.json": "", "other/half.json": "",
			"large.json": "",
		}
		for i := range maxRegoFiles + 1 {
			files[filepath.Join("many", strings.Repeat("x", i%20)+string(rune('a'+i/20))+".rego")] = ""
		}
		dir := put(t, files)
		for name, size := range map[string]int64{"half.json": maxRegoBytes/2 + 1, "other/half.json": maxRegoBytes/2 + 1, "large.json": maxRegoBytes + 1} {
			if err := os.Truncate(filepath.Join(dir, name), size); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("loop.rego", filepath.Join(dir, "loop.rego")); err != nil {
			t.Fatal(err)
		}
		_, err := Files(filepath.Join(dir, "policy.yaml"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", modules, err, want)
		}
	}
}

// TestRegoVersion: the contents of files are part of what the policy is, and
// where it lies is not.
func TestRegoVersion(t *testing.T) {
	version := func(files map[string]string) string {
		t.Helper()
		loaded, err := Files(filepath.Join(put(t, files), "policy.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		return loaded.Policies[0].Version
	}
	same := map[string]string{"policy.yaml": regoPolicy("{files: [lib]}"), "lib/a.rego": "1", "lib/b.rego": "2"}
	first := version(same)
	if again := version(same); again != first {
		t.Errorf("%s and %s of the same content", first, again)
	}
	for what, change := range map[string]map[string]string{
		"other content": {"lib/a.rego": "11"}, "another name": {"lib/c.rego": "3"}, "data": {"lib/a.json": "{}"},
		"the same bytes elsewhere": {"lib/a.rego": "12", "lib/b.rego": ""},
	} {
		changed := map[string]string{}
		for name, text := range same {
			changed[name] = text
		}
		for name, text := range change {
			changed[name] = text
		}
		if version(changed) == first {
			t.Errorf("%s: the version is the same", what)
		}
	}
}

// TestPaths: whoever looks for changes is told all that was named, and of a bad
// configuration, too.
func TestPaths(t *testing.T) {
	dir := put(t, map[string]string{
		"outrider.yaml": "apiVersion: outrider.dev/v1\nkind: Config\nagent: {name: a}\npolicies: [p, absent.yaml]\n",
		"p/policy.yaml": regoPolicy("{files: [lib, ../missing.rego]}"), "p/lib/a.rego": "1",
	})
	loaded, err := Look(filepath.Join(dir, "outrider.yaml"))
	if err == nil {
		t.Fatal("a missing file is no mistake")
	}
	for _, want := range []string{"outrider.yaml", "p", "absent.yaml", "p/lib", "p/lib/a.rego", "missing.rego"} {
		if !slices.Contains(loaded.Paths, filepath.Join(dir, want)) {
			t.Errorf("%s is not among %q", want, loaded.Paths)
		}
	}
}

func TestBundleFields(t *testing.T) {
	dir := put(t, map[string]string{"b.tar.gz": "archive", "key.pem": "PEM"})
	file := filepath.Join(dir, "policy.yaml")
	read := func(bundle string) (*Loaded, error) {
		t.Helper()
		if err := os.WriteFile(file, []byte(regoPolicy("{bundle: "+bundle+"}")), 0o600); err != nil {
			t.Fatal(err)
		}
		return Files(file)
	}
	for bundle, want := range map[string]string{
		"{file: b.tar.gz}": "", "{file: b.tar.gz, signature: {file: key.pem, keyID: a, scope: b}}": "",
		`{url: "https://x.example/b?v=1", pollInterval: 5s, bearer: {env: KEY}, signature: {publicKey: PEM, algorithm: ES256}}`: "",
		`{url: "http://127.0.0.1/b", signature: {secret: {file: s}, algorithm: HS512}}`:                                         "",
		`{url: "http://x.example/b"}`:                     "plain http to \"x.example\" would travel in the clear",
		`{url: "https://ann:secret@x.example/b"}`:         "carries a user name or password",
		`{url: "https://x.example/b", pollInterval: 1s}`:  "give 5s to 24h",
		`{url: "https://x.example/b", pollInterval: 48h}`: "give 5s to 24h",
		`{url: "https://x.example/b", file: b.tar.gz}`:    "url and file are given together",
		"{}":                                                                "none of url or file is given",
		"{file: absent.tar.gz}":                                             `spec.regoModules.bundle.file: "absent.tar.gz" cannot be read`,
		"{file: b.tar.gz, pollInterval: 60s}":                               "spec.regoModules.bundle.pollInterval is for bundles of a server",
		"{file: b.tar.gz, bearer: {env: KEY}}":                              "spec.regoModules.bundle.bearer is for bundles of a server",
		"{file: b.tar.gz, bearer: {env: 0KEY-x}}":                           "is not the name of an environment variable",
		"{file: b.tar.gz, signature: {}}":                                   "none of publicKey, file or secret is given",
		"{file: b.tar.gz, signature: {file: absent.pem}}":                   `spec.regoModules.bundle.signature.file: "absent.pem" cannot be read`,
		"{file: b.tar.gz, signature: {publicKey: x, algorithm: HS256}}":     "HS256 signs with a shared secret",
		"{file: b.tar.gz, signature: {secret: {env: S}, algorithm: RS256}}": "RS256 signs with a private key, not with a secret",
		"{file: b.tar.gz, signature: {secret: {env: S}}}":                   "signs with a private key, not with a secret",
		"{file: b.tar.gz, signature: {secret: {env: a b}}}":                 "is not the name of an environment variable",
		"{file: b.tar.gz, signature: {publicKey: x, algorithm: none}}":      "none",
		"{file: b.tar.gz, signature: {publicKey: x, file: key.pem}}":        "publicKey and file are given together",
	} {
		loaded, err := read(bundle)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", bundle, err, want)
		}
		if err == nil && strings.Contains(bundle, "b.tar.gz") && string(loaded.Policies[0].Rego.Bundle) != "archive" {
			t.Errorf("%s: read %q", bundle, loaded.Policies[0].Rego.Bundle)
		}
	}
	loaded, err := read("{file: b.tar.gz, signature: {file: key.pem}}")
	if err != nil {
		t.Fatal(err)
	}
	p := loaded.Policies[0]
	if b := p.Doc.GetSpec().GetRegoModules().GetBundle(); string(p.Rego.Key) != "PEM" || b.GetFile() != filepath.Join(dir, "b.tar.gz") || b.GetSignature().GetFile() != filepath.Join(dir, "key.pem") {
		t.Errorf("key %q, bundle %v", p.Rego.Key, b)
	}
	for _, want := range []string{"b.tar.gz", "key.pem"} {
		if !slices.Contains(loaded.Paths, filepath.Join(dir, want)) {
			t.Errorf("%s is not among %q", want, loaded.Paths)
		}
	}
}
