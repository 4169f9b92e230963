package bench

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// One configuration serves every benchmark: an agent, a provider, an MCP
// server, tokens of one issuer, rules on both surfaces. What differs is where
// the parts listen and whether guards run.

const (
	benchIssuer   = "https://issuer.example.com"
	benchAudience = "api://bench"
	benchModel    = "gpt-bench"
	keyID         = "bench"
)

// signer mints the tokens that the policy believes.
type signer struct{ key jwk.Key }

func newSigner(tb testing.TB) *signer {
	tb.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := jwk.Import(private)
	if err != nil {
		tb.Fatal(err)
	}
	if err := key.Set(jwk.KeyIDKey, keyID); err != nil {
		tb.Fatal(err)
	}
	return &signer{key}
}

// jwks is the key set that verifies the tokens.
func (s *signer) jwks(tb testing.TB) string {
	tb.Helper()
	public, err := s.key.PublicKey()
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := json.Marshal(map[string]any{"keys": []any{public}})
	if err != nil {
		tb.Fatal(err)
	}
	return string(raw)
}

func (s *signer) token(tb testing.TB, subject string) string {
	tb.Helper()
	now := time.Now()
	token, err := jwt.NewBuilder().Issuer(benchIssuer).Audience([]string{benchAudience}).Subject(subject).
		IssuedAt(now).Expiration(now.Add(time.Hour)).Claim("scp", []string{"mcp:read", "llm"}).Build()
	if err != nil {
		tb.Fatal(err)
	}
	signed, err := jwt.Sign(token, jwt.WithKey(jwa.RS256(), s.key))
	if err != nil {
		tb.Fatal(err)
	}
	return string(signed)
}

// setup is what a configuration says beside what all share.
type setup struct {
	agent, admin string // where the data plane listens
	pdp          string // the section pdp, in one line
	farSide      string // base URL
	jwks         string
	guards       bool
	rules        []string // more named rules, in one line each
}

// sidecar is what a data plane needs.
func (s setup) sidecar() string {
	return fmt.Sprintf(`apiVersion: outrider.dev/v1
kind: Config
agent: {name: bench, labels: {app: bench}}
listen: {agent: %q, admin: %q}
`, s.agent, s.admin)
}

// config is what a decision service needs beside its policy.
func (s setup) config() string {
	return s.sidecar() + fmt.Sprintf(`pdp: %s
llm:
  providers:
    - {name: provider, url: "%s/v1"}
mcp:
  servers:
    - {name: tools, url: "%s/mcp"}
`, s.pdp, s.farSide, s.farSide)
}

func (s setup) policy() string {
	text := fmt.Sprintf(`apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: bench}
spec:
  agents: {matchLabels: {app: bench}}
  traffic:
    jwtAuthentication:
      mode: Strict
      surfaces: [MCP, LLM]
      providers:
        - {issuer: %q, audiences: [%q], jwks: {inline: %q}}
  backend:
    mcp:
      denyPolicy: {matchExpressions: ["tool.name.contains('delete') || tool.name.contains('merge_pull_request')"]}
%s    llm:
      models: {allow: ["claude-*", "gpt-*"]}
%s  rules:
    - {name: readers, allow: {tools: ["list_*", "get_*", "search_*"]}, when: "'mcp:read' in scopes"}
    - {name: writers, allow: {tools: ["post_*", "create_*"]}, when: "'mcp:write' in scopes"}
    - {name: no-infra, deny: {tools: ["create_issue"]}, when: "has(tool.args.repo) && tool.args.repo.startsWith('infra/')"}
    - {name: chatters, allow: {models: ["*"]}, when: "'llm' in scopes"}
`, benchIssuer, benchAudience, s.jwks, s.guardsOf("mcp"), s.guardsOf("llm"))
	return text + strings.Join(s.rules, "")
}

func (s setup) guardsOf(surface string) string {
	switch {
	case !s.guards:
		return ""
	case surface == "mcp":
		return "      guards: {response: [{type: PII, action: Redact}]}\n"
	default:
		return "      guards:\n" +
			"        request: [{type: PII, action: Redact}, {type: Injection, action: Block}]\n" +
			"        response: [{type: Secret, action: Block}]\n"
	}
}
