package clients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"outrider.dev/outrider/demo/issuer"
	"outrider.dev/outrider/demo/llm"
	"outrider.dev/outrider/demo/tools"
	"outrider.dev/outrider/test/freeport"
	"outrider.dev/outrider/test/started"
)

const (
	startTime = 20 * time.Second // until a part is ready
	drainTime = 10 * time.Second // from SIGTERM to the end
	admitted  = 3                // requests a minute to the limited provider
	agentKey  = "outrider-placeholder-key"
)

var (
	reader = issuer.Client{ID: "reader", Secret: "reader-secret", Scopes: []string{"mcp:read"}}
	writer = issuer.Client{ID: "writer", Secret: "writer-secret", Scopes: []string{"mcp:write"}}
)

// road is everything that stands on loopback for one run of the SDKs.
type road struct {
	dir     string
	bin     string
	agent   string // where agents connect
	admin   string
	pdpHTTP string

	provider      *llm.Provider
	github, slack *tools.Server
	issuer        *issuer.Issuer

	logs []*started.Log
}

// startStandins starts what stands around the road and writes the configuration.
func startStandins(t *testing.T, bin string) *road {
	t.Helper()
	// Not t.TempDir: the path of a unix socket is short.
	dir, err := os.MkdirTemp("", "outrider")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := &road{dir: dir, bin: bin, agent: freeport.For(t), admin: freeport.For(t), pdpHTTP: freeport.For(t)}
	r.provider = started.By(t, llm.Start)
	r.github = started.By(t, tools.StartGitHub)
	r.slack = started.By(t, tools.StartSlack)
	r.issuer = started.By(t, func() (*issuer.Issuer, error) { return issuer.Start(reader, writer) })
	r.write(t, "provider.key", r.provider.Key())
	r.write(t, "github.key", r.github.Token())
	r.write(t, "slack.key", r.slack.Token())
	r.write(t, "policy.yaml", fmt.Sprintf(policy, r.issuer.URL, issuer.Audience, r.issuer.JWKS(), admitted))
	r.write(t, "run.yaml", r.config("listen", "pdp", "engine"))
	r.write(t, "pdp.yaml", r.config("pdp", "engine"))
	r.write(t, "sidecar.yaml", r.config("listen", "decision"))
	return r
}

func (r *road) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const policy = `apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: clients}
spec:
  agents: {names: [client]}
  traffic:
    jwtAuthentication:
      mode: Strict
      providers:
        - issuer: %s
          audiences: [%q]
          jwks: {remote: {url: %q}}
    rateLimiting:
      - match: {provider: limited}
        per: Agent
        limits: [{requestsPerMinute: %d}]
  backend:
    llm:
      models: {allow: ["grok-*", "gpt-*"]}
      guards:
        request:  [{type: PII, action: Redact}, {type: Injection, action: Block}]
        response: [{type: Secret, action: Block}]
  rules:
    - {name: readers, allow: {tools: ["list_*", "get_*", "search_*"]}, when: "'mcp:read' in scopes || 'mcp:write' in scopes"}
    - {name: writers, allow: {tools: ["post_*", "create_*", "comment_*"]}, when: "'mcp:write' in scopes"}
    - {name: no-infra, deny: {tools: ["create_issue"]}, when: "has(tool.args.repo) && tool.args.repo.startsWith('infra/')", message: "Ask the platform team."}
    - {name: no-deletes, deny: {tools: ["delete_*"]}}
`

// config puts a configuration together from its parts.
func (r *road) config(parts ...string) string {
	text := "apiVersion: outrider.dev/v1\nkind: Config\nagent: {name: client}\n"
	for _, part := range parts {
		text += map[string]string{
			"listen":   fmt.Sprintf("listen: {agent: %q, admin: %q}\n", r.agent, r.admin),
			"decision": fmt.Sprintf("decision: {target: %q}\n", "unix://"+r.socket()),
			"pdp": fmt.Sprintf("pdp:\n  state: %s\n  listen: {socket: %s, http: %q}\n  peers: [{uid: %d, agents: [client]}]\n",
				filepath.Join(r.dir, "state"), r.socket(), r.pdpHTTP, os.Getuid()),
			"engine": fmt.Sprintf(`llm:
  providers:
    - {name: open, url: %[1]q, key: {file: provider.key}}
    - {name: limited, url: %[1]q, key: {file: provider.key}}
  routes:
    - match: {models: [%[2]s]}
      to: [{provider: limited}]
    - to: [{provider: open}]
mcp:
  servers:
    - {name: github, url: %[3]q, auth: {bearer: {file: github.key}}}
    - {name: slack, url: %[4]q, auth: {bearer: {file: slack.key}}}
policies: [policy.yaml]
`, r.provider.URL, llm.OtherChatModel, r.github.URL, r.slack.URL),
		}[part]
	}
	return text
}

func (r *road) socket() string { return filepath.Join(r.dir, "pdp.sock") }

// start runs one of the commands until the end of the test and waits until it
// is ready. At the end it has to drain and exit with 0.
func (r *road) start(t *testing.T, ready string, command string, args ...string) {
	t.Helper()
	log := &started.Log{}
	r.logs = append(r.logs, log)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(r.bin, command), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.dir, log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%s ended with %v\n%s", command, err, log)
			}
		case <-time.After(drainTime):
			_ = cmd.Process.Kill()
			<-ended
			t.Errorf("%s did not drain within %s\n%s", command, drainTime, log)
		}
	})
	if err := waitReady(t.Context(), "http://"+ready+"/readyz"); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, log)
	}
}

func waitReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(res.Status)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready within %s: %w", startTime, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// token asks the issuer for a token of the client.
func (r *road) token(t *testing.T, c issuer.Client) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(c.Scopes, " ")}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.issuer.TokenURL(), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(c.ID, c.Secret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Token == "" {
		t.Fatalf("the issuer answered %s: %v", res.Status, err)
	}
	return answer.Token
}
