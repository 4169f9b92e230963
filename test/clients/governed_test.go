package clients

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/demo/issuer"
	"outrider.dev/outrider/demo/standin"
)

// TestGoverned drives the road with every SDK, in one process and in two, and
// expects the same of both.
func TestGoverned(t *testing.T) {
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-race", "-o", bin, "../../cmd/...")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the commands: %v\n%s", err, out)
	}
	t.Run("in process", func(t *testing.T) {
		r := startStandins(t, bin)
		r.start(t, r.admin, "outrider", "run", "-c", "run.yaml")
		r.drive(t)
	})
	t.Run("over the wire", func(t *testing.T) {
		r := startStandins(t, bin)
		r.start(t, r.pdpHTTP, "outrider-pdp", "-c", "pdp.yaml")
		r.start(t, r.admin, "outrider-sidecar", "--decision", "unix://"+r.socket(), "-c", "sidecar.yaml")
		r.drive(t)
	})
}

func (r *road) drive(t *testing.T) {
	t.Run("openai", r.driveOpenAI)
	for _, p := range mcpPrograms {
		t.Run(p.name, func(t *testing.T) { r.driveMCP(t, p.program, p.mode, p.protocol) })
	}
	t.Run("expired token", r.driveExpired)
	r.checkLogs(t)
}

func (r *road) driveOpenAI(t *testing.T) {
	steps, printed := play(t, "openai_client.py", "http://"+r.agent+"/v1", agentKey, llmEnv()...)
	seeOpenAI(t, steps)

	redacted := mustSee(t, steps, "redacted").Text
	if !containsAll(redacted, "[US_SSN]", "[EMAIL]", "[PHONE]") {
		t.Errorf("the provider repeated %q, want placeholders", redacted)
	}
	for _, tt := range []struct{ step, class, code string }{
		{"blocked", "PermissionDeniedError", "guard_injection"},
		{"leak", "PermissionDeniedError", "guard_secret"},
		{"leak_stream", "APIError", "guard_secret"},
		{"model_refused", "PermissionDeniedError", "model_not_allowed"},
		{"rate_limit", "RateLimitError", "rate_limited"},
	} {
		got := mustRaise(t, steps, tt.step)
		if got.Class != tt.class || got.Code != tt.code || !containsAll(got.Message, got.DecisionID) {
			t.Errorf("%s: raised %+v, want %s with code %s and the decision's id in its message", tt.step, got, tt.class, tt.code)
		}
	}
	if got := steps["rate_limit"]; got.Saw.Passed != admitted || got.Error == nil || got.Error.RetryAfter == "" {
		t.Errorf("rate_limit: %+v, want %d calls to pass and a time to retry after", got, admitted)
	}
	if secret := r.provider.Planted(); strings.Contains(printed, secret[4:12]) {
		t.Error("a part of the planted credential reached the agent")
	}
	r.checkProvider(t)
}

// checkProvider asserts on what the provider received.
func (r *road) checkProvider(t *testing.T) {
	t.Helper()
	received := r.provider.Since(0)
	if len(received) == 0 {
		t.Error("the provider received nothing")
	}
	for _, got := range received {
		checkCredential(t, "the provider", got, r.provider.Key(), agentKey)
		for _, secret := range []string{"536-22-8190", "ann@example.com", "555 0134", "Ignore all previous", "unlisted-model"} {
			if strings.Contains(string(got.Body), secret) {
				t.Errorf("the provider received %q", secret)
			}
		}
	}
}

// checkCredential holds one request to the far side's own key, and to nothing
// of what the agent showed.
func checkCredential(t *testing.T, who string, got standin.Received, key string, agents ...string) {
	t.Helper()
	if auth := got.Header.Get("Authorization"); auth != "Bearer "+key {
		t.Errorf("%s received another credential than its own", who)
	}
	head, err := json.Marshal(got.Header)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range agents {
		if strings.Contains(string(head), secret) || strings.Contains(string(got.Body), secret) {
			t.Errorf("%s received the agent's credential", who)
		}
	}
}

var (
	readTools = []string{
		"github__get_issue", "github__list_issues", "github__list_repos", "github__search_code",
		"slack__get_message", "slack__list_channels", "slack__search_messages",
	}
	writeTools = []string{"github__comment_issue", "github__create_issue", "slack__post_message"}
)

