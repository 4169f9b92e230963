package policytest

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const issuerURL = "https://issuer.example"

// policyYAML has a rule of every kind.
const policyYAML = `apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: main}
spec:
  agents: {matchLabels: {app: copilot}}
  traffic:
    jwtAuthentication:
      mode: Optional
      providers: [{issuer: "` + issuerURL + `", audiences: [api], jwks: {remote: {url: "` + issuerURL + `/keys"}}}]
  backend:
    mcp:
      authorization: {policy: {matchExpressions: ["claims.scp.exists(s, s == 'read') && tool.name.startsWith('get_')", "'write' in scopes && tool.name.startsWith('put_')"]}}
      denyPolicy: {matchExpressions: ["tool.name.contains('delete')", "tool.name == 'get_nothing'"]}
      guards: {request: [{type: PII, action: Redact}]}
    llm:
      models: {allow: ["gpt-*"]}
      guards: {request: [{type: PII, action: Redact}]}
  rules:
    - {name: leads, allow: {tools: ["admin_*"]}, when: "has(claims.level) && claims.level >= 7 && claims.teams.exists(t, t == 'platform')"}
    - {name: on-ice, deny: {tools: ["put_*"]}, when: "has(tool.args.to) && tool.args.to == 'ice'", message: Too cold.}
    - {name: mail, allow: {tools: ["mail"]}}
  rego: |
    package outrider
    deny contains "no merges" if startswith(input.tool.name, "get_merge")
`

const headYAML = `apiVersion: outrider.dev/v1
kind: PolicyTest
metadata: {name: suite}
spec:
  policies: [policy.yaml]
  agent: {name: copilot, labels: {app: copilot}}
`

const principalsYAML = `  principals:
    - {name: reader, scopes: [read]}
    - {name: spaced, claims: {scope: read write}}
    - {name: lead, subject: 00u1, claims: {roles: [write], level: 7, teams: [platform]}}
    - {name: stranger, issuer: "https://elsewhere.example", audiences: [api], scopes: [read]}
    - {name: astray, audiences: [other], scopes: [read]}
    - {name: nobody}
`

// write writes a suite into a new folder, which becomes the working one, and
// returns the name of the tests' file.
func write(t *testing.T, policy, tests string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"policy.yaml": policy, "tests.yaml": tests} {
		if err := os.WriteFile(filepath.Clean(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "tests.yaml"
}

// report runs a suite that loads.
func report(t *testing.T, policy, tests string, opt Options) *Report {
	t.Helper()
	suites, err := Load(write(t, policy, tests))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(context.Background(), suites, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// results runs cases with the policy and the principals above.
func results(t *testing.T, cases string) []Result {
	t.Helper()
	return report(t, policyYAML, headYAML+principalsYAML+cases, Options{}).Suites[0].Results
}

// mismatches renders what came otherwise, a line each.
func mismatches(r *Result) string {
	var lines []string
	for _, m := range r.Mismatches {
		lines = append(lines, m.What+": "+m.Want+" / "+m.Got)
	}
	return strings.Join(lines, "\n")
}

func pattern(p string) *regexp.Regexp { return regexp.MustCompile(p) }
