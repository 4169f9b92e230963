package main

import (
	"context"
	"fmt"
	"os"

	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/config"
)

type checkCommand struct {
	Paths []string `arg:"" name:"file" help:"Files or folders with Config, AgentPolicy and PolicyTest documents."`
}

// Help implements kong.HelpProvider.
func (checkCommand) Help() string {
	return "Everything that a start would refuse is refused here, with file, line and column. Keys and issuers are not asked for.\n\n" +
		"Example: outrider check outrider.yaml policies/"
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
