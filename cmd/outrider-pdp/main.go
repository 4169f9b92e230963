// Command outrider-pdp is the decision service by itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"outrider.dev/outrider/assemble/decisionservice"
)

// version is set when a release is linked.
var version = "dev" //nolint:gochecknoglobals // the linker can only set a variable

func main() {
	file := flag.String("c", "", "configuration `file`")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "Usage: outrider-pdp -c FILE\n\nExample: outrider-pdp -c outrider.yaml\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if *file == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := decisionservice.Run(ctx, *file, version); err != nil {
		fmt.Fprintf(os.Stderr, "outrider-pdp: %v\n", err)
		os.Exit(1) //nolint:gocritic // nothing is left to clean up
	}
}
