package policytest

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/pdp"
)

// Result is what became of one case.
type Result struct {
	Name       string
	At         config.Position
	Mismatches []Mismatch // none: the case passed
	Answer     Answer
	Took       time.Duration
}

// Passed reports whether everything came as it was expected.
func (r *Result) Passed() bool { return len(r.Mismatches) == 0 }

// Answer is what the engine said, as far as cases can expect it.
type Answer struct {
	Verdict  *decision.Verdict
	Visible  []string // of a list
	Hidden   []string
	Text     string   // of the last message that is sent on; of a chat
	Args     any      // that are sent on; of a call
	Returned string   // the answer's text, as the agent gets it
	Findings []string // types, each once
	Observed []string // what observing policies would have refused or changed

	Model     string            // that the call is sent on with; of a chat
	MaxTokens uint64            // the larger bound that it is sent on with
	Headers   map[string]string // that are added, by lower-case name
	Mutations []string          // that changed the call

	request *decision.Request // with all that the engine read of it
}

// Run answers the cases whose full name, "suite/case", the pattern matches; a
// nil pattern matches all.
func (s *Suite) Run(ctx context.Context, pattern *regexp.Regexp) ([]Result, error) {
	var engine *pdp.Engine
	var seen *records
	var out []Result
	for _, q := range s.matching(pattern) {
		start := time.Now()
		if engine == nil {
			var err error
			if engine, seen, err = s.engine(s.compiled); err != nil {
				return nil, err
			}
		}
		seen.list = nil
		answer, err := s.answer(ctx, engine, q)
		if err != nil {
			return nil, err
		}
		answer.Observed, answer.Mutations = observed(seen.list), mutations(seen.list)
		if s.limited() && answer.Verdict.Allowed() {
			engine = nil // it counted the call
		}
		if err := s.judgeAnswer(ctx, q, answer); err != nil {
			return nil, err
		}
		out = append(out, Result{
			Name: q.GetName(), At: q.at, Answer: *answer, Took: time.Since(start),
			Mismatches: compare(q.GetExpect(), answer),
		})
	}
	return out, nil
}

func (s *Suite) matching(pattern *regexp.Regexp) []question {
	return slices.DeleteFunc(s.questions(), func(q question) bool {
		return pattern != nil && !pattern.MatchString(s.FullName(q.GetName()))
	})
}

// FullName is what patterns match.
func (s *Suite) FullName(name string) string { return s.Name() + "/" + name }

func (s *Suite) answer(ctx context.Context, e *pdp.Engine, q question) (*Answer, error) {
	r, err := s.request(q)
	if err != nil {
		return nil, err
	}
	raw := r.Body.Raw
	v, err := e.Check(ctx, r)
	if err != nil {
		return nil, err
	}
	a := &Answer{Verdict: v, request: r}
	a.found(v.Findings)
	for _, h := range v.Headers {
		if a.Headers == nil {
			a.Headers = map[string]string{}
		}
		a.Headers[strings.ToLower(h.Name)] = string(h.Value)
	}
	if v.Allowed() {
		if err := a.read(dialect.Apply(nil, raw, v.Splices)); err != nil {
			return nil, err
		}
	}
	if q.GetList() != nil {
		return a, s.list(ctx, e, q, a)
	}
	return a, nil
}

// found adds the types of findings.
func (a *Answer) found(list []decision.Finding) {
	for _, f := range list {
		a.Findings = append(a.Findings, f.Type)
	}
	slices.Sort(a.Findings)
	a.Findings = slices.Compact(a.Findings)
}

// list finds out what a caller sees who may list at all.
func (s *Suite) list(ctx context.Context, e *pdp.Engine, q question, a *Answer) error {
	var seen *decision.Visibility
	if a.Verdict.Allowed() {
		r, err := s.request(q)
		if err != nil {
			return err
		}
		if seen, err = e.FilterTools(ctx, r, s.tools(q.GetList())); err != nil {
			return err
		}
	}
	a.Visible, a.Hidden = split(q.GetList(), seen)
	return nil
}

// read takes from the body that is sent on what cases can expect.
func (a *Answer) read(sent []byte) error {
	var body struct {
		chat
		Params struct {
			Arguments any `json:"arguments"`
		} `json:"params"`
		MaxCompletionTokens uint64 `json:"max_completion_tokens"`
	}
	if err := json.Unmarshal([]byte(unmarked(string(sent))), &body); err != nil {
		return err
	}
	a.Args, a.Model, a.MaxTokens = body.Params.Arguments, body.Model, max(body.MaxTokens, body.MaxCompletionTokens)
	if n := len(body.Messages); n > 0 {
		a.Text = body.Messages[n-1].Content
	}
	return nil
}

func observed(list []audit.Record) []string {
	var out []string
	for _, r := range list {
		for _, o := range r.Observed {
			what := string(o.Code)
			if o.Change != "" {
				what = "changes " + o.Change
			}
			out = append(out, o.Policy+": "+what+" "+o.Rule)
		}
	}
	return out
}

func mutations(list []audit.Record) []string {
	var out []string
	for _, r := range list {
		for _, e := range r.Edits {
			out = append(out, e.Rule)
		}
	}
	return out
}
