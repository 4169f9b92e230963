// Command outrider-sidecar is the data plane by itself: it forwards an agent's
// LLM and MCP calls and asks a decision service about each.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"outrider.dev/outrider/assemble/dataplane"
)

// version is set when a release is linked.
var version = "dev" //nolint:gochecknoglobals // the linker can only set a variable

func main() {
	var opt dataplane.RunOptions
	flag.StringVar(&opt.Decision, "decision", "", "address of the decision service: unix:///path, host:port or dns:///host:port")
	flag.StringVar(&opt.Config, "c", "", "configuration `file`: agent, listen, decision, limits, telemetry")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "Usage: outrider-sidecar --decision ADDR [-c FILE]\n\n"+
			"Example: outrider-sidecar --decision unix:///run/outrider/pdp.sock -c sidecar.yaml\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	opt.Version = version
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := dataplane.Run(ctx, opt); err != nil {
		fmt.Fprintf(os.Stderr, "outrider-sidecar: %v\n", err)
		os.Exit(1) //nolint:gocritic // nothing is left to clean up
	}
}
