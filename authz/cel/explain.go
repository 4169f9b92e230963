package cel

import (
	"strings"
	"sync"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// piece is an expression as it was written, taken apart at its logical
// operators like a tree, but in the author's order and with nothing settled.
type piece struct {
	op    operator
	truth Truth  // of a settled one
	text  string // of one without an operator
	atom  *atom  // of the same
	kids  []*piece
}

// pieces returns what takes a checked expression apart when it is first asked
// for: most rules are never explained. Its atoms must be known by then.
func (c *Compiler) pieces(whole *ast.AST) func() *piece {
	atoms, scope, info := c.atoms, c.scope, whole.SourceInfo()
	var take func(e ast.Expr) *piece
	take = func(e ast.Expr) *piece {
		op := operatorOf(e)
		if op == settled {
			truth := False
			if e.AsLiteral() == types.True {
				truth = True
			}
			return &piece{op: settled, truth: truth, text: written(e, info)}
		}
		if op == leaf {
			return &piece{op: leaf, text: written(e, info), atom: atoms.byText[scope+render(e)]}
		}
		p := &piece{op: op}
		for _, arg := range e.AsCall().Args() {
			kid := take(arg)
			if kid.op == op && (op == and || op == or) {
				p.kids = append(p.kids, kid.kids...)
			} else {
				p.kids = append(p.kids, kid)
			}
		}
		return p
	}
	return sync.OnceValue(func() *piece { return take(whole.Expr()) })
}

// operatorOf is the logical operator on top of an expression.
func operatorOf(e ast.Expr) operator {
	if e.Kind() == ast.LiteralKind && (e.AsLiteral() == types.True || e.AsLiteral() == types.False) {
		return settled
	}
	if e.Kind() != ast.CallKind {
		return leaf
	}
	switch e.AsCall().FunctionName() {
	case operators.LogicalAnd:
		return and
	case operators.LogicalOr:
		return or
	case operators.LogicalNot:
		return not
	case operators.Conditional:
		return choice
	}
	return leaf
}

// written is a piece as an author would write it, on one line.
func written(e ast.Expr, info *ast.SourceInfo) string {
	text, err := parser.Unparse(e, info)
	if err != nil {
		return "a part that cannot be shown"
	}
	return strings.ReplaceAll(text, "\n", " ")
}

// Explain evaluates the expression as it was written, every piece of it by
// itself and none of them optimised.
func (p *Program) Explain(c *input.Call) decision.Condition {
	out, _ := p.explain(p.pieces(), c)
	return out
}

func (p *Program) explain(of *piece, c *input.Call) (decision.Condition, Truth) {
	out, truths := decision.Condition{Text: of.text}, make([]Truth, len(of.kids))
	for i, kid := range of.kids {
		var part decision.Condition
		part, truths[i] = p.explain(kid, c)
		out.Parts = append(out.Parts, part)
	}
	truth := of.truth
	switch of.op {
	case leaf:
		got := p.result(evaluate(of.atom.run, of.atom.fields, of.atom.runs, c))
		truth, out.Note = got.Truth, got.Missing
	case not:
		out.Operator, truth = decision.OperatorNot, opposite(truths[0])
	case choice:
		out.Operator, truth = decision.OperatorChoice, chosenTruth(truths)
	case and:
		out.Operator, truth = decision.OperatorAll, together(truths, False)
	case or:
		out.Operator, truth = decision.OperatorAny, together(truths, True)
	}
	out.Result = truth.Result()
	return out, truth
}

// together is what sides come to of which one alone may decide.
func together(sides []Truth, decides Truth) Truth {
	rest := opposite(decides)
	for _, side := range sides {
		if side == decides {
			return decides
		}
		rest = weaker(rest, side)
	}
	return rest
}

func chosenTruth(parts []Truth) Truth {
	switch parts[0] {
	case True:
		return parts[1]
	case False:
		return parts[2]
	default:
		return parts[0]
	}
}

// Result is the truth in the words of explanations.
func (t Truth) Result() decision.RuleResult {
	switch t {
	case True:
		return decision.ResultTrue
	case False:
		return decision.ResultFalse
	case Unknown:
		return decision.ResultUnknown
	default:
		return decision.ResultError
	}
}

// Reads returns what the expression reads, each once, in the author's order.
func (p *Program) Reads() []input.Reading { return p.reads }

// Literals returns the values that stand in the expression, each once.
func (p *Program) Literals() []any {
	var out []any
	seen := map[any]bool{}
	ast.PreOrderVisit(p.source, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.LiteralKind {
			return
		}
		switch v := e.AsLiteral().Value().(type) {
		case string, int64, float64, bool:
			if !seen[v] {
				seen[v] = true
				out = append(out, v)
			}
		}
	}))
	return out
}
