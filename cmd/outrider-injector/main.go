// Command outrider-injector is the webhook that puts the sidecar into pods.
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

	"outrider.dev/outrider/assemble/injector"
)

// version is set when a release is linked.
var version = "dev" //nolint:gochecknoglobals // the linker can only set a variable

const help = `Usage: outrider-injector [-c FILE]

The mutating webhook of Kubernetes that puts the sidecar into pods.

Example: outrider-injector -c injection.yaml

Flags:
  -c FILE      An Injection document. Without it everything has its default.
  --version    Show the version.
  --help       Show this.
`

func main() { os.Exit(execute(os.Args[1:])) }

// execute returns the exit code: 0 ok, 1 failed, 2 usage.
func execute(args []string) int {
	flags := flag.NewFlagSet("outrider-injector", flag.ContinueOnError)
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
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "outrider-injector: %v\nTry: outrider-injector --help\n", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := injector.Run(ctx, *file, version); err != nil {
		fmt.Fprintf(os.Stderr, "outrider-injector: %v\n", err)
		return 1
	}
	return 0
}
