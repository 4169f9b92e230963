package programs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/demo/issuer"
	"outrider.dev/outrider/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// service is a decision service that runs until its test ends.
type service struct {
	url, socket string
	stop        context.CancelFunc
	ended       chan error
}

// head is the configuration of every service here. Nothing is ever sent to the
// provider and the server.
const head = `apiVersion: outrider.dev/v1
kind: Config
pdp: {listen: {http: "127.0.0.1:0", socket: %q}, peers: [{uid: %d, agents: ["*"]}], state: %q}
llm:
  providers: [{name: local, url: "http://127.0.0.1:1/v1"}]
  routes: [{match: {models: ["small-*"]}, to: [{provider: local}]}]
mcp: {servers: [{name: github, url: "http://127.0.0.1:1/mcp"}], names: Plain}
%s`

// start runs a service with further lines of configuration and with policies.
func start(t *testing.T, more string) *service {
	t.Helper()
	dir, err := os.MkdirTemp("", "programs") // short enough for a unix socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &service{socket: filepath.Join(dir, "pdp.sock"), ended: make(chan error, 1)}
	loaded, err := config.Text("programs", fmt.Sprintf(head, s.socket, os.Getuid(), filepath.Join(dir, "state"), more))
	if err != nil {
		t.Fatal(err)
	}
	tel, err := telemetry.New(telemetry.Options{Service: "programs", Version: "test", Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tel.Close(context.Background()) })
	running, err := decisionservice.New(loaded, decisionservice.Options{Telemetry: tel})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(running.Addresses(), func(a string) bool { return strings.HasPrefix(a, "http://") })
	s.url = running.Addresses()[i]
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() { s.ended <- running.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-s.ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// policies returns a policy of the examples as a document to go on with.
func policies(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "policies", name, "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return "---\n" + string(text)
}

// answer is what came back.
type answer struct {
	*http.Response
	text string
}

// ask sends a request. Headers are pairs of name and value; without a
// Content-Type it is JSON.
func (s *service) ask(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, string(raw)}
}

// into reads the answer, which must be JSON and of that status.
func (a answer) into(t *testing.T, status int, v any) {
	t.Helper()
	if err := json.NewDecoder(bytes.NewReader([]byte(a.text))).Decode(v); err != nil || a.StatusCode != status {
		t.Fatalf("%d %s: %v, want %d", a.StatusCode, a.text, err, status)
	}
}

// startIssuer starts an issuer of tokens.
func startIssuer(t *testing.T) *issuer.Issuer {
	t.Helper()
	i, err := issuer.Start(issuer.Client{ID: "ann", Secret: "s", Scopes: []string{"mcp:read"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i
}

// tokenOf gets a token of the client that startIssuer knows.
func tokenOf(t *testing.T, i *issuer.Issuer) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"mcp:read"}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.TokenURL(), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("ann", "s")
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || got.Token == "" {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	return got.Token
}
