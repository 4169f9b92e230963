package cel

import (
	"fmt"
	"reflect"

	celgo "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/ext"

	"outrider.dev/outrider/authz/input"
)

// maxExpression bounds the length of an expression in bytes, and maxNesting
// how deep it nests.
const (
	maxExpression = 8 << 10
	maxNesting    = 64
)

// Compiler turns expressions into programs, one at a time.
type Compiler struct {
	env     *celgo.Env
	words   *input.Vocabulary
	fields  map[string]input.Field
	defined map[string]*Program // variables, by path
	later   map[string]bool     // variables that are not defined yet, by path
	macros  map[string]*macro
	coming  map[string]bool // macros that are not defined yet
	schema  input.Schema
	atoms   *Atoms
	scope   string // begins the names of atoms that other compilers must not share
}

// New returns a compiler for the vocabulary of authz/input with the claims of
// a schema. It adds to the atoms.
func New(atoms *Atoms, schema input.Schema) (*Compiler, error) {
	c := &Compiler{
		words: input.NewVocabulary(schema), fields: map[string]input.Field{}, schema: schema, atoms: atoms,
		defined: map[string]*Program{}, later: map[string]bool{}, macros: map[string]*macro{}, coming: map[string]bool{},
	}
	if len(schema) > 0 {
		c.apart()
	}
	opts := []celgo.EnvOption{
		celgo.ClearMacros(),
		celgo.EnableMacroCallTracking(), // so that explanations show what the author wrote
		celgo.Macros(c.hasMacro(), celgo.AllMacro, celgo.ExistsMacro, celgo.ExistsOneMacro,
			celgo.MapMacro, celgo.MapFilterMacro, celgo.FilterMacro),
		celgo.ParserRecursionLimit(maxNesting),
		ext.Strings(), ext.Sets(), ext.Math(), ext.Network(), ext.Bindings(),
		ext.NativeTypes(reflect.TypeFor[input.Finding](), ext.ParseStructTags(true)),
	}
	opts = append(opts, atoms.zoneFunctions()...)
	for _, f := range c.words.Fields() {
		c.fields[f.Path] = f
		opts = append(opts, celgo.Variable(f.Path, typeOf(f.Kind)))
	}
	env, err := celgo.NewEnv(append(opts, exactly)...)
	if err != nil {
		return nil, fmt.Errorf("the environment of expressions cannot be built: %w", err)
	}
	c.env = env
	return c, nil
}

// apart keeps the compiler's atoms from being taken for those of others, to
// which the same words mean something else.
func (c *Compiler) apart() {
	if c.scope == "" {
		c.scope = fmt.Sprintf("#%d ", c.atoms.number())
	}
}

// findingType is what the library calls the type of a finding.
const findingType = "input.Finding"

// typeOf is the declared type of a field. Maps of JSON hold values whose types
// only a call tells.
func typeOf(k input.Kind) *celgo.Type {
	switch k {
	case input.Flag:
		return celgo.BoolType
	case input.Number:
		return celgo.IntType
	case input.TextList:
		return celgo.ListType(celgo.StringType)
	case input.TextMap:
		return celgo.MapType(celgo.StringType, celgo.StringType)
	case input.FindingList:
		return celgo.ListType(celgo.ObjectType(findingType))
	case input.Time:
		return celgo.TimestampType
	case input.Tree:
		return celgo.MapType(celgo.StringType, celgo.DynType)
	default:
		return celgo.StringType
	}
}

// Compile checks an expression that yields a bool and plans it. The error is
// an [*Error].
func (c *Compiler) Compile(expr string) (*Program, error) {
	checked, found, err := c.check(expr)
	if err != nil {
		return nil, err
	}
	if t := checked.OutputType(); !t.IsExactType(celgo.BoolType) {
		return nil, &Error{Problem: "the expression yields " + typeName(t) + ", not a bool", Fix: "compare it, as in `claims.admin == true`"}
	}
	return c.plan(checked, found)
}

// check parses an expression and checks its words and types. The names of
// params stand for values of any type.
func (c *Compiler) check(expr string, params ...string) (*celgo.Ast, *reading, error) {
	parsed, origins, err := c.parse(expr)
	if err != nil {
		return nil, nil, err
	}
	found := c.read(parsed.NativeRep(), params)
	if found.err != nil {
		return nil, nil, found.err.from(origins)
	}
	env := c.env
	for _, p := range params {
		if env, err = env.Extend(celgo.Variable(p, celgo.DynType)); err != nil {
			return nil, nil, &Error{Problem: plain(err.Error()), Fix: "give the parameter " + p + " another name"}
		}
	}
	checked, issues := env.Check(parsed)
	if err := issues.Err(); err != nil {
		return nil, nil, c.refuse(issues).from(origins)
	}
	return checked, found, nil
}

// parse parses an expression and expands the macros in it.
func (c *Compiler) parse(expr string) (*celgo.Ast, map[int64]Origin, error) {
	if len(expr) > maxExpression {
		return nil, nil, &Error{Problem: fmt.Sprintf("the expression is longer than %d bytes", maxExpression), Fix: "split it into several rules"}
	}
	parsed, issues := c.env.Parse(expr)
	if err := issues.Err(); err != nil {
		return nil, nil, c.refuse(issues)
	}
	origins, err := c.expand(parsed.NativeRep())
	if err != nil {
		return nil, nil, err
	}
	c.members(parsed.NativeRep())
	return parsed, origins, nil
}

// plan bounds what a checked expression costs and plans it, as a whole and in
// pieces.
func (c *Compiler) plan(checked *celgo.Ast, found *reading) (*Program, error) {
	if err := c.bound(checked); err != nil {
		return nil, err
	}
	whole, err := c.env.Program(checked, celgo.EvalOptions(celgo.OptOptimize))
	if err != nil {
		return nil, &Error{Problem: plain(err.Error()), Fix: "mend the expression"}
	}
	tree, err := grow(checked.NativeRep().Expr(), func(e ast.Expr) (*tree, error) { return c.atomOf(checked, e) })
	if err != nil {
		return nil, &Error{Problem: plain(err.Error()), Fix: "mend the expression"}
	}
	return newProgram(c, checked.NativeRep(), whole, tree.fold(nil), found), nil
}

// typeName is a type in the words of an author.
func typeName(t *celgo.Type) string {
	if t.IsExactType(celgo.DynType) {
		return "a value whose type is only known later"
	}
	return t.String()
}

// read finds the words that an expression with these parameters reads.
func (c *Compiler) read(parsed *ast.AST, params []string) *reading {
	r := &reading{
		words: c.words, later: c.later, zones: c.atoms.zones, info: parsed.SourceInfo(), bound: map[string]int{}, consts: map[string]bool{},
		ident:    func(name string) bool { _, ok := c.env.CELTypeProvider().FindIdent(name); return ok },
		function: func(name string) bool { _, ok := c.env.Functions()[name]; return ok },
	}
	for _, p := range params {
		r.bound[p]++
	}
	r.walk(parsed.Expr())
	return r
}
