// Command outrider-pdp is the decision service by itself.
package main

import (
	"context"
	"os"

	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/assemble/program"
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

func main() {
	os.Exit(program.Program{
		Name: "outrider-pdp", Version: version, Help: help,
		NeedsFile: true,
		Run:       func(ctx context.Context, file string) error { return decisionservice.Run(ctx, file, version) },
	}.Execute(os.Args[1:]))
}
