package guards

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

// TestScopes: each list narrows a spec, and the strictest of all that are left
// decides.
func TestScopes(t *testing.T) {
	const text = "mail ann@example.com or call 415-555-0123"
	user := decision.Segment{Kind: decision.KindPrompt, Origin: decision.OriginUser}
	tool := decision.Segment{Kind: decision.KindResult, Origin: decision.OriginTool}
	email := []string{"pii.email"}
	for name, c := range map[string]struct {
		specs      []Spec
		user, tool string // actions of the address and of the number
	}{
		"all":           {[]Spec{{Kind: PII, Action: decision.ActionRedact}}, "redact redact", "redact redact"},
		"type":          {[]Spec{{Kind: PII, Action: decision.ActionRedact, Types: email}}, "redact", "redact"},
		"glob":          {[]Spec{{Kind: PII, Action: decision.ActionRedact, Types: []string{"pii.p*"}}}, "redact", "redact"},
		"origin":        {[]Spec{{Kind: PII, Action: decision.ActionBlock, Origins: []decision.Origin{decision.OriginTool}}}, "", "block block"},
		"segment":       {[]Spec{{Kind: PII, Action: decision.ActionBlock, Segments: []decision.SegmentKind{decision.KindPrompt}}}, "block block", ""},
		"exempted type": {[]Spec{{Kind: PII, Action: decision.ActionRedact, Exceptions: []Exception{{Type: "pii.phone"}}}}, "redact", "redact"},
		"exempted value": {
			[]Spec{{Kind: PII, Action: decision.ActionRedact, Exceptions: []Exception{{Hash: testKey().Hash([]byte("ann@example.com"))}}}},
			"redact", "redact",
		},
		"exempted from one": {
			[]Spec{
				{Kind: PII, Action: decision.ActionBlock, Exceptions: []Exception{{Type: "pii.email", Hash: testKey().Hash([]byte("ann@example.com"))}}},
				{Kind: PII, Action: decision.ActionObserve},
			}, "observe block", "observe block",
		},
		"strictest": {
			[]Spec{
				{Kind: PII, Action: decision.ActionObserve},
				{Kind: PII, Action: decision.ActionHash, Types: email},
				{Kind: PII, Action: decision.ActionRedact, Types: email, Origins: []decision.Origin{decision.OriginTool}},
				{Kind: PII, Action: decision.ActionMask, Types: email},
			}, "hash observe", "redact observe",
		},
	} {
		set := mustSet(t, c.specs...)
		for _, want := range []struct {
			seg     decision.Segment
			actions string
		}{{user, c.user}, {tool, c.tool}} {
			if got := actions(set.Scan([]byte(text), want.seg, nil)); got != want.actions {
				t.Errorf("%s, %s: %q, want %q", name, want.seg.Kind, got, want.actions)
			}
		}
	}
}

func actions(findings []decision.Finding) string {
	var out []string
	for _, f := range findings {
		out = append(out, string(f.Action))
	}
	return strings.Join(out, " ")
}

func TestUnsureFindingsAreLeftOut(t *testing.T) {
	set := scriptedSet(scripted{spans: []decision.Finding{{Type: "secret.a", Start: 1, End: 2, Confidence: .5}, {Type: "secret.b", Start: 3, End: 4, Confidence: .75}}})
	set.specs[0].MinConfidence = .75
	if got := set.Scan([]byte(counted(9)), decision.Segment{}, nil); len(got) != 1 || got[0].Type != "secret.b" {
		t.Errorf("found %v", got)
	}
}

// TestUnknownSegmentsPassNoFilter: text that does not say where it is from is
// not let through by a list of origins.
func TestUnknownSegmentsPassNoFilter(t *testing.T) {
	set := mustSet(t, Spec{
		Kind: PII, Action: decision.ActionBlock, Origins: []decision.Origin{decision.OriginTool}, Segments: []decision.SegmentKind{decision.KindResult},
	})
	if got := set.Scan([]byte("ann@example.com"), decision.Segment{}, nil); len(got) != 1 {
		t.Errorf("found %v", got)
	}
}

