package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"outrider.dev/outrider/assemble/decisionservice"
)

// childGrace is how long the command may take to end after SIGTERM.
const childGrace = 10 * time.Second

// childExit carries the exit code of the command out of `outrider run`.
type childExit struct{ code int }

// Error implements error.
func (e *childExit) Error() string { return fmt.Sprintf("the command ended with %d", e.code) }

// runChild runs the command behind the data plane at base. Its environment
// has the base URLs and a placeholder key; the provider keys stay here.
func runChild(ctx context.Context, command []string, base string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the user's own command
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = childEnvironment(os.Environ(), base)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = childGrace
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) && ctx.Err() == nil:
		return &childExit{code: max(exit.ExitCode(), exitFailed)}
	case ctx.Err() != nil:
		return nil
	default:
		return fmt.Errorf("run %s: %w", command[0], err)
	}
}

func childEnvironment(env []string, base string) []string {
	keys := append(decisionservice.KeyVariables(), "OPENAI_BASE_URL", "OPENAI_API_BASE", "OUTRIDER_MCP_URL")
	env = slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(keys, name)
	})
	return append(env,
		"OPENAI_BASE_URL="+base+"/v1",
		"OPENAI_API_KEY=outrider",
		"OUTRIDER_MCP_URL="+base+"/mcp",
	)
}
