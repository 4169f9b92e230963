package policytest

import (
	"errors"
	"strings"
	"testing"

	"outrider.dev/outrider/config"
)

const oneCase = "  cases: [{name: c, call: {tool: t}, expect: {effect: Allow}}]\n"

// TestLoadRefuses: what is wrong is told with its place and a way out.
func TestLoadRefuses(t *testing.T) {
	const twoIssuers = `apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: main}
spec:
  traffic:
    jwtAuthentication:
      providers:
        - {issuer: "https://a.example", audiences: [a], jwks: {remote: {url: "https://a.example/keys"}}}
        - {issuer: "https://b.example", audiences: [b], jwks: {remote: {url: "https://b.example/keys"}}}
`
	const bare = "{apiVersion: outrider.dev/v1, kind: AgentPolicy, metadata: {name: main}, spec: {}}"
	for name, c := range map[string]struct{ policy, tests, want string }{
		"no test":        {bare, bare, "tests.yaml: holds no PolicyTest"},
		"a test of none": {headYAML + oneCase, headYAML + oneCase, "tests.yaml:5:13: spec.policies brings a Config or no policy; name files or folders with policies"},
		"a Config": {
			"{apiVersion: outrider.dev/v1, kind: Config, agent: {name: a}}", headYAML + oneCase,
			"tests.yaml:5:13: spec.policies brings a Config or no policy",
		},
		"a policy that does not load": {
			strings.Replace(bare, "spec", "sepc", 1), headYAML + oneCase,
			"tests.yaml: the policies under test do not load:\npolicy.yaml:1:",
		},
		"a policy that does not compile": {
			strings.Replace(bare, "spec: {}", "spec: {rules: [{name: r, allow: {}, when: tool.nam == 'x'}]}", 1), headYAML + oneCase,
			"policy.yaml:1:",
		},
		"a bundle of a server": {
			strings.Replace(bare, "spec: {}", `spec: {regoModules: {bundle: {url: "https://x.example/b"}}}`, 1), headYAML + oneCase,
			"tests.yaml:5:13: the policy main has its bundle from a server, which tests do not ask; test a policy that names",
		},
		"a token that nobody believes": {
			bare, headYAML + "  principals: [{name: p, scopes: [s]}]\n" + oneCase,
			"tests.yaml:7:16: the principal has a token, and no policy under test believes any; list its issuer",
		},
		"a token of two issuers": {
			twoIssuers, headYAML + "  principals: [{name: p, scopes: [s]}]\n" + oneCase,
			"tests.yaml:7:16: issuer is missing, and the policies under test list several; say which one",
		},
		"scopes twice": {
			policyYAML, headYAML + "  principals: [{name: p, scopes: [s], claims: {scp: [t]}}]\n" + oneCase,
			"tests.yaml:7:16: scopes and claims.scp are given together; keep one",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, c.policy, c.tests))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if _, err := Load("nowhere"); !errors.As(err, &config.Errors{}) {
		t.Errorf("an absent file: %v", err)
	}
}

// TestIssuersWithoutKeys: neither keys nor secrets of an issuer are asked for.
func TestIssuersWithoutKeys(t *testing.T) {
	policy := strings.Replace(policyYAML, `jwks: {remote: {url: "`+issuerURL+`/keys"}}`, `jwks: {file: /nowhere/keys.json}`, 1)
	got := report(t, policy, headYAML+principalsYAML+"  cases: [{name: c, principal: reader, call: {tool: get_x}, expect: {effect: Allow}}]\n", Options{})
	if got.Failed() > 0 {
		t.Error(mismatches(&got.Suites[0].Results[0]))
	}
}
