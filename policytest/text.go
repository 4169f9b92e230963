package policytest

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// Text prints the report for people: a line for each suite, below it what
// failed and why, the rules that no case reached, and the sum.
func (r *Report) Text(out io.Writer, color bool) {
	names := 0
	for _, s := range r.Suites {
		names = max(names, len(s.Name))
	}
	for i := range r.Suites {
		s := &r.Suites[i]
		word, count := paint("ok  ", green, color), plural(len(s.Results), "case")
		if n := s.Failed(); n > 0 {
			word, count = paint("FAIL", red, color), fmt.Sprintf("%d of %s failed", n, plural(len(s.Results), "case"))
		}
		fmt.Fprintf(out, "%s  %-*s  %-24s  %s\n", word, names, s.Name, count, s.File)
		if len(s.Unasked) > 0 {
			fmt.Fprintf(out, "      services are not asked in tests, as if they found nothing: %s\n", strings.Join(s.Unasked, ", "))
		}
		for j := range s.Results {
			if !s.Results[j].Passed() {
				s.failure(out, &s.Results[j], color)
			}
		}
		if s.Failed() > 0 && i+1 < len(r.Suites) {
			fmt.Fprintln(out)
		}
	}
	r.rules(out)
	r.sum(out)
}

// failure tells what was expected, what came, what decided and how to look
// closer.
func (s *SuiteReport) failure(out io.Writer, r *Result, color bool) {
	fmt.Fprintf(out, "\n      %s  %s\n", paint(r.Name, red, color), r.At)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "        %s\t%s\n", name, strings.ReplaceAll(value, "\n", `\n`))
		}
	}
	for _, m := range r.Mismatches {
		row(m.What, "want "+m.Want)
		row("", "got  "+m.Got)
	}
	row("because", r.because())
	row("rule", r.Answer.Verdict.Reason.Rule)
	row("policy", r.Answer.Verdict.Policy)
	if needed := r.Answer.Verdict.Reason.NeededScopes; len(needed) > 0 {
		row("scopes", "would pass with "+strings.Join(needed, " or "))
	}
	row("again", s.again(r))
	_ = w.Flush()
}

// because is the engine's word on the case.
func (r *Result) because() string {
	reason := r.Answer.Verdict.Reason
	if reason.Code == "" {
		return ""
	}
	return strings.TrimSuffix(string(reason.Code)+": "+reason.Message, ": ")
}

// again is the command that runs the case alone.
func (s *SuiteReport) again(r *Result) string {
	return fmt.Sprintf("outrider test %s --run %s", shellWord(s.File), shellWord("^"+quoteMeta(s.Name+"/"+r.Name)+"$"))
}

func (r *Report) rules(out io.Writer) {
	if len(r.Rules) == 0 {
		return
	}
	fmt.Fprintf(out, "\nrules %d of %d held for a case (%d %%)\n", r.Covered(), len(r.Rules), r.Percent())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, rule := range r.Rules {
		if !rule.Covered {
			fmt.Fprintf(w, "      never\t%s\t%s\n", rule.Name, rule.At)
		}
	}
	_ = w.Flush()
}

func (r *Report) sum(out io.Writer) {
	failed := r.Failed()
	fmt.Fprintf(out, "\n%s in %s: %d passed, %d failed (%s)\n",
		plural(r.Cases(), "case"), plural(len(r.Suites), "document"), r.Cases()-failed, failed, r.Took.Round(time.Millisecond))
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// Colours of a terminal.
const (
	red   = "\x1b[31m"
	green = "\x1b[32m"
	plain = "\x1b[0m"
)

func paint(word, color string, colored bool) string {
	if !colored {
		return word
	}
	return color + word + plain
}

// quoteMeta is regexp.QuoteMeta for what people read: it leaves spaces and
// slashes alone and escapes as little as it can.
func quoteMeta(s string) string {
	var b strings.Builder
	for _, c := range s {
		if strings.ContainsRune(`\.+*?()|[]{}^$`, c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// shellWord quotes a word for a POSIX shell where it needs to be.
func shellWord(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return !strings.ContainsRune("-_./:=@%+,", c) && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(filepath.ToSlash(s), "'", `'\''`) + "'"
}
