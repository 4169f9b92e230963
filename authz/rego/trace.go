package rego

import (
	"cmp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"outrider.dev/outrider/authz/input"
)

// Bounds of what is told of one query.
const (
	maxPieces   = 64
	maxText     = 200 // bytes of a rule
	maxLiterals = 64
	maxTried    = 8 // scopes that a refused call is tried with
)

// Piece is one rule that a query is made of, and whether it held for a call.
type Piece struct {
	Text         string // on one line, perhaps cut
	File         string // empty: the module in the policy itself
	Line, Column int
	Helps        bool // the query's own rules use it
	Asked        bool // else what stands in front of it had settled the matter
	Holds        bool
}

// AllowPieces tells which rules held when allow was asked.
func (m *Module) AllowPieces(c *input.Call) []Piece { return m.allow.pieces(c) }

// DenyPieces tells which rules held when deny was asked.
func (m *Module) DenyPieces(c *input.Call) []Piece { return m.deny.pieces(c) }

// VisiblePieces tells which rules held when visible was asked.
func (m *Module) VisiblePieces(c *input.Call) []Piece { return m.visible.pieces(c) }

// tracer notes which rules were asked, by their places, and whether they held.
// Other events cost nothing but a look.
type tracer map[position]bool

// Enabled implements topdown.QueryTracer.
func (tracer) Enabled() bool { return true }

// Config implements topdown.QueryTracer.
func (tracer) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent implements topdown.QueryTracer.
func (t tracer) TraceEvent(e topdown.Event) {
	if rule, ok := e.Node.(*ast.Rule); ok && (e.Op == topdown.EnterOp || e.Op == topdown.ExitOp) {
		t[place(rule)] = t[place(rule)] || e.Op == topdown.ExitOp
	}
}

// position tells rules apart: what the compiler rewrites keeps it.
type position struct {
	file        string
	row, column int
}

func place(r *ast.Rule) position {
	return position{r.Location.File, r.Location.Row, r.Location.Col}
}

// pieces asks the query once more, with every rule although one would do. It
// takes several times as long and is for explanations alone. Where the query
// fails, what had held until then is told.
func (q *query) pieces(c *input.Call) []Piece {
	if q == nil {
		return nil
	}
	in, err := q.document(c)
	if err != nil {
		return nil
	}
	held := tracer{}
	_, _ = q.run(in, deadline, rego.EvalQueryTracer(held), rego.EvalEarlyExit(false), rego.EvalRuleIndexing(false)) // who asks knows how it ends
	var out []Piece
	for _, r := range q.rules {
		p := pieceOf(r)
		p.Helps = !slices.Contains(q.own, r)
		p.Holds, p.Asked = held[place(r)]
		out = append(out, p)
	}
	if len(out) > maxPieces { // of so many those matter first that held
		slices.SortStableFunc(out, func(a, b Piece) int { return -compareBools(a.Holds, b.Holds) })
		out = out[:maxPieces]
	}
	slices.SortStableFunc(out, func(a, b Piece) int {
		return cmp.Or(compareBools(a.Helps, b.Helps), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return out
}

// pieceOf is a rule by its text and place.
func pieceOf(r *ast.Rule) Piece {
	p := Piece{Text: oneLine(r), Line: r.Location.Row, Column: r.Location.Col}
	if r.Location.File != inline {
		p.File = r.Location.File
	}
	return p
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// oneLine is a rule as it was written, without comments of their own lines, on
// one line.
func oneLine(r *ast.Rule) string {
	var out strings.Builder
	for line := range strings.Lines(string(r.Location.Text)) {
		line = strings.TrimSpace(line)
		switch so := out.String(); {
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case so == "":
		case strings.ContainsAny(so[len(so)-1:], "{[(,;") || strings.ContainsAny(line[:1], "}])"):
			out.WriteByte(' ')
		default:
			out.WriteString("; ")
		}
		out.WriteString(line)
		if out.Len() > maxText {
			return strings.ToValidUTF8(out.String()[:maxText], "") + "…"
		}
	}
	return out.String()
}

// Literals returns texts that the rules of allow, deny and visible name and
// that could be scopes (RFC 6749 §3.3), in the order of the rules.
func (m *Module) Literals() []string {
	var out []string
	for _, q := range []*query{m.allow, m.deny, m.visible} {
		if q != nil {
			out = literals(q.rules, out)
		}
	}
	return out
}

// literals appends the texts in the rules that could be scopes, each once.
func literals(rules []*ast.Rule, out []string) []string {
	for _, r := range rules {
		ast.WalkTerms(r, func(t *ast.Term) bool { return literal(t, &out) })
	}
	return out
}

// literal notes the text that a term is, if it could be a scope. It reports
// whether what is inside the term are names.
func literal(t *ast.Term, out *[]string) bool {
	if _, isRef := t.Value.(ast.Ref); isRef {
		return true
	}
	s, ok := t.Value.(ast.String)
	if ok && len(*out) < maxLiterals && couldBeScope(string(s)) && !slices.Contains(*out, string(s)) {
		*out = append(*out, string(s))
	}
	return false
}

// asked returns texts that the rules may ask for as scopes. Those that stand
// beside something of the call that holds no scopes are left out.
func asked(rules []*ast.Rule) []string {
	var out []string
	for _, r := range rules {
		visitor := ast.NewGenericVisitor(func(x any) bool {
			switch x := x.(type) {
			case *ast.Expr:
				return aboutOthers(x)
			case *ast.Term:
				return literal(x, &out)
			}
			return false
		})
		visitor.Walk(r)
	}
	return slices.Clip(out[:min(len(out), maxTried)])
}

// aboutOthers reports whether an expression reads the call, and nothing of it
// that could hold scopes.
func aboutOthers(e *ast.Expr) bool {
	reads, scopes := false, false
	ast.WalkRefs(e, func(ref ast.Ref) bool {
		if !ref[0].Equal(ast.InputRootDocument) {
			return false
		}
		reads = true
		switch prefix := ref.ConstantPrefix().String(); prefix {
		case "input", "input.scopes", "input.claims", "input.jwt", "input.claims.scp", "input.claims.scope", "input.jwt.scp", "input.jwt.scope":
			scopes = true
		}
		return false
	})
	return reads && !scopes
}

func couldBeScope(s string) bool {
	outside := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
	return s != "" && len(s) <= maxText && !strings.ContainsFunc(s, outside)
}
