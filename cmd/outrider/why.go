package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/config"
)

type whyCommand struct {
	ID     string `arg:"" help:"Decision id, or at least its first eight characters."`
	State  string `type:"existingdir" placeholder:"DIR" help:"State directory of the decision service."`
	Config string `short:"c" type:"existingfile" placeholder:"FILE" help:"Configuration that names the state directory."`
}

// Help implements kong.HelpProvider.
func (whyCommand) Help() string {
	return "Every answer carries its decision id in the header Outrider-Decision and in the text of an error.\n\n" +
		"Example: outrider why 7g2k9q4m"
}

// Run prints the records of a decision, the oldest first.
func (c whyCommand) Run(context.Context) error {
	dirs, err := c.dirs()
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		records, err := audit.Find(dir, c.ID)
		switch {
		case err == nil:
			slices.Reverse(records)
			explain(os.Stdout, colored(os.Stdout), records)
			return nil
		case !errors.Is(err, audit.ErrNotFound):
			return err
		}
	}
	return fmt.Errorf("no decision %q is recorded in %s: older ones are dropped; name another folder with --state DIR or -c FILE",
		c.ID, strings.Join(dirs, " or "))
}

// dirs are where the decision may be recorded: where the user says, else
// where `outrider run` and `outrider demo` keep their records.
func (c whyCommand) dirs() ([]string, error) {
	switch {
	case c.State != "":
		return []string{c.State}, nil
	case c.Config != "":
		loaded, err := config.Load(c.Config)
		if err != nil {
			return nil, err
		}
		return []string{decisionservice.StateDir(loaded.Config)}, nil
	default:
		return []string{decisionservice.StateDir(nil), decisionservice.DemoStateDir()}, nil
	}
}

func explain(out io.Writer, color bool, records []audit.Record) {
	for i := range records {
		if again(records[:i], &records[i]) {
			continue
		}
		if i > 0 {
			fmt.Fprintln(out)
		}
		explainOne(out, &records[i])
		if e := records[i].Explained; e != nil {
			(&rulePrinter{out: out, color: color}).print(e.Rules)
		}
	}
}

// again reports whether a record only tells once more what one before it does: a data
// plane reports a call again where it did not hear that it was recorded.
func again(before []audit.Record, r *audit.Record) bool {
	return r.Phase == audit.PhaseUnjudged &&
		slices.ContainsFunc(before, func(b audit.Record) bool { return reflect.DeepEqual(b, *r) })
}

// explainOne prints a record. What stands in it may be the agent's words.
func explainOne(out io.Writer, r *audit.Record) {
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(out, "  %-10s %s\n", name, printable(value))
		}
	}
	fmt.Fprintf(out, "%s  %s\n", printable(heading(r)), printable(r.ID))
	row("when", r.Time.Local().Format(time.RFC3339))
	row("call", strings.TrimSpace(string(r.Surface)+" "+r.Method))
	row("agent", r.Agent)
	row("subject", r.Subject)
	row("model", r.Model)
	row("server", r.Server)
	row("tool", r.Tool)
	row("reason", string(r.Code))
	row("message", r.Message)
	row("rule", r.Rule)
	row("policy", named(r.Policy, r.Version))
	row("to pass", change(r))
	row("went to", strings.Join(r.Providers, ", "))
	for _, f := range r.Findings {
		row("found", finding(f.Type, f.Rule, f.Segment, f.Start, f.End, f.Action))
	}
	if r.MoreFindings > 0 {
		row("found", fmt.Sprintf("and %d more", r.MoreFindings))
	}
	for _, u := range r.Unread {
		what := "refused"
		if u.Passed {
			what = "passed"
		}
		row("unread", "by "+u.Service+", "+what+": "+u.Why)
	}
	for _, e := range r.Edits {
		row("changed", e.What+" by "+e.Rule)
	}
	for _, o := range r.Observed {
		if o.Change != "" {
			row("observed", fmt.Sprintf("%s would have changed: %s by %s", o.Policy, o.Change, o.Rule))
			continue
		}
		row("observed", fmt.Sprintf("%s would have refused: %s %s", o.Policy, o.Code, o.Rule))
	}
	if r.Phase == audit.PhaseOutcome || r.Phase == audit.PhaseUnjudged {
		row("ended", string(r.End))
		row("used", tokens(r.Usage))
	}
}

func heading(r *audit.Record) string {
	switch r.Phase {
	case audit.PhaseRuling:
		return "answer: " + r.Effect
	case audit.PhaseOutcome:
		return "outcome"
	case audit.PhaseUnjudged:
		return "passed without a decision"
	default:
		return "request: " + r.Effect
	}
}

// change is the smallest change that would have let the call pass. The rules
// that tell are recorded for refusals by rules.
func change(r *audit.Record) string {
	switch {
	case r.Explained != nil && r.Explained.More > 0:
		return fmt.Sprintf("%s (%d more rules are not kept)", r.Explained.Change, r.Explained.More)
	case r.Explained != nil:
		return r.Explained.Change
	case r.Code.OfRules():
		return "not worked out: too much was refused at that time, or the arguments were too long; ask `outrider explain`"
	default:
		return ""
	}
}
