// Command outrider-pdp is the decision service by itself.
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

	"outrider.dev/outrider/assemble/decisionservice"
)

// version is set when a release is linked.
var version = "dev" //nolint:gochecknoglobals // the linker can only set a variable

const help = `Usage: outrider-pdp -c FILE

The decision service by itself: it answers sidecars, gateways and programs.

Example: outrider-pdp -c outrider.yaml

Flags:
  -c FILE      Configuration.
  --version    Show the version.
  --help       Show this.
`

func main() { os.Exit(execute(os.Args[1:])) }

// execute returns the exit code: 0 ok, 1 failed, 2 usage.
func execute(args []string) int {
	flags := flag.NewFlagSet("outrider-pdp", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	file := flags.String("c", "", "")
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
	case *file == "":
		err = errors.New("-c FILE is missing")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "outrider-pdp: %v\nTry: outrider-pdp --help\n", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := decisionservice.Run(ctx, *file, version); err != nil {
		fmt.Fprintf(os.Stderr, "outrider-pdp: %v\n", err)
		return 1
	}
	return 0
}
