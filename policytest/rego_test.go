package policytest

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/open-policy-agent/opa/v1/bundle"
)

// TestRegoOfFiles: cases run against modules in files and in a bundle, which
// count as one rule and are looked at for changes.
func TestRegoOfFiles(t *testing.T) {
	dir := t.TempDir()
	b := bundle.Bundle{Data: map[string]any{"tools": []any{"open"}}}
	b.Manifest.Init()
	b.Modules = []bundle.ModuleFile{{URL: "/main.rego", Path: "/main.rego", Raw: []byte("package outrider\n\nallow if input.tool.name in data.tools\n")}}
	var archive bytes.Buffer
	if err := bundle.NewWriter(&archive).DisableFormat(true).Write(b); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"tests/tests.yaml": `apiVersion: outrider.dev/v1
kind: PolicyTest
metadata: {name: rego}
spec:
  policies: [../policy.yaml]
  agent: {name: a}
  cases:
    - {name: on the list, call: {tool: open}, expect: {effect: Allow, rule: rego allow}}
    - {name: not on the list, call: {tool: close}, expect: {effect: Deny, code: not_allowed}}
    - {name: denied by a file, call: {tool: open, arguments: {door: red}}, expect: {effect: Deny, rule: rego deny}}
`,
		"policy.yaml":    "apiVersion: outrider.dev/v1\nkind: AgentPolicy\nmetadata: {name: p}\nspec: {regoModules: {files: [lib], bundle: {file: b.tar.gz}}}\n",
		"lib/deny.rego":  "package outrider\n\ndeny contains \"no\" if input.tool.args.door in data.closed\n\nvisible := true\n",
		"lib/doors.json": `{"closed": ["red"]}`,
		"b.tar.gz":       archive.String(),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	suites, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(context.Background(), suites, Options{Coverage: true})
	if err != nil {
		t.Fatal(err)
	}
	if report.Cases() != 3 || report.Failed() != 0 || report.Percent() != 100 {
		var text bytes.Buffer
		report.Text(&text, false)
		t.Errorf("\n%s", &text)
	}
	for _, want := range []string{"lib", "lib/doors.json", "b.tar.gz", "policy.yaml"} {
		if !slices.Contains(suites[0].Watched(), filepath.Join(dir, want)) {
			t.Errorf("%s is not among %q", want, suites[0].Watched())
		}
	}
}