// anySet is a set of many specs over the findings of a text: any actions, any
// types, and exceptions by value and by type.
func anySet(t testing.TB, r *rand.Rand, text string) *Set {
	t.Helper()
	found := mustSet(t, allKinds(decision.ActionObserve)...).Scan([]byte(text), decision.Segment{}, nil)
	every := []decision.Action{decision.ActionObserve, decision.ActionMask, decision.ActionTokenize, decision.ActionHash, decision.ActionRedact}
	if r.IntN(4) == 0 {
		every = append(every, decision.ActionBlock)
	}
	var specs []Spec
	for range 1 + r.IntN(5) {
		s := Spec{Kind: []Kind{PII, Secret}[r.IntN(2)], Action: every[r.IntN(len(every))]}
		for _, f := range found {
			if prefix, _ := s.Kind.prefix(); !strings.HasPrefix(f.Type, prefix) {
				continue
			}
			switch r.IntN(4) {
			case 0:
				s.Types = append(s.Types, f.Type)
			case 1:
				s.Exceptions = append(s.Exceptions, Exception{Hash: testKey().Hash([]byte(text[f.Start:f.End]))})
			case 2:
				if r.IntN(3) == 0 {
					s.Exceptions = append(s.Exceptions, Exception{Type: f.Type})
				}
			}
		}
		specs = append(specs, s)
	}
	if r.IntN(2) == 0 {
		specs = append(specs, Spec{Kind: Injection, Action: decision.ActionRedact})
	}
	return mustSet(t, specs...)
}

// TestAnySpecsAnySplit: whatever the specs, a stream comes out as the whole
// text does, however it is cut.
func TestAnySpecsAnySplit(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	for range 500 {
		text := compose(r, 1+r.IntN(12))
		if r.IntN(2) == 0 {
			text = ` {"a":"` + text + `","b":"\"ann@example.com\/"}`
		}
		set := anySet(t, r, text)
		agree(t, set, text, randomCuts(r, len(text)))
		agree(t, set, text, nil)
	}
}

func TestAnySpecsByteByByte(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	for range 20 {
		text := compose(r, 6)
		cuts := make([]int, 0, len(text))
		for k := 1; k < len(text); k++ {
			cuts = append(cuts, k)
		}
		agree(t, anySet(t, r, text), text, cuts)
	}
}

