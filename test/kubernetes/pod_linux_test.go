package kubernetes

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"outrider.dev/outrider/demo/issuer"
)

// provider stands in for the LLM provider and keeps what it received.
type provider struct {
	mu       sync.Mutex
	received []received
}

type received struct{ path, authorization, body string }

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	p.received = append(p.received, received{r.URL.Path, r.Header.Get("Authorization"), string(body)})
	p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"id":"c1","object":"chat.completion","created":1,"model":"gpt-5-mini","choices":[`+
		`{"index":0,"message":{"role":"assistant","content":"The mail is sent."},"finish_reason":"stop"}],`+
		`"usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14}}`)
}

func (p *provider) all() []received {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.received
}

// said is a line that the agent printed.
type said struct {
	Step   string
	Status int
	Text   string
}

// TestInjectedPodRuns runs the pods that the API server stored: the decision service
// out of the base's Deployment, and the agent's with the sidecar that the injector gave
// it. Only names and volumes are provided for; images, arguments, users and what is
// mounted where are those of the objects.
func TestInjectedPodRuns(t *testing.T) {
	c := install(t)
	agent := agents(t, c)
	c.must(t, nil, "delete", "configmap", "outrider-trust", "-n", "agents", "--ignore-not-found")
	c.must(t, nil, "create", "configmap", "outrider-trust", "-n", "agents", "--from-file=ca.crt="+c.dir+"/ca.crt")
	startInjector(t, c)

	n := newNetwork(t)
	var llm provider
	n.serve(t, providerAddress, &llm)
	n.serve(t, githubAddress, github)
	okta := startIssuer(t, c, n)
	n.relay(t, "127.0.0.1:443", "127.0.0.1:"+c.port)

	k := newKubelet(t, c, n, "outrider-pdp.outrider.svc", "kubernetes.default.svc")
	k.load(t, images(t), "outrider-pdp", "outrider-sidecar")
	dir := t.TempDir()
	if err := makeImages(dir, "linux/"+runtime.GOARCH, "./test/kubernetes/agent"); err != nil {
		t.Fatal(err)
	}
	k.load(t, dir, "agent")

	pdp := c.stored(t, podOf(c.get(t, "deployment", "outrider-pdp", "-n", "outrider"), "ReplicaSet"))
	defer c.remove(t, pdp)
	k.run(t, pdp)
	k.ready(t, n, "http://127.0.0.1:9193/readyz", pdp, "outrider-pdp")
	stored := c.stored(t, agent)
	defer c.remove(t, stored)
	k.run(t, stored)
	k.ready(t, n, "http://127.0.0.1:14001/readyz", stored, "outrider")

	lines := k.listen(t, stored)
	checkAgent(t, lines, k.logs(t, stored, "outrider"))
	checkTools(t, lines, okta)
	k.checkRecord(t, pdp, lines["forbidden tool"].Text)
	k.stop(t, pdp)
	checkClosed(t, n)
	checkProvider(t, llm.all())
}

