package cel

import (
	"errors"
	"slices"
	"strings"

	celgo "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types/ref"

	"outrider.dev/outrider/authz/input"
)

// Truth is what an evaluation ended in.
type Truth uint8

// Truths. The zero value is false.
const (
	False Truth = iota
	True
	Unknown // depends on arguments that nobody knows yet
	Failed
)

// Result is the outcome of an evaluation. Missing says of a failed one what
// was missing, in words that hold nothing the caller sent.
type Result struct {
	Truth   Truth
	Missing string
}

// Program is a compiled expression, safe for concurrent use.
type Program struct {
	tree   *tree
	whole  celgo.Program // the expression as the library evaluates it
	fields map[string]input.Field
	atoms  *Atoms
	roots  input.Roots
	args   bool
	stage  input.Stage
	consts map[string]bool // texts that an error may name
	scopes []string
	loose  []string
	asked  []string
	reads  []input.Reading
	words  []string // that are read, those in variables among them
	source ast.Expr
	pieces func() *piece // of the source
}

// newProgram gathers what is asked of an expression later.
func newProgram(c *Compiler, checked *ast.AST, whole celgo.Program, tree *tree, found *reading) *Program {
	p := &Program{source: checked.Expr(), pieces: c.pieces(checked), tree: tree, whole: whole, fields: c.fields, atoms: c.atoms, consts: found.consts, scopes: found.scopes}
	p.asked = found.guarded()
	for _, claim := range found.unguarded() {
		if d := c.fields[claim].Claim; d == nil || d.Default == nil {
			p.loose = append(p.loose, claim)
		}
	}
	seen := map[string]bool{}
	for _, path := range found.paths {
		f := c.field(path)
		if key := strings.Join(path, "\x00"); !seen[key] {
			seen[key] = true
			p.reads = append(p.reads, input.Reading{Field: f, Path: path})
		}
		p.words = union(p.words, []string{f.Path})
		p.roots |= f.Root
		p.args = p.args || f.Args
		p.stage = max(p.stage, f.Stage)
		if v := c.defined[f.Path]; v != nil {
			p.loose, p.scopes, p.words = union(p.loose, v.loose), union(p.scopes, v.scopes), union(p.words, v.words)
		}
	}
	return p
}

// union adds to a list what it lacks of another.
func union(list, more []string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// Roots returns the roots that must exist of a call for the expression to apply.
func (p *Program) Roots() input.Roots { return p.roots }

// ReadsArgs reports whether the expression reads the arguments of a tool call.
func (p *Program) ReadsArgs() bool { return p.args }

// Words returns the words that the expression reads, those that its variables
// read among them.
func (p *Program) Words() []string {
	return slices.DeleteFunc(slices.Clone(p.words), func(w string) bool { return strings.HasPrefix(w, variables) })
}

// ReadsWord reports whether the expression, or a variable that it reads, reads
// the word.
func (p *Program) ReadsWord(path string) bool { return slices.Contains(p.words, path) }

// Stage says from when on everything is known that the expression reads.
func (p *Program) Stage() input.Stage { return p.stage }

// Settled returns what the expression comes to whatever the call, if that is
// known.
func (p *Program) Settled() (Truth, bool) { return p.tree.truth, p.tree.op == settled }

// ScopeTests returns the scopes that the expression asks for by name.
func (p *Program) ScopeTests() []string { return p.scopes }

// Unguarded returns the claims that the expression reads without asking first
// whether they are there.
func (p *Program) Unguarded() []string { return p.loose }

// Guarded returns the claims of which the expression asks whether they are there.
func (p *Program) Guarded() []string { return p.asked }

// Fold returns the program with everything settled that the call's key tells.
// It comes to the same for every call with this key.
func (p *Program) Fold(c *input.Call) *Program {
	folded := *p
	folded.tree = p.tree.fold(c)
	return &folded
}

// Alike reports whether the expression comes to the same for all entries of
// one list that have its plan.
func (p *Program) Alike() bool { return p.tree.alike() }

// Sign appends what sets a folded program apart from other foldings of the
// same expression.
func (p *Program) Sign(b []byte) []byte { return p.tree.sign(b) }

// Truth evaluates the expression for a call. The memo may be nil.
func (p *Program) Truth(c *input.Call, m Memo) Truth { return p.tree.eval(c, m) }

// Eval evaluates the expression as a whole, as it was written, and says of a
// failure what was missing. [Program.Truth] comes to the same in less time.
func (p *Program) Eval(c *input.Call) Result {
	return p.result(evaluate(p.whole, p.fields, &p.atoms.runs, c))
}

// result is what an evaluation by the library ended in.
func (p *Program) result(value ref.Val, err error) Result {
	if err != nil {
		return Result{Truth: Failed, Missing: p.missing(err)}
	}
	t := truthOf(value)
	if t == Failed {
		return Result{Truth: Failed, Missing: "the result is no bool"}
	}
	return Result{Truth: t}
}

// missing names what an evaluation lacked. A key is named only where it stands
// in the expression: a computed one is the caller's content.
func (p *Program) missing(err error) string {
	var why input.Error
	if errors.As(err, &why) {
		return why.Error()
	}
	text := err.Error()
	if key, ok := strings.CutPrefix(text, "no such key: "); ok {
		if p.consts[key] {
			return text
		}
		return "no such key"
	}
	for _, known := range []string{"index out of bounds", "division by zero", "modulus by zero", "overflow"} {
		if strings.Contains(text, known) {
			return known
		}
	}
	if strings.Contains(text, "no such overload") {
		return "a value has another type than the rule expects"
	}
	return "a value cannot be used as the rule uses it"
}
