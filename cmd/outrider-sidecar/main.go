// Command outrider-sidecar is the data plane by itself: it forwards an agent's
// LLM and MCP calls and asks a decision service about each.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"outrider.dev/outrider/assemble/dataplane"
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

func main() { os.Exit(execute(os.Args[1:])) }

// execute returns the exit code: 0 ok, 1 failed, 2 usage.
func execute(args []string) int {
	flags := flag.NewFlagSet("outrider-sidecar", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	opt := dataplane.RunOptions{Version: version}
	flags.Func("decision", "", func(addr string) error {
		opt.Decision = append(opt.Decision, addr)
		return nil
	})
	flags.StringVar(&opt.Config, "c", "", "")
	show := flags.Bool("version", false, "")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(help)
		return 0
	case err != nil:
	case *show:
		fmt.Println(version)
		return 0
	case flags.NArg() > 0:
		err = errors.New("unexpected argument " + flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "outrider-sidecar: %v\nTry: outrider-sidecar --help\n", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := dataplane.Run(ctx, opt); err != nil {
		fmt.Fprintf(os.Stderr, "outrider-sidecar: %v\n", err)
		return 1
	}
	return 0
}
