package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"

	"outrider.dev/outrider/assemble/dataplane"
	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/sidecar"
	"outrider.dev/outrider/telemetry"
)

type runCommand struct {
	Config  string   `short:"c" type:"existingfile" placeholder:"FILE" help:"Configuration. Without one, provider keys come from the environment and a default policy applies."`
	Open    bool     `help:"Let agents pass that no policy selects."`
	Command []string `arg:"" optional:"" passthrough:"" help:"A command to run behind the data plane."`
}

// Help implements kong.HelpProvider.
func (runCommand) Help() string {
	return "Runs data plane and decision service in one process and prints one line for each call. With a command, " +
		"runs it with the base URLs set and without the provider keys, and ends as it ends.\n\n" +
		"Example: OPENAI_API_KEY=... outrider run -- python agent.py"
}

// Run runs until it is interrupted or the command ends.
func (c runCommand) Run(ctx context.Context) error {
	decisionservice.CollectSeldom()
	loaded, err := c.load()
	if err != nil {
		return err
	}
	logs := newScreen(os.Stderr)
	defer logs.close()
	tel, err := telemetry.New(telemetry.Options{
		Service: "outrider", Version: version, OTLP: loaded.Config.GetTelemetry().GetOtlp(), Log: logs,
	})
	if err != nil {
		return err
	}
	defer tel.Close(ctx)
	lines := newCallPrinter(logs, colored(os.Stderr))
	if len(c.command()) == 0 { // else standard output belongs to the command
		out := newScreen(os.Stdout)
		defer out.close()
		lines = newCallPrinter(out, colored(os.Stdout))
	}
	service, err := decisionservice.New(loaded, decisionservice.Options{Open: c.Open, Telemetry: tel, Seen: lines.print, File: c.Config})
	if err != nil {
		return err
	}
	plane, err := dataplane.New(loaded.Config, service.Engine, tel, version)
	if err != nil {
		return err
	}
	lines.opening(plane, loaded)
	return c.serve(ctx, service, plane, childEnvironment(os.Environ(), plane.Agent(), decisionservice.KeyVariables(loaded)))
}

// load reads the file, or makes a configuration of the environment.
func (c runCommand) load() (*config.Loaded, error) {
	if c.Config == "" {
		return decisionservice.FromEnvironment(os.LookupEnv)
	}
	loaded, err := config.Load(c.Config)
	if err != nil {
		return nil, err
	}
	if loaded.Config.GetDecision() != nil {
		return nil, fmt.Errorf("%s: decision: `outrider run` decides by itself; start `outrider-sidecar -c %s` for another decision service", c.Config, c.Config)
	}
	if len(c.command()) > 0 && loaded.Config.GetListen().GetTls() != nil {
		return nil, fmt.Errorf("%s: listen.tls: a command is reached on loopback and shows no proof; remove listen.tls, or run the command by itself", c.Config)
	}
	return loaded, nil
}

// serve runs the parts and the command. The end of any of them ends all; the
// decision service ends last, because open calls still ask it and report to it.
func (c runCommand) serve(ctx context.Context, service *decisionservice.Service, plane *sidecar.Sidecar, env []string) error {
	deciding, stopDeciding := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDeciding()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var decided errgroup.Group
	decided.Go(func() error {
		defer stop()
		return service.Run(deciding)
	})
	work, running := errgroup.WithContext(ctx)
	work.Go(func() error { return plane.Run(running) })
	if command := c.command(); len(command) > 0 {
		work.Go(func() error {
			defer stop()
			return runChild(running, command, env)
		})
	}
	err := work.Wait()
	stopDeciding()
	if failed := decided.Wait(); err == nil {
		err = failed
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// command is the command line behind --.
func (c runCommand) command() []string {
	if len(c.Command) > 0 && c.Command[0] == "--" {
		return c.Command[1:]
	}
	return c.Command
}
