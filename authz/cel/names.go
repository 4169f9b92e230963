package cel

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"outrider.dev/outrider/authz/input"
)

// Name is a name of a tool, or how one begins.
type Name struct {
	Text   string
	Prefix bool
}

// ToolNames returns the names of tools for which the expression can come to
// anything but false, or false where any name will do.
func (p *Program) ToolNames() ([]Name, bool) { return p.tree.toolNames() }

// Refuted reports whether the call's key alone makes the expression false. It
// costs less than to fold one that the key leaves open.
func (p *Program) Refuted(c *input.Call) bool { return p.tree.surely(False, c) }

// surely reports whether the call's key alone makes the tree come to true or to
// false. It may miss some.
func (t *tree) surely(to Truth, c *input.Call) bool {
	switch t.op {
	case leaf:
		return t.atom.depends == input.OnKey && t.atom.eval(c, nil) == to
	case not:
		return t.kids[0].surely(opposite(to), c)
	case and, or:
		every := to != t.decides() // one side is enough for what decides
		for _, kid := range t.kids {
			if kid.surely(to, c) != every {
				return !every
			}
		}
		return every
	case settled:
		return t.truth == to
	default:
		return false
	}
}

// toolNames of a conjunction are those of one of its sides: what is false on
// one side is false altogether, even where another side fails.
func (t *tree) toolNames() ([]Name, bool) {
	switch t.op {
	case leaf:
		return t.atom.names, t.atom.names != nil
	case settled:
		return nil, t.truth == False
	case and:
		for _, kid := range t.kids {
			if names, bounded := kid.toolNames(); bounded {
				return names, true
			}
		}
	case or:
		var all []Name
		for _, kid := range t.kids {
			names, bounded := kid.toolNames()
			if !bounded {
				return nil, false
			}
			all = append(all, names...)
		}
		return all, true
	}
	return nil, false
}

// namesOf returns the names that an atom on the tool's name asks for.
func namesOf(e ast.Expr) []Name {
	if e.Kind() != ast.CallKind {
		return nil
	}
	call := e.AsCall()
	args := call.Args()
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	if len(args) != 2 {
		return nil
	}
	word, constant := args[0], args[1]
	if word.Kind() != ast.IdentKind && call.FunctionName() == operators.Equals {
		word, constant = constant, word
	}
	if word.Kind() != ast.IdentKind || word.AsIdent() != "tool.name" && word.AsIdent() != "mcp.tool.name" {
		return nil
	}
	text, ok := stringOf(constant)
	switch {
	case ok && call.FunctionName() == operators.Equals:
		return []Name{{Text: text}}
	case ok && call.FunctionName() == "startsWith" && text != "":
		return []Name{{Text: text, Prefix: true}}
	case call.FunctionName() == operators.In && constant.Kind() == ast.ListKind:
		return namesIn(constant.AsList())
	}
	return nil
}

func namesIn(list ast.ListExpr) []Name {
	var names []Name
	for _, e := range list.Elements() {
		text, ok := stringOf(e)
		if !ok {
			return nil
		}
		names = append(names, Name{Text: text})
	}
	return names
}
