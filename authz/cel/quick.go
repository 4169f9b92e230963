package cel

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"outrider.dev/outrider/authz/input"
)

// quick returns the evaluation of an atom of a usual form, nil of any other:
// tests of one text against constants, of a list for a constant, and of a
// claim for its presence. Each does what the library would do and leaves to
// the library what is not usual at run time.
func (c *Compiler) quick(e ast.Expr) quick {
	switch e.Kind() {
	case ast.CallKind:
		return c.quickCall(e.AsCall())
	case ast.ComprehensionKind:
		return c.quickExists(e.AsComprehension())
	case ast.SelectKind:
		if name, ok := c.claimOf(e); ok && e.AsSelect().IsTestOnly() {
			return func(call *input.Call) Truth {
				_, has := call.Principal.Claims[name]
				return truth(has)
			}
		}
	}
	return nil
}

func truth(b bool) Truth {
	if b {
		return True
	}
	return False
}

func (c *Compiler) quickCall(call ast.CallExpr) quick {
	args := call.Args()
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	if len(args) != 2 {
		return nil
	}
	if call.FunctionName() == operators.In {
		return c.quickIn(args[0], args[1])
	}
	word, constant := args[0], args[1]
	if _, swapped := stringOf(word); swapped && (call.FunctionName() == operators.Equals || call.FunctionName() == operators.NotEquals) {
		word, constant = constant, word
	}
	want, ok := stringOf(constant)
	if !ok {
		return nil
	}
	if read := c.textOf(word); read != nil {
		if test := textTest(call.FunctionName()); test != nil {
			return func(call *input.Call) Truth { return truth(test(read(call), want)) }
		}
		return nil
	}
	if name, ok := c.claimOf(word); ok && call.FunctionName() == operators.Equals {
		return func(call *input.Call) Truth {
			if got, ok := call.Principal.Claims[name].(string); ok {
				return truth(got == want)
			}
			return unasked
		}
	}
	return nil
}

// textTest returns the Go function of a test of a text with a constant.
func textTest(function string) func(text, constant string) bool {
	switch function {
	case operators.Equals:
		return func(text, constant string) bool { return text == constant }
	case operators.NotEquals:
		return func(text, constant string) bool { return text != constant }
	case "startsWith":
		return strings.HasPrefix
	case "endsWith":
		return strings.HasSuffix
	case "contains":
		return strings.Contains
	}
	return nil
}

// quickIn is `word in ['a', 'b']` and `'a' in list`.
func (c *Compiler) quickIn(element, list ast.Expr) quick {
	if read := c.textOf(element); read != nil && list.Kind() == ast.ListKind {
		var constants []string
		for _, e := range list.AsList().Elements() {
			s, ok := stringOf(e)
			if !ok {
				return nil
			}
			constants = append(constants, s)
		}
		return func(call *input.Call) Truth { return truth(slices.Contains(constants, read(call))) }
	}
	want, ok := stringOf(element)
	if !ok {
		return nil
	}
	return c.quickList(list, []string{want})
}

// quickExists is `list.exists(x, x == 'a' || x == 'b')`.
func (c *Compiler) quickExists(e ast.ComprehensionExpr) quick {
	step := e.LoopStep()
	if e.HasIterVar2() || e.AccuInit().Kind() != ast.LiteralKind || e.AccuInit().AsLiteral() != types.False ||
		e.Result().Kind() != ast.IdentKind || e.Result().AsIdent() != e.AccuVar() ||
		step.Kind() != ast.CallKind || step.AsCall().FunctionName() != operators.LogicalOr {
		return nil
	}
	var constants []string
	for _, side := range step.AsCall().Args() {
		if side.Kind() == ast.IdentKind && side.AsIdent() == e.AccuVar() {
			continue
		}
		found, ok := onlyEqual(side, e.IterVar())
		if !ok {
			return nil
		}
		constants = append(constants, found...)
	}
	return c.quickList(e.IterRange(), constants)
}

// onlyEqual returns the constants of a disjunction of comparisons with them.
func onlyEqual(e ast.Expr, variable string) ([]string, bool) {
	if e.Kind() != ast.CallKind {
		return nil, false
	}
	call := e.AsCall()
	switch call.FunctionName() {
	case operators.LogicalOr:
		var all []string
		for _, side := range call.Args() {
			found, ok := onlyEqual(side, variable)
			if !ok {
				return nil, false
			}
			all = append(all, found...)
		}
		return all, true
	case operators.Equals:
		found := equalTo(e, variable)
		return found, len(found) == 1
	default:
		return nil, false
	}
}

// quickList tests whether a list of the token holds one of the constants.
func (c *Compiler) quickList(list ast.Expr, constants []string) quick {
	if list.Kind() == ast.IdentKind && list.AsIdent() == "scopes" {
		return func(call *input.Call) Truth {
			return truth(slices.ContainsFunc(call.Principal.Scopes, func(s string) bool { return slices.Contains(constants, s) }))
		}
	}
	name, ok := c.claimOf(list)
	if !ok {
		return nil
	}
	return func(call *input.Call) Truth {
		values, ok := call.Principal.Claims[name].([]any)
		if !ok {
			return unasked
		}
		return truth(slices.ContainsFunc(values, func(v any) bool {
			s, ok := v.(string)
			return ok && slices.Contains(constants, s)
		}))
	}
}

// textOf returns how a text of the vocabulary is read.
func (c *Compiler) textOf(e ast.Expr) func(*input.Call) string {
	if e.Kind() != ast.IdentKind {
		return nil
	}
	return c.fields[e.AsIdent()].Text
}

// claimOf returns the name of a claim that is read as it stands in the token.
func (c *Compiler) claimOf(e ast.Expr) (string, bool) {
	path := pathOf(e)
	if len(path) != 2 || path[0] != "claims" && path[0] != "jwt" || c.declares(path[1]) {
		return "", false
	}
	return path[1], true
}

// declares reports whether the schema says something of the claim, so that
// what the token holds is not all there is to it.
func (c *Compiler) declares(claim string) bool {
	for _, d := range c.schema {
		if d.Name == claim {
			return true
		}
	}
	return false
}
