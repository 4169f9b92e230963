package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const someTest = `apiVersion: outrider.dev/v1
kind: PolicyTest
metadata: {name: NAME}
spec:
  policies: [../policy.yaml]
  agent: {name: a}
  cases: [{name: c, call: {tool: t}, expect: {effect: Allow}}]
`

// tree writes files below a new folder and makes it the working directory.
func tree(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func named(name string) string { return strings.Replace(someTest, "NAME", name, 1) }

const otherKinds = `apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: p}
spec: {unknown: is not read here}
---
`

// TestTestsOfFolders: a folder brings the tests below it and nothing else,
// whatever else is there.
func TestTestsOfFolders(t *testing.T) {
	tree(t, map[string]string{
		"top/tests.yaml":            named("top"),
		"top/a/deep/cases.yml":      otherKinds + named("deep"),
		"top/a/policy.yaml":         otherKinds,
		"top/a/chart.yaml":          "{{ if .Values.x }}\nno: [yaml\n",
		"top/.hidden/tests.yaml":    "kind: PolicyTest",
		"top/.tests.yaml":           "kind: PolicyTest",
		"top/a/notes.txt":           "kind: PolicyTest",
		"beside/tests.yaml":         named("beside"),
		"beside/without/other.yaml": "a: b",
	})
	tests, err := Tests("top", "beside/tests.yaml", "top/tests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range tests {
		got = append(got, one.Doc.GetMetadata().GetName())
	}
	if strings.Join(got, " ") != "deep top beside" {
		t.Errorf("got %v", got)
	}
	if policies := tests[0].Doc.GetSpec().GetPolicies(); policies[0] != "top/a/policy.yaml" {
		t.Errorf("policies are relative to their document: %v", policies)
	}
}

func TestTestsRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"absent":          {"", "tests.yaml: cannot be read: no such file or directory"},
		"no test":         {otherKinds, "tests.yaml: holds no PolicyTest"},
		"unsound":         {named("a b"), `tests.yaml:3:18: metadata.name: "a b" is not a name`},
		"a misspelt kind": {strings.Replace(someTest, "PolicyTest", "PolicyTset", 1), "tests.yaml:2:7: kind: \"PolicyTset\" is not a value; did you mean PolicyTest?"},
		"no YAML":         {"kind: [PolicyTest", "tests.yaml:1:7: cannot be read as YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			tree(t, nil)
			if c.text != "" {
				tree(t, map[string]string{"tests.yaml": c.text})
			}
			_, err := Tests("tests.yaml")
			var all Errors
			if !errors.As(err, &all) || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	tree(t, map[string]string{"empty/x.yaml": "a: b"})
	if _, err := Tests("empty"); err == nil || !strings.HasPrefix(err.Error(), "empty: holds no PolicyTest") {
		t.Errorf("a folder without tests: %v", err)
	}
}

// TestTestsBesidePolicies: tests may lie among policies; a start reads both,
// and refuses unsound ones.
func TestTestsBesidePolicies(t *testing.T) {
	files := map[string]string{
		"outrider.yaml":        "{apiVersion: outrider.dev/v1, kind: Config, policies: [policies]}",
		"policies/policy.yaml": "{apiVersion: outrider.dev/v1, kind: AgentPolicy, metadata: {name: p}, spec: {}}",
		"policies/tests.yaml":  named("t"),
	}
	tree(t, files)
	loaded, err := Load("outrider.yaml")
	if err != nil || len(loaded.Policies) != 1 || len(loaded.Tests) != 1 {
		t.Fatalf("got %+v, %v", loaded, err)
	}
	if got := loaded.Tests[0].Position("spec.cases[0].expect.effect.deeper").String(); got != "policies/tests.yaml:7:55" {
		t.Errorf("a field that is not written has the place of the nearest one around it: %s", got)
	}
	files["policies/tests.yaml"] = named("a b")
	tree(t, files)
	if _, err := Load("outrider.yaml"); err == nil {
		t.Error("an unsound test loads")
	}
}

// TestTables: what a table expects, cell by cell, each with its line.
func TestTables(t *testing.T) {
	loaded, err := Files("testdata/good/tests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range loaded.Tests[0].Tables[0] {
		got = append(got, strings.Join([]string{c.Tool, c.Principal, c.Effect, strings.TrimPrefix(c.At.String(), "testdata/good/")}, " "))
	}
	want := []string{
		"list_issues reader Allow tests.yaml:43:9", "list_issues lead Deny tests.yaml:43:9", "list_issues nobody Deny tests.yaml:43:9",
		"create_issue reader Deny tests.yaml:44:9", "create_issue lead Allow tests.yaml:44:9",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestFreeValues: free values keep their types and names.
func TestFreeValues(t *testing.T) {
	loaded, err := Files("testdata/good/tests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	claims := loaded.Tests[0].Doc.GetSpec().GetPrincipals()[1].GetClaims().AsMap()
	if claims["level"] != 7.0 || claims["ratio"] != -0.5 || claims["active"] != true || claims["team"] != "platform" || claims[""] != "x" {
		t.Errorf("got %v", claims)
	}
	if gone, ok := claims["gone"]; gone != nil || !ok {
		t.Errorf("null is a value: %v", claims)
	}
	deep := claims["groups"].([]any)[2].(map[string]any)["c"]
	if deep != "1.20" {
		t.Errorf("got %v", deep)
	}
}
