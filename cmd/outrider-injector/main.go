// Command outrider-injector is the webhook that puts the sidecar into pods.
package main

import (
	"context"
	"os"

	"outrider.dev/outrider/assemble/injector"
	"outrider.dev/outrider/assemble/program"
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

func main() {
	os.Exit(program.Program{
		Name: "outrider-injector", Version: version, Help: help,
		Run: func(ctx context.Context, file string) error { return injector.Run(ctx, file, version) },
	}.Execute(os.Args[1:]))
}
