package decisionservice

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider.dev/outrider/config"
)

// bundled writes a policy with this bundle beside these files and checks it.
func bundled(t *testing.T, bundle string, files map[string][]byte) ([]string, error) {
	t.Helper()
	dir := t.TempDir()
	policy := "apiVersion: outrider.dev/v1\nkind: AgentPolicy\nmetadata: {name: p}\nspec:\n  regoModules:\n    bundle: " + bundle + "\n"
	for name, raw := range files {
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := config.Files(file)
	if err != nil {
		t.Fatal(err)
	}
	checked, err := Check(loaded)
	if err != nil {
		return nil, err
	}
	return checked.Warnings, nil
}

// TestCheckBundles: a bundle in a file is compiled, and what is wrong with it
// is told at the field that names it or at its place inside.
func TestCheckBundles(t *testing.T) {
	good := pack(t, "r1", byModel)
	files := map[string][]byte{
		"good.tar.gz": good, "half.tar.gz": good[:len(good)/2], "wrong.tar.gz": pack(t, "r1", "allow if input.llm.modle"),
		"others.tar.gz": pack(t, "r1", "x := 1"), "key.pem": publicKey(t), "none.pem": []byte("secret"),
	}
	for bundle, want := range map[string]string{
		"{file: good.tar.gz}":   "",
		"{file: half.tar.gz}":   "policy.yaml:6:20: policy p, spec.regoModules.bundle.file: the bundle is damaged or ends too early",
		"{file: wrong.tar.gz}":  "bundle:main.rego:2:10: policy p, spec.regoModules: no field input.llm.modle",
		"{file: others.tar.gz}": "bundle:main.rego:1:1: policy p, spec.regoModules: the module defines none of allow, deny",
		"{file: good.tar.gz, signature: {file: key.pem, algorithm: ES256}}":                  "the bundle is not signed, and the policy asks for a signature",
		"{file: good.tar.gz, signature: {file: key.pem}}":                                    "spec.regoModules.bundle.signature: it does not fit the algorithm RS256",
		`{url: "https://x.example/b", signature: {file: none.pem}}`:                          "spec.regoModules.bundle.signature: it is not PEM",
		"{file: good.tar.gz, signature: {secret: {env: OUTRIDER_ABSENT}, algorithm: HS256}}": "the environment variable OUTRIDER_ABSENT is empty",
	} {
		warnings, err := bundled(t, bundle, files)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) || len(warnings) > 0 {
			t.Errorf("%s:\n got %v, %v\nwant %s", bundle, err, warnings, want)
		}
	}
}

// TestCheckServedBundles: a check asks no server and needs no key, and says
// what it could not look at.
func TestCheckServedBundles(t *testing.T) {
	warnings, err := bundled(t, `{url: "https://bundles.invalid/b", bearer: {env: OUTRIDER_ABSENT}, signature: {secret: {env: OUTRIDER_ABSENT}, algorithm: HS256}}`, nil)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "policy.yaml:6:13: policy p, regoModules.bundle: its bundle comes from a server") {
		t.Errorf("got %q, %v", warnings, err)
	}
}

// TestKeysOfBundles: whoever runs a command behind the data plane keeps the
// keys of policies from it.
func TestKeysOfBundles(t *testing.T) {
	loaded, err := config.Text("test", `apiVersion: outrider.dev/v1
kind: Config
agent: {name: a}
---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: p}
spec:
  regoModules: {bundle: {url: "https://x.example/b", bearer: {env: BUNDLE_KEY}, signature: {secret: {env: BUNDLE_SECRET}, algorithm: HS256}}}
  traffic:
    jwtAuthentication:
      providers: [{issuer: "https://i.example", audiences: [a], introspection: {url: "https://i.example/i", clientID: c, secret: {env: INTROSPECTION_SECRET}}}]
`)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(KeyVariables(loaded), " ")
	for _, want := range []string{"BUNDLE_KEY", "BUNDLE_SECRET", "INTROSPECTION_SECRET"} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not among %s", want, all)
		}
	}
}
