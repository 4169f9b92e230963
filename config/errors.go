package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxProblems bounds what is reported of one file; whoever has more to repair
// reads the first ones anyway.
const maxProblems = 20

// Position is a place in a file. Line and Column count from 1, Column in
// characters; both are 0 where the file as a whole is meant.
type Position struct {
	File   string
	Line   int
	Column int
}

// String returns file:line:column, as editors understand it.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Error is one problem of a file. It never shows a value that may be a key.
type Error struct {
	File    string
	Line    int
	Column  int
	Path    string // the field, such as spec.rules[2].when; empty for the document
	Problem string // what is wrong
	Fix     string // what to do; may be empty
}

// Error implements error: where, what, what to do.
func (e *Error) Error() string {
	text := Position{e.File, e.Line, e.Column}.String() + ": " + e.Problem
	if e.Fix != "" {
		text += "; " + e.Fix
	}
	return text
}

// Errors are the problems of all files that were read, one line each, in the
// order of the files.
type Errors []*Error

// Error implements error.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As each problem.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, one := range e {
		out[i] = one
	}
	return out
}

// problems gathers what is wrong with one file.
type problems struct {
	file string
	list []*Error
	more bool // some were left out
}

func (p *problems) add(at Position, path, problem, fix string) {
	if p.full() {
		return
	}
	p.list = append(p.list, &Error{at.File, at.Line, at.Column, path, problem, fix})
}

// full reports whether one more problem would not be shown, and remembers that
// there was one.
func (p *problems) full() bool {
	p.more = p.more || len(p.list) == maxProblems
	return len(p.list) == maxProblems
}

// sorted returns the problems from the top of the file to its bottom.
func (p *problems) sorted() Errors {
	out := slices.Clone(p.list)
	slices.SortStableFunc(out, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if p.more {
		out = append(out, &Error{File: p.file, Problem: "more problems than are shown here", Fix: "repair these first"})
	}
	return out
}

// quoted shows a name or value from a file in a message, bounded in length.
func quoted(s string) string {
	const limit = 40
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
