package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/term"

	"outrider.dev/outrider/assemble/dataplane"
	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/demo"
)

type demoCommand struct {
	Keep bool `help:"Listen on the standard ports and go on until interrupted."`
}

// Help implements kong.HelpProvider.
func (demoCommand) Help() string {
	return "Starts an OIDC issuer, an LLM stand-in, two MCP servers, the decision service and the sidecar on " +
		"loopback, plays every step over real sockets, and ends with 0 only if each came out as expected.\n\n" +
		"Example: outrider demo --keep"
}

// Run plays the story. Decision service and sidecar are processes of their
// own: this binary, started again.
func (c demoCommand) Run(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program, to start it again: %w", err)
	}
	return demo.Run(ctx, demo.Options{
		Out:   os.Stdout,
		Color: colored(os.Stdout),
		Keep:  c.Keep,
		State: decisionservice.DemoStateDir(),
		Command: func(part demo.Part, config string) *exec.Cmd {
			return exec.Command(self, "part", string(part), config) //nolint:gosec // ourselves
		},
	})
}

func colored(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""
}

type partCommand struct {
	Part   string `arg:"" enum:"pdp,sidecar"`
	Config string `arg:""`
}

// Run runs one part as its own command would.
func (c partCommand) Run(ctx context.Context) error {
	if c.Part == string(demo.PDP) {
		return decisionservice.Run(ctx, c.Config, version)
	}
	return dataplane.Run(ctx, dataplane.RunOptions{Config: c.Config, Version: version})
}
