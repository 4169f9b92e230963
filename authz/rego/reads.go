package rego

import (
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"outrider.dev/outrider/authz/input"
)

// reader tells what modules read, and knows what there is to be read.
type reader struct {
	*input.Vocabulary
	data map[string]bool // first names below data: of packages and of data files
}

func newReader(c *ast.Compiler, data map[string]any, words *input.Vocabulary) *reader {
	r := &reader{Vocabulary: words, data: map[string]bool{}}
	for name := range data {
		r.data[name] = true
	}
	for _, m := range c.Modules {
		if first, ok := m.Package.Path[1].Value.(ast.String); ok {
			r.data[string(first)] = true
		}
	}
	return r
}

// has reports whether a reference below data leads to something. Data as a
// whole does not: nobody could tell what of it is meant.
func (r *reader) has(ref ast.Ref) bool {
	if len(ref) < 2 {
		return false
	}
	first, ok := ref[1].Value.(ast.String)
	return ok && r.data[string(first)]
}

// reads is what a piece of a module reads of its input. Where it cannot be
// told (input[x], or a whole object handed on) everything below counts.
type reads struct {
	roots  input.Roots
	args   bool
	fields map[string]bool // by path
	paths  [][]string      // in constant parts: as far as it can be told what is read
}

// reads returns what the rules read, and refuses words that do not exist.
func (r *reader) reads(rules []*ast.Rule) (reads, error) {
	var out reads
	for _, rule := range rules {
		if err := out.of(r, rule); err != nil {
			return out, err
		}
	}
	return out, nil
}

// of collects what x, compiled, reads and refuses words that do not exist.
func (r *reads) of(words *reader, x any) error {
	var refused *Error
	var visitor *ast.GenericVisitor
	visitor = ast.NewGenericVisitor(func(x any) bool {
		term, ok := x.(*ast.Term)
		if !ok || refused != nil {
			return refused != nil
		}
		ref, ok := term.Value.(ast.Ref)
		if v, bare := term.Value.(ast.Var); bare {
			ref, ok = ast.Ref{ast.NewTerm(v)}, true
		}
		switch {
		case !ok:
			return false
		case ref[0].Equal(ast.InputRootDocument):
			refused = r.ref(words, ref, term.Location)
		case ref[0].Equal(ast.DefaultRootDocument) && !words.has(ref):
			refused = at(term.Location, "there is no "+ref.String(), "name rules of a module, or what a data file holds")
		}
		for _, part := range ref[1:] {
			visitor.Walk(part)
		}
		return true
	})
	visitor.Walk(x)
	if refused != nil {
		return refused
	}
	return nil
}

// ownRules is where the rules of our own packages live once they are compiled.
func ownRules() ast.Ref {
	return ast.Ref{ast.DefaultRootDocument, ast.StringTerm(ownPackage)}
}

// ref notes one reference to the input, such as input.tool.args[i].
func (r *reads) ref(words *reader, ref ast.Ref, loc *ast.Location) *Error {
	var parts []string
	for _, term := range ref[1:] {
		s, ok := term.Value.(ast.String)
		if !ok {
			break
		}
		parts = append(parts, string(s))
	}
	// Behind the constant parts the reference may go anywhere.
	path := strings.Join(parts, ".")
	if f, ok := words.Match(parts); ok {
		if beyond := len(ref)-1 > strings.Count(f.Path, ".")+1; beyond && (f.Kind == input.Text || f.Kind == input.Flag) {
			return at(loc, "input."+f.Path+" is a plain value and has no fields", "read it as it is")
		}
		r.field(f, parts)
		return nil
	}
	if path != "" && !words.Leads(path) {
		fix := "see the list of words that rules may read"
		if near := words.Nearest(path); near != "" {
			fix = "did you mean input." + near + "?"
		}
		return at(loc, "no field input."+path, fix)
	}
	for _, f := range words.Under(path) {
		if path != "" || f.Stage < input.Guarded { // who hands on all of the input means the call
			r.field(f, strings.Split(f.Path, "."))
		}
	}
	return nil
}

// field notes that a field is read, or what a path leads to in it.
func (r *reads) field(f input.Field, path []string) {
	r.roots |= f.Root
	r.args = r.args || f.Args
	if r.fields == nil {
		r.fields = map[string]bool{}
	}
	r.fields[f.Path] = true
	if !slices.ContainsFunc(r.paths, func(p []string) bool { return slices.Equal(p, path) }) {
		r.paths = append(r.paths, path)
	}
}

// Read is what a rule of a module, or one that it uses, reads of a word.
type Read struct {
	Piece             // the rule
	Path  []string    // as far as it is constant
	Roots input.Roots // of all that the rule reads, those that it uses too
}

// Reads returns what the rules that are asked for read of a word.
func (m *Module) Reads(word string) []Read {
	var out []Read
	for _, q := range []*query{m.allow, m.deny, m.visible, m.mutate} {
		if q == nil {
			continue
		}
		for i, r := range q.own {
			for _, path := range q.each[i].paths {
				if strings.HasPrefix(strings.Join(path, ".")+".", word+".") {
					out = append(out, Read{Piece: pieceOf(r), Path: path, Roots: q.each[i].roots})
				}
			}
		}
	}
	return out
}

// uses returns the rules and those that they use, each once.
func uses(c *ast.Compiler, rules []*ast.Rule) []*ast.Rule {
	var out []*ast.Rule
	seen := map[*ast.Rule]bool{}
	for len(rules) > 0 {
		rule := rules[0]
		rules = rules[1:]
		if seen[rule] {
			continue
		}
		seen[rule] = true
		out = append(out, rule)
		for dep := range c.Graph.Dependencies(rule) {
			if r, ok := dep.(*ast.Rule); ok {
				rules = append(rules, r)
			}
		}
	}
	return out
}

// written leaves out defaults and adds what stands behind an else.
func written(rules []*ast.Rule) []*ast.Rule {
	var out []*ast.Rule
	seen := map[*ast.Rule]bool{}
	for _, r := range rules {
		for ; r != nil && !r.Default && !seen[r]; r = r.Else {
			seen[r] = true
			out = append(out, r)
		}
	}
	return out
}
