package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
)

// shownID is how much of a decision id a line shows: enough for `outrider why`.
const shownID = 8

// callLine is what the records of one call come to.
type callLine struct {
	effect string // allow, deny or mutate; failed and left where the call did not come to its end
	ended  bool
	reason string   // of a denial or a failure
	rule   string   // that let the call pass
	found  []string // types, each once
	usage  string
}

// add takes in the next record of the call.
func (l *callLine) add(r *audit.Record) {
	for _, f := range r.Findings {
		if !slices.Contains(l.found, f.Type) {
			l.found = append(l.found, f.Type)
		}
	}
	switch r.Phase {
	case audit.PhaseOutcome:
		l.end(r)
		return
	case audit.PhaseUnjudged:
		l.reason = "without a decision"
		l.end(r)
		return
	case audit.PhaseRequest:
		l.rule = ruleName(r.Rule)
		// Nothing further comes of a call that was refused, or that a program
		// only asked about: that one has no target.
		l.ended = r.Effect == decision.Deny.String() || len(r.Providers) == 0
	}
	if l.effect == "" || r.Effect != decision.Allow.String() {
		l.effect = r.Effect
	}
	if r.Effect == decision.Deny.String() {
		l.reason = strings.TrimSpace(string(r.Code) + " " + ruleName(r.Rule))
	}
}

// end takes in how the call ended.
func (l *callLine) end(r *audit.Record) {
	l.ended = true
	if l.effect == "" {
		l.effect = r.Effect
	}
	l.usage = tokens(r.Usage)
	switch r.End {
	case decision.EndFailed:
		l.effect, l.reason = "failed", "no good answer from "+strings.Join(r.Providers, ", ")
	case decision.EndDisconnected:
		l.effect, l.reason = "left", "the agent went away"
	}
}

// ruleName leaves out where the rule stands: `outrider why` says that.
func ruleName(rule string) string {
	name, _, _ := strings.Cut(rule, " (")
	return name
}

func tokens(u decision.Usage) string {
	if u.Input+u.Output == 0 {
		return ""
	}
	about := ""
	if u.Estimated {
		about = "about "
	}
	return fmt.Sprintf("%s%d in, %d out tokens", about, u.Input, u.Output)
}

// because says what decided, what was found and what the call used.
func (l *callLine) because() string {
	parts := []string{l.reason}
	if l.reason == "" {
		parts = []string{l.usage}
	}
	if l.reason == "" && l.usage == "" {
		parts = []string{l.rule}
	}
	parts = append(parts, strings.Join(l.found, " "))
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

func (l *callLine) color() string {
	switch l.effect {
	case decision.Allow.String():
		return "\x1b[32m"
	case decision.Mutate.String(), "left":
		return "\x1b[33m"
	default:
		return "\x1b[31m"
	}
}

// what names the call in a few words.
func what(r *audit.Record) string {
	switch {
	case r.Model != "":
		return r.Method + " " + r.Model
	case r.Tool != "":
		return r.Method + " " + r.Tool
	default:
		return r.Method
	}
}

func short(id string) string { return id[:min(len(id), shownID)] }

// column makes text exactly that wide.
func column(text string, width int) string {
	runes := []rune(printable(text))
	if len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return string(runes) + strings.Repeat(" ", width-len(runes))
}

// printable replaces what a terminal would obey instead of show: names of
// models and tools are the agent's, and must not forge lines.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
