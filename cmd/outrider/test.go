package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"

	"outrider.dev/outrider/policytest"
)

type testCommand struct {
	Paths       []string `arg:"" name:"path" help:"Files with PolicyTest documents, or folders that hold some anywhere below."`
	Pattern     string   `name:"run" placeholder:"PATTERN" help:"Run only the cases whose name, document/case, matches this regular expression."`
	Output      string   `short:"o" default:"text" enum:"text,junit" help:"How results are written: text, junit."`
	Coverage    bool     `help:"Say which rules held for no case."`
	MinCoverage int      `placeholder:"PERCENT" help:"Fail where a smaller share of the rules held for a case; implies --coverage."`
	Watch       bool     `help:"Run again whenever a test or a policy changes, until interrupted."`
}

// Help implements kong.HelpProvider.
func (testCommand) Help() string {
	return "Cases are decided by the engine that decides calls; nothing is sent anywhere.\n\n" +
		"Example: outrider test --min-coverage 90 policies/"
}

// Validate implements the check that kong makes of what was typed.
func (c testCommand) Validate() error {
	if _, err := regexp.Compile(c.Pattern); err != nil {
		return fmt.Errorf("--run: %w", err)
	}
	if c.MinCoverage < 0 || c.MinCoverage > 100 {
		return fmt.Errorf("--min-coverage: %d is no share: give 0 to 100", c.MinCoverage)
	}
	if c.Watch && c.Output != "text" {
		return errors.New("--watch writes text only: leave -o out")
	}
	return nil
}

// Run runs the cases, once or until ctx ends.
func (c testCommand) Run(ctx context.Context) error {
	if !c.Watch {
		_, err := c.once(ctx)
		return err
	}
	watched := c.Paths
	policytest.Watch(ctx, func() []string {
		fmt.Printf("-- %s --\n", time.Now().Format(time.TimeOnly))
		suites, err := c.once(ctx)
		if err != nil {
			fmt.Fprintf(os.Stderr, "outrider: %v\n", err)
		}
		if len(suites) == 0 {
			return watched // what cannot be read now was read before
		}
		watched = slices.Clone(c.Paths)
		for _, s := range suites {
			watched = append(watched, s.Watched()...)
		}
		return watched
	})
	return nil
}

// once loads everything anew and reports.
func (c testCommand) once(ctx context.Context) ([]*policytest.Suite, error) {
	suites, err := policytest.Load(c.Paths...)
	if err != nil {
		return nil, err
	}
	report, err := policytest.Run(ctx, suites, policytest.Options{
		Pattern:  regexp.MustCompile(c.Pattern), // as validated
		Coverage: c.Coverage || c.MinCoverage > 0,
	})
	if err != nil {
		return suites, err
	}
	if report.Cases() == 0 {
		return suites, fmt.Errorf("no case matches --run %s: a name is document/case", c.Pattern)
	}
	if c.Output == "junit" {
		if err := report.JUnit(os.Stdout); err != nil {
			return suites, err
		}
	} else {
		report.Text(os.Stdout, colored(os.Stdout))
	}
	return suites, c.verdict(report)
}

// verdict is an error where something failed.
func (c testCommand) verdict(r *policytest.Report) error {
	if n := r.Failed(); n > 0 {
		return fmt.Errorf("%d of %d cases failed", n, r.Cases())
	}
	if c.MinCoverage > 0 && r.Percent() < c.MinCoverage {
		return fmt.Errorf("%d %% of the rules held for a case, less than %d %%: add a case for each rule that is listed", r.Percent(), c.MinCoverage)
	}
	return nil
}
