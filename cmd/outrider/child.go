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
)

// childGrace is how long the command may take to end after SIGTERM.
const childGrace = 10 * time.Second

// childExit carries the exit code of the command out of `outrider run`.
type childExit struct{ code int }

// Error implements error.
func (e *childExit) Error() string { return fmt.Sprintf("the command ended with %d", e.code) }

// signalled is what shells add to the number of the signal that ended a command.
const signalled = 128

// runChild runs the command with that environment. It ends as the command
// ends, also where a signal ended both.
func runChild(ctx context.Context, command, env []string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the user's own command
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = env
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = childGrace
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return &childExit{code: exitCode(exit)}
	case err == nil, ctx.Err() != nil:
		return nil
	default:
		return fmt.Errorf("%w: give a command that can be started, as in outrider run -- python agent.py", err)
	}
}

func exitCode(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return signalled + int(status.Signal())
	}
	return max(exit.ExitCode(), exitFailed)
}

// childEnvironment is env with the base URLs of the data plane at base and a
// placeholder key. The variables in secret stay here: an agent that had them
// could go past the data plane.
func childEnvironment(env []string, base string, secret []string) []string {
	drop := append(slices.Clone(secret), "OPENAI_BASE_URL", "OPENAI_API_BASE", "OUTRIDER_MCP_URL")
	env = slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(drop, name)
	})
	return append(env,
		"OPENAI_BASE_URL="+base+"/v1",
		"OPENAI_API_KEY=outrider",
		"OUTRIDER_MCP_URL="+base+"/mcp",
	)
}