// checkClosed calls as the agent does while no decision service answers.
func checkClosed(t *testing.T, n *network) {
	t.Helper()
	res, err := n.client().Post("http://127.0.0.1:14000/v1/chat/completions", "application/json",
		strings.NewReader(`{"model":"gpt-5-mini","messages":[{"role":"user","content":"Is anybody there?"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "pdp_unavailable") {
		t.Errorf("without a decision service the call was answered %s %s", res.Status, body)
	}
}

// ready waits for a container as the kubelet would; its log tells why it is not.
func (k *kubelet) ready(t *testing.T, n *network, url string, pod object, container string) {
	t.Helper()
	if err := until(url, nil, func() error { return n.ready(url) }); err != nil {
		t.Fatalf("%v\n%s", err, k.logs(t, pod, container))
	}
}

func (k *kubelet) logs(t *testing.T, pod object, container string) string {
	t.Helper()
	return k.podman(t, "logs", pod["metadata"].(object)["name"].(string)+"-"+container)
}

// listen waits for the last line of the agent.
func (k *kubelet) listen(t *testing.T, pod object) map[string]said {
	t.Helper()
	lines := map[string]said{}
	mustUntil(t, "the agent's last line", nil, func() error {
		out := k.logs(t, pod, "agent")
		for line := range strings.Lines(out) {
			var s said
			if err := json.Unmarshal([]byte(line), &s); err != nil {
				return err
			}
			lines[s.Step] = s
		}
		if _, ok := lines["done"]; !ok {
			return fmt.Errorf("it said %s", out)
		}
		return nil
	})
	return lines
}

func checkAgent(t *testing.T, lines map[string]said, sidecar string) {
	t.Helper()
	if s := lines["user"]; s.Status != 1000 {
		t.Errorf("the agent runs as %d", s.Status)
	}
	if s := lines["token"]; !strings.Contains(s.Text, "no such file") {
		t.Errorf("the agent reads what is the sidecar's: %s", s.Text)
	}
	if s := lines["chat"]; s.Status != http.StatusOK || !strings.Contains(s.Text, "The mail is sent.") {
		t.Errorf("the call was answered %d %s\n%s", s.Status, s.Text, sidecar)
	}
	if s := lines["attack"]; s.Status != http.StatusForbidden || !strings.Contains(s.Text, "guard_injection") {
		t.Errorf("the attack was answered %d %s", s.Status, s.Text)
	}
}

// checkProvider looks at what left the pod: one call, with the provider's key instead
// of the placeholder, and without what is nobody's business.
func checkProvider(t *testing.T, calls []received) {
	t.Helper()
	if len(calls) != 1 {
		t.Fatalf("the provider received %d calls, want 1: %v", len(calls), calls)
	}
	call := calls[0]
	if call.path != "/v1/chat/completions" || call.authorization != "Bearer "+providerKey {
		t.Errorf("the provider received %s with %q", call.path, call.authorization)
	}
	if strings.Contains(call.body, "jane.doe") || !strings.Contains(call.body, "the build is green") {
		t.Errorf("the provider received %s", call.body)
	}
}

// startIssuer serves the agent's issuer, and puts a token of it where the agent's team
// mounts it. It returns the token.
func startIssuer(t *testing.T, c *cluster, n *network) string {
	t.Helper()
	okta, err := issuer.New("http://"+issuerAddress, issuer.Client{ID: "copilot", Secret: "s3cret", Scopes: []string{"mcp:read"}})
	if err != nil {
		t.Fatal(err)
	}
	n.serve(t, issuerAddress, okta)
	res, err := n.client().PostForm(okta.TokenURL(), url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"copilot"}, "client_secret": {"s3cret"}, "scope": {"mcp:read"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		t.Fatalf("the issuer answers %s: %v", res.Status, err)
	}
	c.apply(t, object{
		"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": "devops-copilot-okta", "namespace": "agents"},
		"stringData": object{"token": answer.AccessToken},
	})
	return answer.AccessToken
}

// checkTools compares what the agent saw with what the MCP server received: the calls
// that may pass, with the server's token and without the agent's.
func checkTools(t *testing.T, lines map[string]said, token string) {
	t.Helper()
	for step, want := range map[string]said{
		"stranger":       {Text: "Unauthorized"},
		"tools":          {Status: 2, Text: "list_issues list_repos"},
		"tool":           {Status: http.StatusOK, Text: "false acme/web has 2 issues"},
		"forbidden tool": {Text: "Unknown tool: delete_repo (decision "},
	} {
		if got := lines[step]; got.Status != want.Status || !strings.Contains(got.Text, want.Text) {
			t.Errorf("%s: %d %s, want %d %s", step, got.Status, got.Text, want.Status, want.Text)
		}
	}
	calls := 0
	for _, r := range github.Since(0) {
		if got := r.Header.Get("Authorization"); got != "Bearer "+github.Token() {
			t.Errorf("the MCP server received a request with %q", got)
		}
		if seen := fmt.Sprint(r.Header, string(r.Body)); strings.Contains(seen, token) || strings.Contains(seen, "delete_repo") {
			t.Errorf("the MCP server received %s", seen)
		}
		if strings.Contains(string(r.Body), `"tools/call"`) {
			calls++
		}
	}
	if calls != 1 {
		t.Errorf("the MCP server received %d calls of tools, want 1", calls)
	}
}

// checkRecord asks why as docs/kubernetes.md says: beside the decision service, which has no
// such command, with its state mounted. No kubelet would run that container here, so the
// command runs by itself.
func (k *kubelet) checkRecord(t *testing.T, pdp object, refusal string) {
	t.Helper()
	_, id, _ := strings.Cut(strings.TrimSuffix(refusal, ")"), "(decision ")
	dir, name := t.TempDir(), pdp["metadata"].(object)["name"].(string)
	custom, binary := filepath.Join(dir, "state.json"), filepath.Join(dir, "outrider")
	write(t, custom, `{"volumeMounts": [{"name": "state", "mountPath": "/var/lib/outrider", "readOnly": true}]}`)
	k.must(t, nil, "debug", name, "-n", "outrider", "--image=localhost/outrider:test", "--profile=restricted", "--custom="+custom,
		"--arguments-only", "--", "why", id, "--state", "/var/lib/outrider")
	if err := os.WriteFile(binary, commandOf(t, "outrider"), 0o700); err != nil {
		t.Fatal(err)
	}
	mustUntil(t, "the record", nil, func() error {
		out, _, err := command(t.Context(), nil, binary, "why", id, "--state", filepath.Join(k.dir, "pods", name, "state"))
		if err == nil && !strings.Contains(out, "delete_repo") {
			err = fmt.Errorf("it says %s", out)
		}
		return err
	})
}