func FuzzSpecs(f *testing.F) {
	r := rand.New(rand.NewPCG(13, 13))
	for range 12 {
		f.Add(compose(r, 8), uint64(r.Uint32()))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if len(text) > 4096 {
			return
		}
		r := rand.New(rand.NewPCG(seed, 1))
		agree(t, anySet(t, r, text), text, randomCuts(r, len(text)))
	})
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"4111 1111 1111 1111":  "**** **** **** 1111",
		"123-45-6789":          "***-**-6789",
		"+1 (415) 555-0123":    "+* (***) ***-0123",
		"jane.doe@example.com": "****.***@******e.com",
		"a@b.co":               "*@*.**",
		"1234567":              "*******",
		"":                     "",
		"Zürich@exämple.de":    "******@*****le.de",
	} {
		if got := mask([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestEscapesStayWhole: in JSON, what stands in the place of a value is the
// content of a string again.
func TestEscapesStayWhole(t *testing.T) {
	for a, want := range map[decision.Action]string{
		decision.ActionMask: `{"to":"***@******e.com"}`,
		decision.ActionHash: `{"to":"[EMAIL:` + testKey().shown([]byte("ann@example.com")) + `]"}`,
	} {
		set := mustSet(t, Spec{Kind: PII, Action: a})
		text := []byte(`{"to":"ann\u0040example.com"}`)
		if got := edited(t, string(text), set.Edits(text, set.ScanEscaped(text, decision.Segment{}, nil, 0), nil, nil)); got != want {
			t.Errorf("%s: %s, want %s", a, got, want)
		}
	}
}

func TestHashesAreKeyed(t *testing.T) {
	set := mustSet(t, Spec{Kind: PII, Action: decision.ActionHash})
	other, err := New([]Spec{{Kind: PII, Action: decision.ActionHash}}, Key(strings.Repeat("x", KeySize)))
	if err != nil {
		t.Fatal(err)
	}
	const text = "ann@example.com, bob@example.com, ann@example.com"
	out := redacted(t, set, text, set.Scan([]byte(text), decision.Segment{}, nil))
	parts := strings.Split(out, ", ")
	if parts[0] != parts[2] || parts[0] == parts[1] || len(parts[0]) != len("[EMAIL:01234567]") || !strings.HasPrefix(parts[0], "[EMAIL:") {
		t.Errorf("got %s", out)
	}
	if again := redacted(t, other, text, other.Scan([]byte(text), decision.Segment{}, nil)); strings.Contains(again, parts[0]) {
		t.Errorf("another key gives the same: %s", again)
	}
	if exception := testKey().Hash([]byte("ann@example.com")); strings.Contains(exception, parts[0][7:15]) {
		t.Error("what is shown tells what exceptions name")
	}
}

// TestOverlapIsAsStrictAsItsStrictest: nothing of a value that is redacted
// shows through a mask of one that begins before it.
func TestOverlapIsAsStrictAsItsStrictest(t *testing.T) {
	set := scriptedSet(
		scripted{spans: []decision.Finding{{Type: "secret.long", Start: 4, End: 20}}},
		scripted{spans: []decision.Finding{{Type: "pii.late", Start: 15, End: 30}}},
	)
	text := counted(40)
	for _, actions := range [][2]decision.Action{
		{decision.ActionMask, decision.ActionRedact}, {decision.ActionRedact, decision.ActionMask}, {decision.ActionHash, decision.ActionRedact},
	} {
		set.specs[0].Action, set.specs[1].Action = actions[0], actions[1]
		for a := 1; a < len(text); a++ {
			if got := play(t, set, text, []int{a}); got.out != text[:4]+"[SECRET:LONG]"+text[30:] {
				t.Errorf("%v cut %d: %q", actions, a, got.out)
			}
		}
	}
	set.specs[0].Action, set.specs[1].Action = decision.ActionMask, decision.ActionHash
	want := text[:4] + "[SECRET:LONG:" + testKey().shown([]byte(text[4:30])) + "]" + text[30:]
	for a := 1; a < len(text); a++ {
		if got := play(t, set, text, []int{a}); got.out != want {
			t.Errorf("cut %d: %q, want %q", a, got.out, want)
		}
	}
}

// TestLongValuesAreRedacted: what a stream could not hold is not masked.
func TestLongValuesAreRedacted(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 14))
	text := "it is " + pem(r, 20) + ". Good"
	for _, a := range []decision.Action{decision.ActionMask, decision.ActionHash, decision.ActionTokenize} {
		set := mustSet(t, Spec{Kind: Secret, Action: a})
		for _, cuts := range [][]int{nil, {10}, {300, 900}, randomCuts(r, len(text))} {
			if got := play(t, set, text, cuts); got.out != "it is [SECRET:PRIVATE_KEY]. Good" {
				t.Errorf("%s: %q", a, got.out)
			}
		}
	}
}

// TestExceptedCredentialPasses: one that is proven by its first letters waits
// for its end, since it may be the one that is let pass.
func TestExceptedCredentialPasses(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 15))
	known, other := "sk-ant-"+"api03-"+invent(r, alnum, 70), "sk-ant-"+"api03-"+invent(r, alnum, 70)
	for _, a := range []decision.Action{decision.ActionBlock, decision.ActionRedact, decision.ActionMask} {
		set := mustSet(t, Spec{Kind: Secret, Action: a, Exceptions: []Exception{{Type: "secret.anthropic", Hash: testKey().Hash([]byte(known))}}})
		for cut := 1; cut < len(known); cut++ {
			if got := play(t, set, "take "+known+" ok", []int{cut}); got.out != "take "+known+" ok" || len(got.findings) != 0 || got.reason != nil {
				t.Fatalf("%s cut %d: %+v", a, cut, got)
			}
			agree(t, set, "take "+other+" ok", []int{cut})
		}
	}
	if got := mustSet(t, allKinds(decision.ActionBlock)...).Scan([]byte(known), decision.Segment{}, nil); !slices.ContainsFunc(got, func(f decision.Finding) bool {
		return f.Action == decision.ActionBlock
	}) {
		t.Error("the credential is none")
	}
}

// TestTypesAreListed: whatever is found has a type that policies may name.
func TestTypesAreListed(t *testing.T) {
	r := rand.New(rand.NewPCG(16, 16))
	set := mustSet(t, allKinds(decision.ActionObserve)...)
	for range 300 {
		for _, f := range set.Scan([]byte(compose(r, 20)), decision.Segment{}, nil) {
			for _, k := range []Kind{PII, Secret, Injection} {
				prefix, _ := k.prefix()
				if !strings.HasPrefix(f.Type, prefix) {
					continue
				}
				if _, err := New([]Spec{{Kind: k, Action: decision.ActionBlock, Types: []string{f.Type}}}, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, s := range []Spec{{Kind: PII, Types: []string{"pii.emial"}}, {Kind: Secret, Types: []string{"secret.gihub*"}}, {Kind: PII, Exceptions: []Exception{{Type: "pii.mail"}}}} {
		s.Action = decision.ActionBlock
		if _, err := New([]Spec{s}, nil); err == nil || !strings.Contains(err.Error(), "docs/reference/guards.md lists them") {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
