package guards

import (
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"outrider.dev/outrider/decision"
)

// expressions are of every kind that has a bound.
func expressions() []Pattern {
	return []Pattern{
		{Name: "employee", Expression: `EMP-[0-9]{6}`, Confidence: 1, Examples: []string{"it is EMP-123456."}},
		{Name: "word", Expression: `\b[a-c]{2,4}\b`, Confidence: .5},
		{Name: "overlapping", Expression: `aba`, Confidence: .5},
		{Name: "line", Expression: `(?m)^x.{0,5}$`, Confidence: .5},
		{Name: "folded", Expression: `(?i)k(ey|elvin)`, Confidence: .5},
		{Name: "wide", Expression: `é{1,3}|日本`, Confidence: .5},
		{Name: "either", Expression: `foo|foobar|b{1,40}`, Confidence: .5},
		{Name: "not_a_word", Expression: `\B[xy]\B`, Confidence: .5},
	}
}

func custom(a decision.Action) Spec {
	return Spec{Kind: Custom, Action: a, Patterns: expressions()}
}

// TestPatternsFindWhatTheyMean holds whole texts to the library's own engine.
func TestPatternsFindWhatTheyMean(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	set := mustSet(t, custom(decision.ActionRedact))
	for range 500 {
		text := scrambled(r, 1+r.IntN(30))
		var want []decision.Finding
		for _, p := range expressions() {
			for _, span := range regexp.MustCompile(p.Expression).FindAllStringIndex(text, -1) {
				want = append(want, decision.Finding{
					Type: p.findingType(), Start: uint32(span[0]), End: uint32(span[1]), Confidence: p.Confidence, Action: decision.ActionRedact,
				})
			}
		}
		slices.SortStableFunc(want, byStart)
		if got := set.Scan([]byte(text), decision.Segment{}, nil); !slices.Equal(got, want) {
			t.Fatalf("%q\n got %v\nwant %v", text, got, want)
		}
	}
}

func scrambled(r *rand.Rand, n int) string {
	parts := []string{
		"EMP-123456", "EMP-", "12", "aba", "ab", "abc", "abcd", "abcde", "x", "xy", "\n", " ", ".", "key", "K", "\u212aey", "é", "éééé", "日本", "日",
		"foo", "bar", "bbbb", strings.Repeat("b", 50), "y", "yx", "😀", "ann@example.com",
	}
	var b strings.Builder
	for range n {
		b.WriteString(parts[r.IntN(len(parts))])
	}
	return b.String()
}

// TestPatternsInAnySplit: a stream of whole characters comes out as the whole
// text does.
func TestPatternsInAnySplit(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 800 {
		text := scrambled(r, 1+r.IntN(40))
		specs := []Spec{custom([]decision.Action{decision.ActionRedact, decision.ActionHash, decision.ActionObserve, decision.ActionBlock}[r.IntN(4)])}
		if r.IntN(2) == 0 {
			specs = append(specs, Spec{Kind: PII, Action: decision.ActionMask})
		}
		agree(t, mustSet(t, specs...), text, atCharacters(text, randomCuts(r, len(text))))
	}
}

func atCharacters(text string, cuts []int) []int {
	return slices.DeleteFunc(cuts, func(at int) bool { return !utf8.RuneStart(text[at]) })
}

// TestPatternsInLongStreams: also where the beginning is forgotten.
func TestPatternsInLongStreams(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	set := mustSet(t, custom(decision.ActionRedact))
	for range 20 {
		text := scrambled(r, 600)
		agree(t, set, text, atCharacters(text, randomCuts(r, len(text))))
	}
}

