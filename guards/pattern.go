package guards

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/wasilibs/go-re2"
	"github.com/wasilibs/go-re2/experimental"
	"outrider.dev/outrider/decision"
)

// Bounds of what operators write.
const (
	maxPatterns   = 64 // in one set
	maxExpression = 1024
	maxNameLen    = 32
	// maxReach is how many bytes a match may have where streams are guarded: so
	// much of a lane waits.
	maxReach = 500
)

// Pattern is an expression of the operator, in the syntax of RE2. A finding has
// the type custom.NAME.
type Pattern struct {
	Name       string
	Expression string
	Confidence float32
	Examples   []string // texts in which it must find something
}

func (p *Pattern) findingType() string { return "custom." + p.Name }

// expression is a pattern that is compiled.
type expression struct {
	Pattern
	any   *re2.Regexp
	next  *re2.Regexp // the same behind one more byte, which it only looks at
	reach int         // the longest match in bytes, -1: there is none
}

func (p *Pattern) compile() (*expression, error) {
	if !isName(p.Name) {
		return nil, fmt.Errorf("a name has 1 to %d of a-z, 0-9 and _, and no digit first", maxNameLen)
	}
	if len(p.Expression) > maxExpression {
		return nil, fmt.Errorf("the expression is longer than %d bytes; make two of it", maxExpression)
	}
	if p.Confidence < 0 || p.Confidence > 1 {
		return nil, errors.New("a confidence is between 0 and 1")
	}
	tree, err := syntax.Parse(p.Expression, syntax.Perl)
	if err != nil {
		return nil, err
	}
	if anchored(tree) {
		return nil, errors.New("the expression asks where the text begins or ends; leave ^, $, \\A and \\z out, or write (?m) for lines")
	}
	e := &expression{Pattern: *p, reach: reach(tree)}
	if e.any, err = re2.Compile(p.Expression); err != nil {
		return nil, err
	}
	if e.next, err = re2.Compile(`\C(` + p.Expression + ")"); err != nil {
		return nil, err
	}
	if e.any.MatchString("") {
		return nil, errors.New("the expression finds the empty text; let it match at least one character")
	}
	for i, example := range p.Examples {
		if !e.any.MatchString(example) {
			return nil, fmt.Errorf("it finds nothing in examples[%d]; mend the expression or the example", i)
		}
	}
	return e, nil
}

func isName(s string) bool {
	for i, c := range s {
		if c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9' || i == 0) {
			return false
		}
	}
	return s != "" && len(s) <= maxNameLen
}

// anchored reports whether the expression looks for the text's begin or end: a
// stream has no end yet, and its beginning is gone.
func anchored(t *syntax.Regexp) bool {
	return t.Op == syntax.OpBeginText || t.Op == syntax.OpEndText || slices.ContainsFunc(t.Sub, anchored)
}

// reach returns the length of the longest match in bytes, -1 where it has no bound.
func reach(t *syntax.Regexp) int {
	switch t.Op {
	case syntax.OpLiteral:
		n := 0
		for _, r := range t.Rune {
			n += widest(r, t.Flags&syntax.FoldCase != 0)
		}
		return n
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return utf8.UTFMax
	case syntax.OpStar, syntax.OpPlus:
		return times(reach(t.Sub[0]), -1)
	case syntax.OpRepeat:
		return times(reach(t.Sub[0]), t.Max)
	case syntax.OpAlternate:
		most := 0
		for _, sub := range t.Sub {
			n := reach(sub)
			if n < 0 {
				return -1
			}
			most = max(most, n)
		}
		return most
	}
	sum := 0
	for _, sub := range t.Sub { // concatenations, groups, and what matches nothing
		n := reach(sub)
		if n < 0 {
			return -1
		}
		sum += n
	}
	return sum
}

// times returns the reach of up to most repetitions, -1 for any number.
func times(one, most int) int {
	switch {
	case one == 0 || most == 0:
		return 0
	case one < 0 || most < 0:
		return -1
	}
	return one * most
}

// widest returns the length of a character, in whichever case is longest.
func widest(r rune, fold bool) int {
	n := max(1, utf8.RuneLen(r))
	if fold {
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			n = max(n, utf8.RuneLen(f))
		}
	}
	return n
}

