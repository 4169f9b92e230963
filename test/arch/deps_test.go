package arch

import (
	"slices"
	"strings"
	"testing"
)

// heavy is what the decision service links and a sidecar never does: rule
// engines, token verification, Kubernetes.
var heavy = []string{
	"github.com/open-policy-agent",
	"cel.dev/",
	"github.com/google/cel-go",
	"github.com/lestrrat-go/jwx",
	"github.com/zitadel/oidc",
	"github.com/golang-jwt",
	"k8s.io",
	"sigs.k8s.io",
}

// brain is our own code that decides; the data plane asks it over the wire.
var brain = []string{"authz", "guards", "limit", "audit", "pdp", "demo", "assemble/pdp"}

// TestSidecarLinks holds the sidecar's binary to what a data plane needs.
func TestSidecarLinks(t *testing.T) {
	for _, p := range list(t, "-deps", "./cmd/outrider-sidecar") {
		if under(p.ImportPath, heavy) {
			t.Errorf("cmd/outrider-sidecar links %s", p.ImportPath)
		}
		if p.ImportPath != p.rel() && under(p.rel(), brain) {
			t.Errorf("cmd/outrider-sidecar links %s, which belongs to the decision service", p.ImportPath)
		}
	}
}

// TestDecisionImportsOnlyTheStandardLibrary keeps the vocabulary free for
// everyone.
func TestDecisionImportsOnlyTheStandardLibrary(t *testing.T) {
	for _, p := range list(t, "-deps", "./decision") {
		if !p.Standard && p.rel() != "decision" {
			t.Errorf("decision links %s", p.ImportPath)
		}
	}
}

// TestNobodyLinksTestCode keeps testing packages out of what users run; the
// story of `outrider demo` has its stand-ins in package demo.
func TestNobodyLinksTestCode(t *testing.T) {
	for _, p := range list(t, "-deps", "./cmd/...") {
		if p.ImportPath == "testing" || p.ImportPath == "net/http/httptest" || under(p.rel(), []string{"test"}) && p.rel() != p.ImportPath {
			t.Errorf("a command links %s", p.ImportPath)
		}
	}
}

// under reports whether path is one of the prefixes or below it.
func under(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool {
		return path == prefix || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/")
	})
}

func TestUnder(t *testing.T) {
	for path, want := range map[string]bool{
		"cel.dev/cel-go/cel":              true,
		"github.com/open-policy-agent":    true,
		"github.com/open-policy-agent-x":  false,
		"example.com/github.com/k8s.io":   false,
		"k8s.io/api/core/v1":              true,
		"github.com/lestrrat-go/jwx/v3/x": true,
	} {
		if under(path, heavy) != want {
			t.Errorf("under(%q) = %v", path, !want)
		}
	}
}
