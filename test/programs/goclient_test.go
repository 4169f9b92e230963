package programs

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGoClient runs the example of a Go program against a service.
func TestGoClient(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "go-client")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../examples/go-client").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := start(t, policies(t, "arguments"))
	for _, c := range []struct {
		flags string
		code  int
		says  string
	}{
		{"-tool list_issues", 0, "allow rules[0] reads"},
		{"-server payments -tool create_refund -args {\"amount\":50}", 0, "small-refunds"},
		{"-server payments -tool create_refund -args {\"amount\":5000}", 1, "deny not_allowed: no rule allows tool"},
		{"-tool list_issues -agent somebody", 1, "deny no_policy"},
		{"-tool list_issues -args {", 1, "deny body_invalid"},
		{"-tool list_issues -target unix:///nowhere/pdp.sock", 2, "ask the decision service"},
	} {
		args := append([]string{"-target", "unix://" + s.socket, "-agent", "shop-assistant"}, strings.Fields(c.flags)...)
		out, err := exec.CommandContext(t.Context(), bin, args...).CombinedOutput()
		code := 0
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			code = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if code != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: %d %s, want %d %q", c.flags, code, out, c.code, c.says)
		}
	}
}
