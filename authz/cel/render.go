package cel

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/common/ast"
)

// render writes an expression down so that two are the same text exactly when
// they are the same expression.
func render(e ast.Expr) string {
	var b strings.Builder
	write(&b, e)
	return b.String()
}

func write(b *strings.Builder, e ast.Expr) {
	switch e.Kind() {
	case ast.LiteralKind:
		fmt.Fprintf(b, "(%s %q)", e.AsLiteral().Type().TypeName(), fmt.Sprint(e.AsLiteral().Value()))
	case ast.IdentKind:
		b.WriteString("$" + e.AsIdent())
	case ast.SelectKind:
		s := e.AsSelect()
		fmt.Fprintf(b, "(. %t %q ", s.IsTestOnly(), s.FieldName())
		write(b, s.Operand())
		b.WriteByte(')')
	case ast.CallKind:
		call := e.AsCall()
		fmt.Fprintf(b, "(call %t %q", call.IsMemberFunction(), call.FunctionName())
		if call.IsMemberFunction() {
			write(b, call.Target())
		}
		writeAll(b, call.Args()...)
	case ast.ListKind:
		b.WriteString("(list")
		writeAll(b, e.AsList().Elements()...)
	case ast.MapKind:
		b.WriteString("(map")
		for _, entry := range e.AsMap().Entries() {
			writeAll(b, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
		b.WriteByte(')')
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		fmt.Fprintf(b, "(each %q %q %q", c.IterVar(), c.IterVar2(), c.AccuVar())
		writeAll(b, c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result())
	}
}

func writeAll(b *strings.Builder, list ...ast.Expr) {
	for _, e := range list {
		b.WriteByte(' ')
		write(b, e)
	}
	b.WriteByte(')')
}
