package cel

import (
	"fmt"

	"cel.dev/cel-go/common/ast"
)

// copier copies a macro's body, or one of the arguments of its call, into the
// expression with the call.
type copier struct {
	x      *expansion
	from   *ast.SourceInfo
	macro  *macro              // nil: an argument is copied
	call   ast.Expr            // of the macro
	params map[string]ast.Expr // the arguments
	names  map[string]string   // what is renamed
	made   map[int64]ast.Expr  // the copies, by the number of the original
	shown  bool                // what is copied only shows what an author wrote
}

// id returns the number of the copy of a part.
func (k *copier) id(of int64) int64 {
	x := k.x
	if x.parts++; x.parts > maxPieces {
		x.fail(k.call, fmt.Sprintf("with its macros the expression has more than %d parts", maxPieces), "use fewer macros, or shorter ones")
	}
	id := x.next
	x.next++
	if k.macro == nil {
		at, _ := k.from.GetOffsetRange(of)
		x.info.SetOffsetRange(id, at)
		if o, ok := x.origins[of]; ok {
			x.origins[id] = o
		}
		return id
	}
	at, _ := x.info.GetOffsetRange(k.call.ID())
	x.info.SetOffsetRange(id, at)
	if o, ok := k.macro.origins[of]; ok { // the innermost macro has the mistake
		x.origins[id] = o
	} else {
		place := k.from.GetStartLocation(of)
		x.origins[id] = Origin{k.macro.name, place.Line(), place.Column() + 1}
	}
	return id
}

// copy returns a copy of a part. It keeps with it what an author wrote of a
// macro of the language.
func (k *copier) copy(e ast.Expr) ast.Expr {
	if k.shown && k.made[e.ID()] != nil {
		return k.made[e.ID()]
	}
	if k.x.err != nil {
		return k.x.make.NewUnspecifiedExpr(0)
	}
	if e.Kind() == ast.IdentKind && k.params[e.AsIdent()] != nil {
		arg := &copier{x: k.x, from: k.x.info, call: k.call, made: map[int64]ast.Expr{}}
		k.made[e.ID()] = arg.copy(k.params[e.AsIdent()])
		return k.made[e.ID()]
	}
	out := k.same(k.id(e.ID()), e)
	if k.shown {
		return out
	}
	k.made[e.ID()] = out
	if written, ok := k.from.GetMacroCall(e.ID()); ok {
		k.shown = true
		k.x.info.SetMacroCall(out.ID(), k.copy(written))
		k.shown = false
	}
	return out
}

// same is a part of the same kind with copies of what it is made of.
func (k *copier) same(id int64, e ast.Expr) ast.Expr {
	m := k.x.make
	switch e.Kind() {
	case ast.LiteralKind:
		return m.NewLiteral(id, e.AsLiteral())
	case ast.IdentKind:
		return m.NewIdent(id, k.name(e.AsIdent()))
	case ast.SelectKind:
		if e.AsSelect().IsTestOnly() {
			return m.NewPresenceTest(id, k.copy(e.AsSelect().Operand()), e.AsSelect().FieldName())
		}
		return m.NewSelect(id, k.copy(e.AsSelect().Operand()), e.AsSelect().FieldName())
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			return m.NewMemberCall(id, call.FunctionName(), k.copy(call.Target()), k.all(call.Args())...)
		}
		return m.NewCall(id, call.FunctionName(), k.all(call.Args())...)
	case ast.ListKind:
		return m.NewList(id, k.all(e.AsList().Elements()), e.AsList().OptionalIndices())
	case ast.MapKind:
		var entries []ast.EntryExpr
		for _, entry := range e.AsMap().Entries() {
			of := entry.AsMapEntry()
			entries = append(entries, m.NewMapEntry(k.id(entry.ID()), k.copy(of.Key()), k.copy(of.Value()), of.IsOptional()))
		}
		return m.NewMap(id, entries)
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		return m.NewComprehensionTwoVar(id, k.copy(c.IterRange()), k.name(c.IterVar()), k.name(c.IterVar2()), k.name(c.AccuVar()),
			k.copy(c.AccuInit()), k.copy(c.LoopCondition()), k.copy(c.LoopStep()), k.copy(c.Result()))
	default: // objects, which no expression may make
		return m.NewStruct(id, "", nil)
	}
}

func (k *copier) all(list []ast.Expr) []ast.Expr {
	out := make([]ast.Expr, len(list))
	for i, e := range list {
		out[i] = k.copy(e)
	}
	return out
}

// name is what a name of the body is called in the copy.
func (k *copier) name(of string) string {
	if other, ok := k.names[of]; ok {
		return other
	}
	return of
}
