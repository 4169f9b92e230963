package rego

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"outrider.dev/outrider/authz/input"
)

// deadline bounds one evaluation: far beyond what a sound module takes even
// where processors are short, and within the time that a data plane waits.
const deadline = time.Second

// maxMessages bounds how many messages of a deny are kept.
const maxMessages = 8

// HasAllow reports whether the module defines allow.
func (m *Module) HasAllow() bool { return m.allow != nil }

// HasDeny reports whether the module defines deny.
func (m *Module) HasDeny() bool { return m.deny != nil }

// HasVisible reports whether the module defines visible.
func (m *Module) HasVisible() bool { return m.visible != nil }

// AllowRoots returns the roots that allow reads, itself or by other rules.
func (m *Module) AllowRoots() input.Roots {
	if m.allow == nil {
		return 0
	}
	return m.allow.roots
}

// DenyDepends says what of a call deny depends on. There must be a deny.
func (m *Module) DenyDepends() input.Depends { return m.deny.depends }

// Allow reports whether allow is true.
func (m *Module) Allow(c *input.Call) (bool, error) { return m.allow.holds(c, deadline) }

// Visible reports whether visible is true.
func (m *Module) Visible(c *input.Call) (bool, error) { return m.visible.holds(c, deadline) }

// Opening returns scopes of which each alone would make allow true of a call of
// which it is not. A few texts that stand in the rules are tried, all together
// for no longer than one evaluation may take: callers wait for the answer.
func (m *Module) Opening(c *input.Call) []string { return m.opening(c, deadline) }

func (m *Module) opening(c *input.Call, within time.Duration) []string {
	if m.allow == nil {
		return nil
	}
	var out []string
	until := time.Now().Add(within)
	for _, scope := range m.scopes {
		left := time.Until(until)
		if left <= 0 {
			break
		}
		if slices.Contains(c.Principal.Scopes, scope) {
			continue
		}
		if opens, err := m.allow.holds(c.WithScope(scope), left); opens && err == nil {
			out = append(out, scope)
		}
	}
	return out
}

// Deny returns the messages of deny, sorted; none when it does not deny.
func (m *Module) Deny(c *input.Call) ([]string, error) {
	value, err := m.deny.eval(c, deadline)
	if err != nil || value == nil {
		return nil, err
	}
	set, _ := value.([]any)
	messages := make([]string, 0, len(set))
	for _, v := range set {
		text, ok := v.(string)
		if !ok {
			text = "denied" // a set element of another type still denies
		}
		messages = append(messages, text)
	}
	slices.Sort(messages)
	return messages[:min(len(messages), maxMessages)], nil
}

// holds asks a query that yields a bool; undefined is false.
func (q *query) holds(c *input.Call, within time.Duration) (bool, error) {
	value, err := q.eval(c, within)
	if err != nil || value == nil {
		return false, err
	}
	holds, ok := value.(bool)
	if !ok {
		return false, errors.New("the rule's value is no bool")
	}
	return holds, nil
}

// eval returns the value of a query, nil where it is undefined. Its errors say
// where and of which kind, never with which values.
func (q *query) eval(c *input.Call, within time.Duration) (any, error) {
	if q == nil {
		return nil, nil
	}
	in, err := q.document(c)
	if err != nil {
		return nil, err
	}
	results, err := q.run(in, within)
	if err != nil {
		return nil, describe(err)
	}
	if len(results) == 0 || len(results[0].Expressions) == 0 {
		return nil, nil
	}
	return results[0].Expressions[0].Value, nil
}

// run evaluates the query within a time.
func (q *query) run(in ast.Value, within time.Duration, more ...rego.EvalOption) (rego.ResultSet, error) {
	// A context with a deadline would cost a goroutine for every evaluation.
	cancel := topdown.NewCancel()
	timer := time.AfterFunc(within, cancel.Cancel)
	defer timer.Stop()
	options := append([]rego.EvalOption{rego.EvalParsedInput(in), rego.EvalExternalCancel(cancel)}, more...)
	return q.Eval(context.Background(), options...)
}

// describe says of which kind an error is. The library's own text repeats
// values of the input.
func describe(err error) error {
	var e *topdown.Error
	if !errors.As(err, &e) {
		return errors.New("the module cannot be evaluated")
	}
	what := map[string]string{
		topdown.CancelErr:   fmt.Sprintf("the evaluation took longer than %s", deadline),
		topdown.ConflictErr: "two rules give different values",
		topdown.TypeErr:     "a value has another type than the rule expects",
		topdown.BuiltinErr:  "a built-in function cannot use a value",
	}[e.Code]
	if what == "" {
		what = "the module cannot be evaluated"
	}
	switch loc := e.Location; {
	case loc == nil || e.Code == topdown.CancelErr:
	case loc.File == inline:
		what += fmt.Sprintf(" (line %d)", loc.Row)
	default: // callers read it, and need not know the folder
		what += fmt.Sprintf(" (%s:%d)", path.Base(loc.File), loc.Row)
	}
	return errors.New(what)
}
