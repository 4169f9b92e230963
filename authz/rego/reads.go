package rego

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"outrider.dev/outrider/authz/input"
)

// reads is what a piece of a module reads of its input. Where it cannot be
// told (input[x], or a whole object handed on) everything below counts.
type reads struct {
	roots  input.Roots
	args   bool
	fields map[string]bool // by path
}

// of collects what x, compiled, reads and refuses words that do not exist.
func (r *reads) of(words *input.Vocabulary, x any) error {
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
		case ref[0].Equal(ast.DefaultRootDocument) && !ref.HasPrefix(ownRules()):
			refused = at(term.Location, "there is no "+ref.String(), "a module has no data besides its own rules")
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

// ownRules is where the module's own rules live once it is compiled.
func ownRules() ast.Ref {
	return ast.Ref{ast.DefaultRootDocument, ast.StringTerm("outrider")}
}

// ref notes one reference to the input, such as input.tool.args[i].
func (r *reads) ref(words *input.Vocabulary, ref ast.Ref, loc *ast.Location) *Error {
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
		r.field(f)
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
		r.field(f)
	}
	return nil
}

// field notes that a field is read.
func (r *reads) field(f input.Field) {
	r.roots |= f.Root
	r.args = r.args || f.Args
	if r.fields == nil {
		r.fields = map[string]bool{}
	}
	r.fields[f.Path] = true
}

// reached returns what the rules read, they and those that they use.
func reached(words *input.Vocabulary, c *ast.Compiler, rules []*ast.Rule) reads {
	var total reads
	seen := map[*ast.Rule]bool{}
	for len(rules) > 0 {
		rule := rules[0]
		rules = rules[1:]
		if seen[rule] {
			continue
		}
		seen[rule] = true
		_ = total.of(words, rule) // unknown words were refused for the whole module
		for dep := range c.Graph.Dependencies(rule) {
			if r, ok := dep.(*ast.Rule); ok {
				rules = append(rules, r)
			}
		}
	}
	return total
}
