package clients

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/telemetry"
)

const pythonClient = "../../clients/python"

// python runs a command of the Python client's folder with its interpreter.
func python(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	install := exec.CommandContext(t.Context(), "./install")
	install.Dir, install.Stderr = pythonClient, os.Stderr
	interpreter, err := install.Output()
	if err != nil {
		t.Fatalf("install what the Python client needs: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), strings.TrimSpace(string(interpreter)), args...)
	cmd.Dir, cmd.Env = pythonClient, append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH=.")
	both, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(both)
}

// TestPythonClientIsGenerated: its messages are those of the contract.
func TestPythonClientIsGenerated(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "./generate", "--check")
	cmd.Dir = pythonClient
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestPythonClient runs the example of the Python client, and more of what it
// can, against a decision service.
func TestPythonClient(t *testing.T) {
	socket := "unix://" + decisionService(t, "arguments")
	code, out := python(t, "example.py", socket)
	if want := "20: may pass\n2000: not_allowed: no rule allows tool create_refund"; code != 0 || !strings.HasPrefix(out, want) {
		t.Errorf("the example prints, with %d:\n%s", code, out)
	}
	code, out = python(t, "example.py", "unix:///nowhere/pdp.sock")
	if code != 1 || !strings.Contains(out, "no answer: ") || strings.Contains(out, "may pass") {
		t.Errorf("without a service it prints, with %d:\n%s", code, out)
	}
	code, out = python(t, "-c", more, socket)
	if want := "['list_issues']\nbody_invalid\nFalse\nTrue\nno_policy\n"; code != 0 || out != want {
		t.Errorf("it prints, with %d:\n%s\nwant\n%s", code, out, want)
	}
}

// more asks for what the example leaves out.
const more = `
import sys, outrider
from outrider.decision.v1 import decision_pb2 as pb
with outrider.connect(sys.argv[1]) as pdp:
    question = pb.Request(surface="mcp", method="tools/list", caller=pb.Caller(agent="shop-a"))
    print([t.name for t in pdp.visible(question, [pb.Tool(server="s", name=n) for n in ("list_issues", "drop")])])
    twice = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_issues","name":"drop"}}'
    print(pdp.check(outrider.message("shop-a", "mcp", twice)).reason.code)
    mail = outrider.tool_call("shop-a", "chat", "list_mail", {"text": "ann@example.com"})
    print(outrider.allowed(pdp.check(mail)))
    print(outrider.allowed(pdp.check(outrider.tool_call("shop-a", "chat", "list_mail", {}))))
    print(pdp.check(outrider.chat("somebody", "small-1", [{"role": "user", "content": "hi"}])).reason.code)
`

// decisionService runs a decision service with an example's policy and returns
// its socket.
func decisionService(t *testing.T, example string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "python")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	policy, err := os.ReadFile(filepath.Join("../../examples/policies", example, "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "pdp.sock")
	var text bytes.Buffer
	fmt.Fprintf(&text, "apiVersion: outrider.dev/v1\nkind: Config\npdp: {listen: {socket: %s}, peers: [{uid: %d, agents: [\"*\"]}], state: %s}\n---\n%s", socket, os.Getuid(), dir, policy)
	loaded, err := config.Text("python", text.String())
	if err != nil {
		t.Fatal(err)
	}
	tel, err := telemetry.New(telemetry.Options{Service: "python", Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tel.Close(context.Background()) })
	service, err := decisionservice.New(loaded, decisionservice.Options{Telemetry: tel})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return socket
}
