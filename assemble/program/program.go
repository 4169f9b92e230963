// Package program is what the commands of one part have in common: their
// flags, help, exit codes and signals. The mains of outrider-sidecar,
// outrider-pdp and outrider-injector alone import it; it links the standard
// library only. No call passes here.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Program is a command that runs one part until a signal ends it.
type Program struct {
	Name, Version string
	// Help is all of --help; it tells of -c and --version too.
	Help string
	// NeedsFile tells that nothing runs without -c.
	NeedsFile bool
	// Flags adds what the command takes beside -c; it may be nil.
	Flags func(*flag.FlagSet)
	// Run runs the part with the file of -c until ctx ends.
	Run func(ctx context.Context, file string) error
}

// Execute returns the exit code: 0 ok, 1 failed, 2 usage. SIGINT and SIGTERM
// end the context of Run; a second one ends the process at once.
func (p Program) Execute(args []string) int {
	flags := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	file := flags.String("c", "", "")
	version := flags.Bool("version", false, "")
	if p.Flags != nil {
		p.Flags(flags)
	}
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(p.Help)
		return 0
	case err != nil:
	case *version:
		fmt.Println(p.Version)
		return 0
	case flags.NArg() > 0:
		err = errors.New("unexpected argument " + flags.Arg(0))
	case p.NeedsFile && *file == "":
		err = errors.New("-c FILE is missing")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\nTry: %[1]s --help\n", p.Name, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	if err := p.Run(ctx, *file); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", p.Name, err)
		return 1
	}
	return 0
}