// patterns are all expressions of a set. One pass tells which of them find
// something; only those look for where.
type patterns struct {
	set  *experimental.Set
	list []*expression
}

// newPatterns compiles the patterns of all specs, each name once.
func newPatterns(specs []Spec) (*patterns, error) {
	var out patterns
	var texts []string
	for i := range specs {
		for _, p := range specs[i].Patterns {
			k := slices.IndexFunc(out.list, func(e *expression) bool { return e.Name == p.Name })
			if k >= 0 && out.list[k].Expression == p.Expression && out.list[k].Confidence == p.Confidence {
				continue
			}
			if k >= 0 {
				return nil, fmt.Errorf("pattern %q is given twice with different expressions; give one another name", p.Name)
			}
			e, err := p.compile()
			if err != nil {
				return nil, fmt.Errorf("pattern %q: %w", p.Name, err)
			}
			out.list, texts = append(out.list, e), append(texts, e.Expression)
		}
	}
	if len(texts) == 0 {
		return nil, nil
	}
	if len(texts) > maxPatterns {
		return nil, fmt.Errorf("there are %d patterns for one call; %d are the most", len(texts), maxPatterns)
	}
	var err error
	if out.set, err = experimental.CompileSet(texts); err != nil {
		return nil, fmt.Errorf("patterns: %w; make the repetitions smaller", err)
	}
	return &out, nil
}

// unbounded returns the first pattern that streams cannot be guarded with.
func (p *patterns) unbounded() *expression {
	if p == nil {
		return nil
	}
	k := slices.IndexFunc(p.list, func(e *expression) bool { return e.reach < 0 || e.reach > maxReach })
	if k < 0 {
		return nil
	}
	return p.list[k]
}

// hits returns the indexes of the expressions that find something in the text.
// Where the engine cannot tell, all might.
func (p *patterns) hits(text []byte) []int {
	out, err := p.set.FindAllWithError(text, len(p.list))
	if err != nil {
		out = nil
		for k := range p.list {
			out = append(out, k)
		}
	}
	return out
}

// scan appends what the expressions find in a whole text, of each at most one
// more than [MaxFindings].
func (p *patterns) scan(text []byte, out []decision.Finding) []decision.Finding {
	if p == nil || len(text) == 0 {
		return out
	}
	for _, k := range p.hits(text) {
		for _, span := range p.list[k].any.FindAllIndex(text, MaxFindings+1) {
			out = append(out, p.list[k].finding(span[0], span[1]))
		}
	}
	return out
}

func (e *expression) finding(start, end int) decision.Finding {
	return decision.Finding{
		Type: e.findingType(), Confidence: e.Confidence,
		Start: uint32(start), End: uint32(end),
	}
}

// resume appends what the expressions find in a text of which more may come.
// Each goes on at its mark and leaves there how far it got: before it nothing
// more begins. The character before a mark must stand in the text.
func (p *patterns) resume(text []byte, marks []int, last bool, out []decision.Finding) []decision.Finding {
	if p == nil {
		return out
	}
	begin := characterBefore(text, slices.Min(marks))
	hits := p.hits(text[begin:])
	for k, e := range p.list {
		settled := len(text)
		if !last {
			settled = max(marks[k], len(text)-e.reach-utf8.UTFMax)
		}
		if slices.Contains(hits, k) {
			out, marks[k] = e.resume(text, marks[k], settled, out)
		}
		marks[k] = max(marks[k], settled)
	}
	return out
}

// resume appends the matches that begin from at on and before settled: those
// end in the text, whatever follows it.
func (e *expression) resume(text []byte, at, settled int, out []decision.Finding) ([]decision.Finding, int) {
	for at < settled {
		span := e.from(text, at)
		if span == nil || span[0] >= settled {
			return out, at
		}
		out = append(out, e.finding(span[0], span[1]))
		at = span[1]
	}
	return out, at
}

// from returns the first match that begins at or after at.
func (e *expression) from(text []byte, at int) []int {
	if at == 0 {
		return e.any.FindIndex(text)
	}
	start := characterBefore(text, at)
	found := e.next.FindSubmatchIndex(text[start:])
	if found == nil {
		return nil
	}
	return []int{start + found[2], start + found[3]}
}

// characterBefore returns where the character before at begins.
func characterBefore(text []byte, at int) int {
	_, size := utf8.DecodeLastRune(text[:at])
	return at - size
}
