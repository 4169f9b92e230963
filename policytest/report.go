package policytest

import (
	"context"
	"regexp"
	"slices"
	"time"
)

// Report is what became of several suites.
type Report struct {
	Suites []SuiteReport
	Rules  []Rule // of all policies, each once; only where coverage was asked for
	Took   time.Duration
}

// SuiteReport is what became of one suite.
type SuiteReport struct {
	Name, File string
	Results    []Result
	Unasked    []string // services that guards ask elsewhere: here they find nothing
}

// Failed counts the cases that did not pass.
func (s *SuiteReport) Failed() int {
	n := 0
	for i := range s.Results {
		if !s.Results[i].Passed() {
			n++
		}
	}
	return n
}

// Failed counts the cases that did not pass.
func (r *Report) Failed() int {
	n := 0
	for i := range r.Suites {
		n += r.Suites[i].Failed()
	}
	return n
}

// Cases counts the cases that ran.
func (r *Report) Cases() int {
	n := 0
	for _, s := range r.Suites {
		n += len(s.Results)
	}
	return n
}

// Covered counts the rules that held for a case.
func (r *Report) Covered() int {
	n := 0
	for _, rule := range r.Rules {
		if rule.Covered {
			n++
		}
	}
	return n
}

// Percent is the share of covered rules, rounded down; 100 where there are none.
func (r *Report) Percent() int {
	if len(r.Rules) == 0 {
		return 100
	}
	return 100 * r.Covered() / len(r.Rules)
}

// Options choose what [Run] does.
type Options struct {
	Pattern  *regexp.Regexp // of full names, "suite/case"; nil: all
	Coverage bool
}

// Run runs the suites one after another. Those of which no case matches are
// left out of the report.
func Run(ctx context.Context, suites []*Suite, opt Options) (*Report, error) {
	start, report := time.Now(), &Report{}
	for _, s := range suites {
		results, err := s.Run(ctx, opt.Pattern)
		if err != nil {
			return nil, err
		}
		if len(results) == 0 {
			continue
		}
		report.Suites = append(report.Suites, SuiteReport{s.Name(), s.File(), results, s.unasked()})
		if !opt.Coverage {
			continue
		}
		rules, err := s.Coverage(ctx, opt.Pattern)
		if err != nil {
			return nil, err
		}
		report.add(rules)
	}
	report.Took = time.Since(start)
	return report, nil
}

// add unites the rules of policies that several suites test.
func (r *Report) add(rules []Rule) {
	for _, rule := range rules {
		at := slices.IndexFunc(r.Rules, func(have Rule) bool {
			return have.At.File == rule.At.File && have.Policy == rule.Policy && have.Name == rule.Name
		})
		if at < 0 {
			r.Rules = append(r.Rules, rule)
			continue
		}
		r.Rules[at].Covered = r.Rules[at].Covered || rule.Covered
	}
}
