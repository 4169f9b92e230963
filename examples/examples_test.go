package examples

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/policytest"
)

// folders are the examples of policies.
func folders(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("policies")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, filepath.Join("policies", e.Name()))
	}
	if len(out) < 4 {
		t.Fatalf("found %v", out)
	}
	return out
}

// TestPoliciesCheck: each example loads and compiles without a warning.
func TestPoliciesCheck(t *testing.T) {
	for _, folder := range folders(t) {
		loaded, err := config.Files(folder)
		if err != nil {
			t.Error(err)
			continue
		}
		checked, err := decisionservice.Check(loaded)
		if err != nil || len(checked.Warnings) > 0 || len(loaded.Policies) == 0 {
			t.Errorf("%s: %v, %d policies, %+v", folder, err, len(loaded.Policies), checked)
		}
	}
}

// TestPoliciesPass: each example that has tests passes them, and every rule
// holds for one of them.
func TestPoliciesPass(t *testing.T) {
	suites, err := policytest.Load("policies")
	if err != nil {
		t.Fatal(err)
	}
	report, err := policytest.Run(context.Background(), suites, policytest.Options{Coverage: true})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	report.Text(&text, false)
	if report.Failed() > 0 || report.Percent() < 100 {
		t.Errorf("\n%s", &text)
	}
	tested := map[string]bool{}
	for _, s := range report.Suites {
		tested[filepath.Dir(s.File)] = true
	}
	for _, name := range []string{"story", "story-rego", "rego-files", "arguments", "observe"} {
		if folder := filepath.Join("policies", name); !tested[folder] {
			t.Errorf("%s has no tests", folder)
		}
	}
}