func (r *road) driveMCP(t *testing.T, program, mode, protocol string) {
	infra := map[string]any{"repo": "infra/prod", "title": "Open the firewall"}
	calls := []call{
		{"read", "github__list_issues", map[string]any{"repo": "acme/web"}},
		{"write", "slack__post_message", map[string]any{"channel": "ops", "text": "hello"}},
		{"argument", "github__create_issue", infra},
		{"delete", "github__delete_repo", map[string]any{"repo": "acme/web"}},
	}
	for _, tt := range []struct {
		client issuer.Client
		tools  []string
		writes bool
	}{
		{reader, readTools, false},
		{writer, slices.Concat(readTools, writeTools), true},
	} {
		t.Run(tt.client.ID, func(t *testing.T) {
			token := r.token(t, tt.client)
			github, slack := r.github.Total(), r.slack.Total()
			steps, _ := play(t, program, "http://"+r.agent+"/mcp", token, "OUTRIDER_MCP_MODE="+mode, callsEnv(t, calls))
			if got := mustSee(t, steps, "initialize").Protocol; got != protocol {
				t.Errorf("the SDK speaks %s through the road, want %s", got, protocol)
			}
			want := slices.Sorted(slices.Values(tt.tools))
			if got := mustSee(t, steps, "list").Tools; !slices.Equal(got, want) {
				t.Errorf("tools %v, want %v", got, want)
			}
			seeCalls(t, steps, tt.writes)
			checkServer(t, r.github.Name, r.github.Since(github), r.github.Token(), token)
			checkServer(t, r.slack.Name, r.slack.Since(slack), r.slack.Token(), token)
			if posted := called(r.slack.Since(slack), "post_message"); posted != tt.writes {
				t.Errorf("post_message reached the server: %v, want %v", posted, tt.writes)
			}
		})
	}
}

// seeCalls asserts on what the SDK made of the calls, by what the caller may.
func seeCalls(t *testing.T, steps map[string]step, writes bool) {
	t.Helper()
	if got := mustSee(t, steps, "read"); got.IsError || !containsAll(got.Text, "acme/web has 2 issues") {
		t.Errorf("read: %+v", got)
	}
	if writes {
		if got := mustSee(t, steps, "write"); got.IsError || got.Text != "posted to #ops" {
			t.Errorf("write: %+v", got)
		}
		mustRefuse(t, steps, "argument", "denied_by_rule", "Ask the platform team.")
	} else {
		mustRefuse(t, steps, "write", "tool_unknown", "Unknown tool")
		mustRefuse(t, steps, "argument", "tool_unknown", "Unknown tool")
	}
	mustRefuse(t, steps, "delete", "tool_unknown", "Unknown tool")
}

// mustRaise returns the error of a step that was to be refused.
func mustRaise(t *testing.T, steps map[string]step, name string) raised {
	t.Helper()
	s, ok := steps[name]
	if !ok || s.Error == nil {
		t.Errorf("%s: the SDK raised nothing; it saw %+v", name, s.Saw)
		return raised{}
	}
	return *s.Error
}

// mustRefuse asserts on a refused tool call: its words and a decision's id, and
// for a visible tool the reason. The TypeScript SDK hands a refusal with an
// HTTP status of its own over as text, so the message is read there.
func mustRefuse(t *testing.T, steps map[string]step, name, reason, words string) {
	t.Helper()
	got := mustRaise(t, steps, name)
	if got.Class == "StreamableHTTPError" {
		var body struct{ Error raised }
		_, text, _ := strings.Cut(got.Message, "endpoint: ")
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			t.Errorf("%s: no JSON-RPC error in %q: %v", name, got.Message, err)
		}
		got = body.Error
	}
	if !containsAll(got.Message, words) || got.Data.Decision == "" {
		t.Errorf("%s: raised %+v, want %q and a decision's id", name, got, words)
	}
	if reason != "tool_unknown" && got.Data.Reason != reason {
		t.Errorf("%s: reason %q, want %s", name, got.Data.Reason, reason)
	}
}

func checkServer(t *testing.T, name string, received []standin.Received, key, token string) {
	t.Helper()
	for _, got := range received {
		checkCredential(t, name, got, key, token)
	}
	for _, tool := range []string{"delete_repo", "create_issue"} {
		if called(received, tool) {
			t.Errorf("%s received a call of %s", name, tool)
		}
	}
}

// called reports whether a call of the tool arrived.
func called(received []standin.Received, tool string) bool {
	return slices.ContainsFunc(received, func(got standin.Received) bool {
		var message struct {
			Method string
			Params struct{ Name string }
		}
		return json.Unmarshal(got.Body, &message) == nil && message.Method == "tools/call" && message.Params.Name == tool
	})
}

// driveExpired shows a token that has expired: no SDK gets as far as a list.
func (r *road) driveExpired(t *testing.T) {
	token, err := r.issuer.Forge(issuer.Expired, reader.ID, reader.Scopes...)
	if err != nil {
		t.Fatal(err)
	}
	github := r.github.Total()
	for _, p := range mcpPrograms {
		steps, _ := play(t, p.program, "http://"+r.agent+"/mcp", token, "OUTRIDER_MCP_MODE="+p.mode, callsEnv(t, []call{}))
		mustRaise(t, steps, "failed")
		if _, listed := steps["list"]; listed {
			t.Errorf("%s listed tools with an expired token", p.name)
		}
	}
	if n := r.github.Total() - github; n != 0 {
		t.Errorf("%d requests with an expired token reached a server", n)
	}
}

// checkLogs keeps secrets and judged content out of what the commands print.
func (r *road) checkLogs(t *testing.T) {
	t.Helper()
	secrets := []string{
		agentKey, r.provider.Key(), r.provider.Planted(), r.github.Token(), r.slack.Token(),
		"536-22-8190", "ann@example.com", "eyJ",
	}
	for _, log := range r.logs {
		for _, secret := range secrets {
			if strings.Contains(log.String(), secret) {
				t.Errorf("a command printed a secret or judged content that begins %.4q", secret)
			}
		}
	}
}
