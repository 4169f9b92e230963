package cel

import (
	"slices"
	"strconv"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"outrider.dev/outrider/authz/input"
)

// tree is an expression taken apart at its logical operators. Its leaves are
// atoms or settled. The operators are those of the language: false settles a
// conjunction and true a disjunction whatever the other side comes to, errors
// included, so the order of evaluation decides nothing and cheap sides go
// first; of what is left, not knowing outweighs an error.
type tree struct {
	op    operator
	truth Truth // of a settled leaf
	atom  *atom // of an atom
	kids  []*tree
}

type operator uint8

const (
	settled operator = iota
	leaf
	and
	or
	not
	choice // condition, then, else
)

// settle is a leaf that is known.
func settle(t Truth) *tree { return &tree{op: settled, truth: t} }

// grow takes a checked expression apart. The callback makes an atom of what
// has no logical operator on top.
func grow(e ast.Expr, atomOf func(ast.Expr) (*tree, error)) (*tree, error) {
	if e.Kind() == ast.LiteralKind {
		if e.AsLiteral() == types.True {
			return settle(True), nil
		}
		if e.AsLiteral() == types.False {
			return settle(False), nil
		}
	}
	op := leaf
	if e.Kind() == ast.CallKind {
		op = map[string]operator{
			operators.LogicalAnd: and, operators.LogicalOr: or, operators.LogicalNot: not, operators.Conditional: choice,
		}[e.AsCall().FunctionName()]
	}
	if op == leaf || op == settled {
		return atomOf(e)
	}
	t := &tree{op: op}
	for _, arg := range e.AsCall().Args() {
		kid, err := grow(arg, atomOf)
		if err != nil {
			return nil, err
		}
		t.kids = append(t.kids, kid)
	}
	return t.flat(), nil
}

// flat puts the sides of nested operators of one kind side by side, those that
// need no library first.
func (t *tree) flat() *tree {
	if t.op != and && t.op != or {
		return t
	}
	var cheap, dear []*tree
	for _, kid := range t.kids {
		list := []*tree{kid}
		if kid.op == t.op {
			list = kid.kids
		}
		for _, k := range list {
			if k.cheap() {
				cheap = append(cheap, k)
			} else {
				dear = append(dear, k)
			}
		}
	}
	t.kids = slices.Concat(cheap, dear)
	return t
}

func (t *tree) cheap() bool {
	for _, kid := range t.kids {
		if !kid.cheap() {
			return false
		}
	}
	return t.op != leaf || t.atom.quick != nil
}

// eval evaluates the tree for a call.
func (t *tree) eval(c *input.Call, m Memo) Truth {
	switch t.op {
	case leaf:
		return t.atom.eval(c, m)
	case not:
		return opposite(t.kids[0].eval(c, m))
	case choice:
		switch cond := t.kids[0].eval(c, m); cond {
		case True:
			return t.kids[1].eval(c, m)
		case False:
			return t.kids[2].eval(c, m)
		default:
			return cond
		}
	case and, or:
		decides := t.decides()
		rest := opposite(decides)
		for _, kid := range t.kids {
			got := kid.eval(c, m)
			if got == decides {
				return got
			}
			rest = weaker(rest, got)
		}
		return rest
	default:
		return t.truth
	}
}

// decides is what one side alone settles the operator with.
func (t *tree) decides() Truth {
	if t.op == or {
		return True
	}
	return False
}

// opposite is the negation. What is neither stays what it is.
func opposite(t Truth) Truth {
	switch t {
	case True:
		return False
	case False:
		return True
	default:
		return t
	}
}

// weaker is what two sides come to of which none settles the operator.
func weaker(a, b Truth) Truth {
	switch {
	case a == Unknown || b == Unknown:
		return Unknown
	case a == Failed || b == Failed:
		return Failed
	default:
		return a
	}
}

// fold settles what the call's key tells and returns what is left, which
// comes to the same for every call with this key. Without a call it settles
// what reads nothing.
func (t *tree) fold(c *input.Call) *tree {
	switch t.op {
	case settled:
		return t
	case leaf:
		if t.atom.depends == input.OnKey && (c != nil || t.atom.constant) {
			return settle(t.atom.eval(c, nil))
		}
		return t
	}
	kids := make([]*tree, len(t.kids))
	for i, kid := range t.kids {
		kids[i] = kid.fold(c)
	}
	switch t.op {
	case not:
		if kids[0].op == settled {
			return settle(opposite(kids[0].truth))
		}
	case choice:
		if kids[0].op == settled {
			return chosen(kids)
		}
	default:
		return t.joined(kids)
	}
	return &tree{op: t.op, kids: kids}
}

// chosen is a choice whose condition is known.
func chosen(kids []*tree) *tree {
	switch kids[0].truth {
	case True:
		return kids[1]
	case False:
		return kids[2]
	default:
		return kids[0]
	}
}

// joined is a conjunction or disjunction of folded sides.
func (t *tree) joined(kids []*tree) *tree {
	out := &tree{op: t.op}
	decides := t.decides()
	rest := opposite(decides)
	for _, kid := range kids {
		switch {
		case kid.op != settled:
			out.kids = append(out.kids, kid)
		case kid.truth == decides:
			return kid
		default:
			rest = weaker(rest, kid.truth)
		}
	}
	switch {
	case len(out.kids) == 0:
		return settle(rest)
	case rest != opposite(decides):
		out.kids = append(out.kids, settle(rest))
	case len(out.kids) == 1:
		return out.kids[0]
	}
	return out
}

// alike reports whether the tree comes to the same for all entries of a list.
func (t *tree) alike() bool {
	for _, kid := range t.kids {
		if !kid.alike() {
			return false
		}
	}
	return t.op != leaf || t.atom.depends == input.OnCall && !t.atom.mixed
}

// sign writes down what sets the tree apart from others.
func (t *tree) sign(b []byte) []byte {
	b = append(b, '(', 'a'+byte(t.op), 'a'+byte(t.truth))
	if t.op == leaf {
		b = strconv.AppendInt(b, int64(t.atom.id), 10)
	}
	for _, kid := range t.kids {
		b = kid.sign(b)
	}
	return append(b, ')')
}
