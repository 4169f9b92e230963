package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/deploy/envoy"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

type checkCommand struct {
	Paths []string `arg:"" optional:"" name:"file" help:"Files or folders with Config, AgentPolicy and PolicyTest documents."`
	Envoy []string `sep:"none" placeholder:"FILE" help:"An Envoy's configuration, in which nothing may lead past the decision service; may be repeated."`
}

// Help implements kong.HelpProvider.
func (checkCommand) Help() string {
	return "Everything that a start would refuse is refused here, with file, line and column. Keys and issuers are not asked for.\n\n" +
		"Example: outrider check outrider.yaml policies/"
}

// Validate implements the check that kong makes of what was typed.
func (c *checkCommand) Validate() error {
	if len(c.Paths)+len(c.Envoy) == 0 {
		return errors.New("there is nothing to check: name files or folders")
	}
	return nil
}

// Run checks and prints a line for each policy and each warning.
func (c checkCommand) Run(context.Context) error {
	loaded, err := config.Files(c.Paths...)
	if err != nil {
		return err
	}
	checked, err := decisionservice.Check(loaded)
	if err != nil {
		return err
	}
	out := os.Stdout
	if loaded.Config != nil {
		fmt.Fprintf(out, "%-8s config\n", "ok")
	}
	if loaded.Injection != nil {
		fmt.Fprintf(out, "%-8s injection\n", "ok")
	}
	for i := range loaded.Policies {
		p := &loaded.Policies[i]
		fmt.Fprintf(out, "%-8s %-28s %s  %s%s\n", "ok", p.Doc.GetMetadata().GetName(), p.Version, p.File, costs(checked.ArgumentRules[i]))
	}
	for i := range loaded.Tests {
		t := &loaded.Tests[i]
		fmt.Fprintf(out, "%-8s %-28s %-12s  %s\n", "ok", t.Doc.GetMetadata().GetName(), "tests", t.File)
	}
	for _, w := range checked.Warnings {
		fmt.Fprintf(out, "%-8s %s\n", "warning", w)
	}
	return c.envoys(out, loaded.Config)
}

// envoys checks the Envoys that ask a decision service of that configuration,
// where there is one.
func (c checkCommand) envoys(out io.Writer, cfg *configv1.Config) error {
	var maxBody int64
	if cfg != nil {
		var err error
		if maxBody, err = config.Size(cfg.GetLimits().GetBody()); err != nil {
			return err
		}
	}
	var all config.Errors
	for _, file := range c.Envoy {
		var problems config.Errors
		switch err := envoy.Check(file, maxBody); {
		case err == nil:
			fmt.Fprintf(out, "%-8s %-28s %-12s  %s\n", "ok", "envoy", "", file)
		case errors.As(err, &problems):
			all = append(all, problems...)
		default:
			return err
		}
	}
	if len(all) > 0 {
		return all
	}
	return nil
}

// costs says how many rules of a policy a call may cost more for than others:
// those that read arguments cannot be settled before it comes.
func costs(argumentRules int) string {
	switch argumentRules {
	case 0:
		return ""
	case 1:
		return "  (1 rule reads arguments)"
	default:
		return fmt.Sprintf("  (%d rules read arguments)", argumentRules)
	}
}
