// Command outrider-sidecar is the data plane by itself: it forwards an agent's
// LLM and MCP calls and asks a decision service about each.
package main

import (
	"context"
	"flag"
	"os"

	"outrider.dev/outrider/assemble/dataplane"
	"outrider.dev/outrider/assemble/program"
)

// version is set when a release is linked.
var version = "dev" //nolint:gochecknoglobals // the linker can only set a variable

const help = `Usage: outrider-sidecar [--decision ADDR] [-c FILE]

The data plane by itself: it forwards an agent's LLM and MCP calls and asks a
decision service about each.

Example: outrider-sidecar --decision unix:///run/outrider/pdp.sock -c sidecar.yaml

Flags:
  --decision ADDR    Where the decision service is: unix:///PATH, HOST:PORT or dns:///HOST:PORT.
                     Given several times: a question that one does not answer goes to another.
  -c FILE            Configuration: agent, listen, decision, limits, telemetry.
  --version          Show the version.
  --help             Show this.
`

func main() {
	opt := dataplane.RunOptions{Version: version}
	os.Exit(program.Program{
		Name: "outrider-sidecar", Version: version, Help: help,
		Flags: func(flags *flag.FlagSet) {
			flags.Func("decision", "", func(addr string) error {
				opt.Decision = append(opt.Decision, addr)
				return nil
			})
		},
		Run: func(ctx context.Context, file string) error {
			opt.Config = file
			return dataplane.Run(ctx, opt)
		},
	}.Execute(os.Args[1:]))
}
