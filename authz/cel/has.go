package cel

import (
	"strings"

	celgo "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"outrider.dev/outrider/authz/input"
)

// hasMacro is has() for a vocabulary of dotted variables: of a member of a map
// it is the language's own test, of a word of the vocabulary it asks whether
// the value is there at all, that is: not empty.
func (c *Compiler) hasMacro() celgo.Macro {
	return celgo.GlobalMacro(operators.Has, 1, func(h parser.ExprHelper, target ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
		path := pathOf(args[0])
		f, ok := c.fields[strings.Join(path, ".")]
		if !ok || len(path) < 2 {
			return parser.MakeHas(h, target, args)
		}
		switch {
		case f.Claim != nil && f.Claim.Default != nil, f.Kind == input.Time:
			return h.NewLiteral(types.True), nil
		case f.Claim != nil:
			return h.NewCall(operators.In, h.NewLiteral(types.String(path[1])), h.NewIdent(path[0])), nil
		case f.Kind == input.Value:
			return parser.MakeHas(h, target, args)
		case f.Kind == input.Flag:
			return h.Copy(args[0]), nil // with numbers of its own: what the author wrote is looked up by them
		case f.Kind == input.Text:
			return h.NewCall(operators.NotEquals, args[0], h.NewLiteral(types.String(""))), nil
		default:
			return h.NewCall(operators.NotEquals, h.NewCall("size", args[0]), h.NewLiteral(types.IntZero)), nil
		}
	})
}

// members turns `"x" in tool.args` into has(tool.args.x): it asks for one
// member, whatever the others are.
func (c *Compiler) members(parsed *ast.AST) {
	visit(parsed.Expr(), func(e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.In || len(e.AsCall().Args()) != 2 {
			return
		}
		args := e.AsCall().Args()
		name, ok := stringOf(args[0])
		if f := c.fields[strings.Join(pathOf(args[1]), ".")]; ok && f.Kind == input.Tree {
			e.SetKindCase(ast.NewExprFactory().NewPresenceTest(e.ID(), args[1], name))
		}
	})
}