func TestReach(t *testing.T) {
	for expression, want := range map[string]int{
		`EMP-[0-9]{6}`: 4 + 6*4, `a|bcd`: 3, `(?i)k`: 3, `é`: 2, `a*`: -1, `a+b`: -1, `(a{2}){3}`: 6, `a{2,}`: -1, `\bx\b`: 1, `.`: 4, `(?:){9}`: 0, `a?`: 1,
		`(a|b*)c`: -1, `(a*){0}`: 0,
	} {
		tree, err := syntax.Parse(expression, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		if got := reach(tree); got != want {
			t.Errorf("%s: %d, want %d", expression, got, want)
		}
	}
}

func TestPatternsThatDoNotLoad(t *testing.T) {
	of := func(list ...Pattern) []Spec {
		return []Spec{{Kind: Custom, Action: decision.ActionBlock, Patterns: list}}
	}
	many := make([]Pattern, maxPatterns+1)
	for k := range many {
		many[k] = Pattern{Name: "p" + strings.Repeat("x", k%30) + string(rune('a'+k/30)), Expression: "x"}
	}
	for want, specs := range map[string][]Spec{
		"pattern \"Bad-Name\": a name has":                   of(Pattern{Name: "Bad-Name", Expression: "x"}),
		"pattern \"p\": error parsing regexp":                of(Pattern{Name: "p", Expression: "("}),
		"where the text begins":                              of(Pattern{Name: "p", Expression: "^x"}),
		"pattern \"p\": the expression finds the empty text": of(Pattern{Name: "p", Expression: "x*"}),
		"it finds nothing in examples[1]":                    of(Pattern{Name: "p", Expression: "x", Examples: []string{"x", "secret"}}),
		"a confidence is between":                            of(Pattern{Name: "p", Expression: "x", Confidence: 2}),
		"longer than 1024":                                   of(Pattern{Name: "p", Expression: strings.Repeat("x", 2000)}),
		"given twice with different expressions":             of(Pattern{Name: "p", Expression: "x"}, Pattern{Name: "p", Expression: "y"}),
		"there are 65 patterns":                              of(many...),
		"patterns belong to a guard of type Pattern":         {{Kind: PII, Action: decision.ActionBlock, Patterns: expressions()}},
		"guard Pattern: patterns belong":                     {{Kind: Custom, Action: decision.ActionBlock}},
		"its types begin with custom.":                       {{Kind: Custom, Action: decision.ActionBlock, Patterns: expressions(), Types: []string{"pii.email"}}},
		"invalid nested repetition":                          of(Pattern{Name: "p", Expression: "x**"}),
		"invalid repeat count":                               of(Pattern{Name: "p", Expression: "x{2000}"}),
		"invalid escape sequence":                            of(Pattern{Name: "p", Expression: `\C`}),
		"invalid or unsupported Perl syntax":                 of(Pattern{Name: "p", Expression: `(?=x)`}),
	} {
		_, err := New(specs, testKey())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	twice := []Spec{custom(decision.ActionBlock), custom(decision.ActionRedact)}
	if _, err := New(twice, testKey()); err != nil {
		t.Errorf("the same pattern in two specs: %v", err)
	}
}

func TestPatternsOfStreamsHaveABound(t *testing.T) {
	for expression, fits := range map[string]bool{`a{1,500}`: true, `a{1,501}`: false, `a+`: false, `.{1,125}`: true, `.{1,126}`: false} {
		set := mustSet(t, Spec{Kind: Custom, Action: decision.ActionBlock, Patterns: []Pattern{{Name: "p", Expression: expression}, {Name: "q", Expression: "x"}}})
		if err := set.Streams(); (err == nil) != fits || err != nil && !strings.Contains(err.Error(), `pattern "p"`) {
			t.Errorf("%s: %v", expression, err)
		}
	}
	if err := mustSet(t, allKinds(decision.ActionBlock)...).Streams(); err != nil {
		t.Error(err)
	}
}

// TestPatternsHoldAsLittle as the longest match needs.
func TestPatternsHoldAsLittle(t *testing.T) {
	set := mustSet(t, Spec{Kind: Custom, Action: decision.ActionRedact, Patterns: []Pattern{{Name: "p", Expression: "EMP-[0-9]{6}"}}})
	st := set.NewStream(nil, nil)
	for range 300 {
		st.Write(decision.Delta{Lane: "0", Text: "some words "})
		if held := st.lanes["0"].held(false); held > 4+6*4+utf8.UTFMax {
			t.Fatalf("%d bytes held", held)
		}
	}
	if buf := len(st.lanes["0"].buf); buf > 300 {
		t.Errorf("%d bytes kept", buf)
	}
}

func FuzzPatterns(f *testing.F) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 12 {
		f.Add(scrambled(r, 8), uint64(r.Uint32()))
	}
	set := mustSet(f, custom(decision.ActionRedact))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if len(text) > 4096 || !utf8.ValidString(text) {
			return
		}
		r := rand.New(rand.NewPCG(seed, 1))
		agree(t, set, text, atCharacters(text, randomCuts(r, len(text))))
	})
}
