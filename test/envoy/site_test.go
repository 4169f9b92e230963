package envoy

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"outrider.dev/outrider/demo/issuer"
	"outrider.dev/outrider/demo/llm"
	"outrider.dev/outrider/demo/tools"
	"outrider.dev/outrider/test/freeport"
	"outrider.dev/outrider/test/started"
)

// variant is a way for Envoy and the decision service to meet.
type variant struct {
	name string
	tcp  bool
}

func variants() []variant { return []variant{{"unix socket", false}, {"mutual TLS", true}} }

var (
	reader = issuer.Client{ID: "reader", Secret: "reader-secret", Scopes: []string{"mcp:read"}}
	writer = issuer.Client{ID: "writer", Secret: "writer-secret", Scopes: []string{"mcp:write"}}
)

// policy is what the tests drive: more than the policy to start from shows.
const policy = `apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: my-agent}
spec:
  agents: {names: [my-agent]}
  traffic:
    jwtAuthentication:
      mode: Strict
      providers:
        - issuer: %s
          audiences: [%q]
          jwks: {remote: {url: %q}}
  backend:
    llm:
      models: {allow: ["gpt-*", "grok-*"]}
      guards:
        request:  [{type: PII, action: Redact}, {type: Injection, action: Block}]
        response: [{type: Secret, action: Block}]
    mcp:
      guards:
        response: [{type: PII, action: Redact}]
  rules:
    - {name: readers, allow: {tools: ["list_*", "get_*", "search_*"]}, when: "'mcp:read' in scopes || 'mcp:write' in scopes"}
    - {name: writers, allow: {tools: ["create_*", "comment_*"]}, when: "'mcp:write' in scopes"}
    - {name: no-infra, deny: {tools: ["create_issue"]}, when: "has(tool.args.repo) && tool.args.repo.startsWith('infra/')", message: "Ask the platform team."}
    - {name: no-deletes, deny: {tools: ["delete_*"]}}
`

// site is everything that stands on loopback for one test.
type site struct {
	variant
	dir    string
	base   string // where the agent calls Envoy
	socket string
	admin  string // of the decision service

	provider *llm.Provider
	github   *tools.Server
	issuer   *issuer.Issuer

	pdp, envoy *process
}

// newSite starts the stand-ins, the decision service and Envoy. Changes are
// made to the envoy.yaml and the outrider.yaml before they are written.
func newSite(t *testing.T, v variant, changes ...func(s *site, envoy, outrider tree)) *site {
	t.Helper()
	// Not t.TempDir: the path of a unix socket is short.
	dir, err := os.MkdirTemp("", "envoy")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &site{variant: v, dir: dir, socket: filepath.Join(dir, "pdp.sock")}
	s.provider = started.By(t, llm.Start)
	s.github = started.By(t, tools.StartGitHub)
	s.issuer = started.By(t, func() (*issuer.Issuer, error) { return issuer.Start(reader, writer) })
	newAuthority(t, dir)
	pdpAddress, agent := freeport.For(t), freeport.For(t)
	s.base = "http://" + agent
	s.admin = freeport.For(t)
	outrider, envoy := s.outriderFile(t, pdpAddress), s.envoyFile(t, agent, pdpAddress)
	for _, change := range changes {
		change(s, envoy, outrider)
	}
	write(t, filepath.Join(dir, "outrider.yaml"), outrider)
	write(t, filepath.Join(dir, "envoy.yaml"), envoy)
	s.startPDP(t)
	s.envoy = start(t, "envoy", dir, envoyBinary(t), "-c", "envoy.yaml", "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")
	s.envoy.listens(t, "tcp", agent)
	return s
}

func (s *site) startPDP(t *testing.T) {
	t.Helper()
	s.pdp = start(t, "outrider-pdp", s.dir, pdpBinary(t), "-c", "outrider.yaml")
	s.pdp.listens(t, "tcp", s.admin)
}

func (s *site) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// state is where the decision service keeps its records.
func (s *site) state() string { return filepath.Join(s.dir, "state") }

// outriderFile is outrider.yaml with the stand-ins, and the tests' policy.
func (s *site) outriderFile(t *testing.T, address string) tree {
	t.Helper()
	s.write(t, "provider.key", s.provider.Key())
	s.write(t, "github.key", s.github.Token())
	s.write(t, "policy.yaml", fmt.Sprintf(policy, s.issuer.URL, issuer.Audience, s.issuer.JWKS()))
	out := read(t, s.tcp, "outrider.yaml")
	provider := in(t, out, "llm", "providers", 0).(tree)
	delete(provider, "preset")
	provider["url"], provider["key"] = s.provider.URL, tree{"file": "provider.key"}
	server := in(t, out, "mcp", "servers", 0).(tree)
	server["url"], server["auth"] = s.github.URL, tree{"bearer": tree{"file": "github.key"}}
	out["policies"] = []any{"policy.yaml"}
	pdp := out["pdp"].(tree)
	pdp["state"] = s.state()
	listen := pdp["listen"].(tree)
	listen["http"] = s.admin
	if s.tcp {
		listen["grpc"] = address
		listen["tls"] = tree{"cert": "pdp.crt", "key": "pdp.key", "clientCA": "ca.crt"}
	} else {
		listen["socket"] = s.socket
	}
	return out
}

// envoyFile is envoy.yaml with the stand-ins and with the addresses of the test.
func (s *site) envoyFile(t *testing.T, agent, pdp string) tree {
	t.Helper()
	out := read(t, s.tcp, "envoy.yaml")
	in(t, out, "static_resources", "listeners", 0).(tree)["address"] = socketAddress(t, agent)
	plainly(t, cluster(t, out, "openai"), s.provider.URL)
	plainly(t, cluster(t, out, "github"), s.github.URL)
	_, _, _, routes := parts(t, out)
	in(t, routes[1], "route").(tree)["host_rewrite_literal"] = "localhost" // the stand-in answers to no other name
	service := cluster(t, out, "outrider")
	if !s.tcp {
		leadTo(t, service, tree{"pipe": tree{"path": s.socket}})
		return out
	}
	leadTo(t, service, socketAddress(t, pdp))
	tls := in(t, service, "transport_socket", "typed_config", "common_tls_context").(tree)
	s.show(t, tls, "envoy")
	in(t, tls, "validation_context", "trusted_ca").(tree)["filename"] = filepath.Join(s.dir, "ca.crt")
	return out
}

// show has Envoy show a certificate to the decision service.
func (s *site) show(t *testing.T, tls tree, name string) {
	t.Helper()
	certificate := in(t, tls, "tls_certificates", 0).(tree)
	in(t, certificate, "certificate_chain").(tree)["filename"] = filepath.Join(s.dir, name+".crt")
	in(t, certificate, "private_key").(tree)["filename"] = filepath.Join(s.dir, name+".key")
}
