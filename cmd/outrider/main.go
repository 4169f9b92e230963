// Command outrider is the whole of Outrider in one binary: the data plane and
// the decision service in one process (`run`), the story that shows it
// (`demo`), and the tools around policies and decisions.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes, the same for every command.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(execute(os.Args[1:])) }

// execute runs one command and returns its exit code. SIGINT and SIGTERM end
// the command's context; a second one ends the process at once.
func execute(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	var line commandLine
	var code *int
	parser, err := kong.New(&line, append(parserOptions(), kong.Exit(func(c int) { code = &c }))...)
	if err != nil {
		return fail(err, exitFailed)
	}
	parsed, err := parser.Parse(args)
	if code != nil { // --help or --version has answered
		return *code
	}
	if err != nil {
		return usage(err)
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	var child *childExit
	switch err := parsed.Run(); {
	case errors.As(err, &child):
		return child.code
	case err != nil:
		return fail(err, exitFailed)
	}
	return exitOK
}

func fail(err error, code int) int {
	fmt.Fprintf(os.Stderr, "outrider: %v\n", err)
	return code
}

// usage names the help of the command that was meant.
func usage(err error) int {
	name := "outrider"
	var wrong *kong.ParseError
	if errors.As(err, &wrong) && wrong.Context.Selected() != nil {
		name += " " + wrong.Context.Selected().Name
	}
	fmt.Fprintf(os.Stderr, "outrider: %v\nTry: %s --help\n", err, name)
	return exitUsage
}
