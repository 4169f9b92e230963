package road

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider.dev/outrider/demo/issuer"
)

// What the configuration below fixes.
const (
	agentName    = "road"
	perMinute    = 5             // requests to the provider limited
	spareModel   = "spare-model" // what the spare provider is asked for
	placeholder  = "sk-unused"   // the key that SDKs are given because they want one
	questionTime = "2s"          // decision.timeout
)

// ports are where the parts listen; a process must be told one that is free.
type ports struct{ agent, admin, pdp string }

// setup is one road before it stands. Empty fields take what newSetup says.
type setup struct {
	dir      string // short enough for a unix socket
	issuer   *issuer.Issuer
	agent    string // who the data plane says that it speaks for
	tls      string // listen.tls, as a member with its comma; empty: none
	peers    string // pdp.peers
	listen   string // pdp.listen beside http
	decision string // the sidecar's decision
	grpc     string // where a decision service answers on TCP, once it does
	limits   string // of both parts
	guards   string // what guards ask
	far      string // the section of providers and servers of a process
	ports    ports
	policy   string
	standIns
}

func newSetup(t *testing.T, changes ...func(*setup)) *setup {
	t.Helper()
	dir, err := os.MkdirTemp("", "road")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &setup{dir: dir, issuer: believed, agent: agentName, policy: policy, standIns: startStandIns(t)}
	s.guards, s.far = "{}", secRoutes
	s.limits, s.ports = "{body: 1MiB}", ports{"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"}
	s.peers = fmt.Sprintf("[{uid: %d, agents: [%s]}]", os.Getuid(), agentName)
	s.listen = fmt.Sprintf("socket: %q", s.socket())
	s.decision = fmt.Sprintf("{target: %q, timeout: %s}", "unix://"+s.socket(), questionTime)
	for _, change := range changes {
		change(s)
	}
	for name, key := range s.keys() {
		s.write(t, name+".key", key+"\n")
	}
	return s
}

func (s *setup) socket() string { return filepath.Join(s.dir, "pdp.sock") }

func (s *setup) state() string { return filepath.Join(s.dir, "state") }

func (s *setup) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The sections of a configuration.
const (
	secHead     = "apiVersion: outrider.dev/v1\nkind: Config\n"
	secSidecar  = "agent: {name: $agent, labels: {app: road}}\nlisten: {agent: \"$port.agent\", admin: \"$port.admin\"$tls}\n"
	secLimits   = "limits: $limits\n"
	secDecision = "decision: $decision\n"
	secInside   = "pdp: {listen: {http: \"$port.pdp\"}, state: $state}\n"
	secPDP      = "pdp: {listen: {http: \"$port.pdp\", $listen}, peers: $peers, state: $state}\n"
	secRoutes   = `llm:
  providers:
    - {name: main, url: $main, key: {file: $dir/main.key}}
    - {name: spare, url: $spare, key: {file: $dir/spare.key}}
    - {name: limited, url: $main, key: {file: $dir/main.key}}
    - {name: script, url: $script/v1, key: {file: $dir/script.key}}
  routes:
    - {match: {models: ["grok-*"]}, to: [{provider: main}]}
    - {match: {models: ["llama-*", "nomic", "GROK-*"]}, to: [{provider: main}]}
    - {match: {models: ["limited-first-*"]}, to: [{provider: limited}, {provider: spare}]}
    - {match: {models: ["failover-limited-*"]}, to: [{provider: main}, {provider: limited}]}
    - {match: {models: ["failover-*"]}, to: [{provider: main}, {provider: spare, model: $model}]}
    - {match: {models: ["limited-*"]}, to: [{provider: limited}]}
    - {match: {models: ["script-failover-*"]}, to: [{provider: script}, {provider: spare, model: $model}]}
    - {match: {models: ["script-*"]}, to: [{provider: script}]}
mcp:
  servers:
    - {name: github, url: $github, auth: {bearer: {file: $dir/github.key}}}
    - {name: slack, url: $slack, auth: {bearer: {file: $dir/slack.key}}}
    - {name: script, url: $script/mcp, auth: {bearer: {file: $dir/script.key}}}
guards: $guards
`
)

const policy = `---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: road}
spec:
  agents: {matchLabels: {app: road}}
  traffic:
    jwtAuthentication:
      mode: Strict
      surfaces: [MCP]
      providers:
        - {issuer: $issuer, audiences: ["$audience"], jwks: {remote: {url: $jwks}}}
    rateLimiting:
      - {match: {provider: limited}, per: Agent, limits: [{requestsPerMinute: $perMinute}]}
  backend:
    mcp:
      denyPolicy: {matchExpressions: ["tool.name.contains('delete') || tool.name.contains('merge_pull_request')"]}
      guards:
        request: [{type: PII, action: Redact}]
        response: [{type: PII, action: Redact}]
    llm:
      models: {allow: ["grok-*", "failover-*", "limited-*", "script-*", "unrouted-*"]}
      guards:
        request: [{type: PII, action: Redact}, {type: Injection, action: Block}]
        response: [{type: Secret, action: Block}]
  rules:
    - name: readers
      allow: {tools: ["list_*", "get_*", "search_*"]}
      when: "'mcp:read' in scopes || 'mcp:write' in scopes || 'mcp:admin' in scopes"
    - name: writers
      allow: {tools: ["post_*", "create_*", "comment_*"]}
      when: "'mcp:write' in scopes || 'mcp:admin' in scopes"
    - {name: admins, allow: {tools: ["admin_*"]}, when: "'mcp:admin' in scopes"}
    - name: no-infra
      deny: {tools: ["create_issue"]}
      when: "has(tool.args.repo) && tool.args.repo.startsWith('infra/')"
      message: "Ask the platform team."
`

// text puts a configuration together from its sections.
func (s *setup) text(sections ...string) string {
	return strings.NewReplacer(
		"$port.agent", s.ports.agent, "$port.admin", s.ports.admin, "$port.pdp", s.ports.pdp, "$limits", s.limits,
		"$guards", strings.ReplaceAll(s.guards, "$dir", s.dir), "$agent", s.agent, "$tls", s.tls, "$decision", s.decision, "$listen", s.listen, "$peers", s.peers,
		"$state", s.state(), "$dir", s.dir, "$model", spareModel, "$perMinute", fmt.Sprint(perMinute),
		"$main", s.main.URL, "$spare", s.spare.URL, "$script", s.script.url,
		"$github", s.github.URL, "$slack", s.slack.URL,
		"$issuer", s.issuer.URL, "$audience", issuer.Audience, "$jwks", s.issuer.JWKS(),
	).Replace(strings.Join(sections, ""))
}
