package clients

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// playTime bounds one program; loading the SDKs is most of it.
const playTime = 2 * time.Minute

// step is one line that a program prints: what it saw, and how the SDK raised
// what went wrong.
type step struct {
	Step  string
	Saw   saw
	Error *raised
}

type saw struct {
	// LLM
	Text    string
	Finish  string
	Usage   *usage
	Chunks  int
	Calls   []toolCall
	Vectors int
	Size    int
	IDs     []string
	Passed  int
	// MCP
	Protocol string
	Tools    []string
	IsError  bool `json:"is_error"`
}

type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
}

type toolCall struct{ Name, Arguments string }

// raised is an error of an SDK. Code is a word in OpenAI's errors and a number
// in JSON-RPC's.
type raised struct {
	Class      string
	Status     int
	Type       string
	Code       any
	Message    string
	DecisionID string `json:"decision_id"`
	RetryAfter string `json:"retry_after"`
	Data       struct {
		Reason   string
		Decision string
		Rule     string
	}
}

// installed are the interpreters that the programs need, with their SDKs.
type installed struct{ python, nodeDir string }

var install = sync.OnceValues(func() (installed, error) {
	cmd := exec.CommandContext(context.Background(), "./install")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	python, nodeDir, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return installed{python, nodeDir}, err
})

// play runs one of the programs against url and returns its steps by name, in
// a map, with everything it printed.
func play(t *testing.T, program, url, bearer string, env ...string) (map[string]step, string) {
	t.Helper()
	in, err := install()
	if err != nil {
		t.Fatalf("install the SDKs: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), playTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, in.python, program)
	if strings.HasSuffix(program, ".mjs") {
		cmd = exec.CommandContext(ctx, "node", program)
	}
	cmd.Env = append(os.Environ(), append(env, "OUTRIDER_URL="+url, "OUTRIDER_BEARER="+bearer, "OUTRIDER_NODE_DIR="+in.nodeDir)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", program, err, out, stderr.String())
	}
	return readSteps(t, out), string(out)
}

func readSteps(t *testing.T, out []byte) map[string]step {
	t.Helper()
	steps := map[string]step{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var s step
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatalf("not a step: %s: %v", lines.Text(), err)
		}
		steps[s.Step] = s
	}
	return steps
}

// mustSee returns a step that came out without an error.
func mustSee(t *testing.T, steps map[string]step, name string) saw {
	t.Helper()
	s, ok := steps[name]
	switch {
	case !ok:
		t.Errorf("%s: the program did not get there", name)
	case s.Error != nil:
		t.Errorf("%s: the SDK raised %+v", name, *s.Error)
	}
	return s.Saw
}

// mcpPrograms are the SDKs and the protocols that they are to speak.
var mcpPrograms = []struct{ name, program, mode, protocol string }{
	{"Python", "mcp_client.py", "auto", "2026-07-28"},
	{"Python with a handshake", "mcp_client.py", "legacy", "2025-11-25"},
	{"TypeScript", "mcp_client.mjs", "", "2025-11-25"},
}

// call is a tool call for an MCP program to make.
type call struct {
	Step      string         `json:"step"`
	Tool      string         `json:"tool"`
	Arguments map[string]any `json:"arguments"`
}

func callsEnv(t *testing.T, calls []call) string {
	t.Helper()
	out, err := json.Marshal(calls)
	if err != nil {
		t.Fatal(err)
	}
	return "OUTRIDER_CALLS=" + string(out)
}
