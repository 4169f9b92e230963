package guards

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"outrider.dev/outrider/decision"
)

// escaped spells every character as an escape, some as two.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r > 0xffff {
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04X`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			continue
		}
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return b.String()
}

// TestEscapesHideNothing: a value in JSON in a string is found however it is
// spelled there, and its edit takes all of it.
func TestEscapesHideNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	set := mustSet(t, allKinds(decision.ActionRedact)...)
	token := "ghp_" + invent(r, alnum, 36)
	for name, value := range map[string]string{
		"all":  escaped(token),
		"one":  `ghp\u005f` + token[4:],
		"part": token[:20] + escaped(token[20:]),
	} {
		text := `{"key":"` + value + `","note":"a\/b 😀"}`
		found := set.Scan([]byte(text), decision.Segment{}, nil)
		found = set.ScanEscaped([]byte(text), decision.Segment{}, found, 0)
		if got := redacted(t, set, text, found); got != `{"key":"[SECRET:GITHUB]","note":"a\/b 😀"}` {
			t.Errorf("%s: %s, found %v", name, got, found)
		}
	}
	for _, plain := range []string{`C:\users\ann`, `\u12`, `a\u00zz`, `\`, `\ud800`, `x\/y`, "no escapes"} {
		if got := set.ScanEscaped([]byte(plain), decision.Segment{}, nil, 0); len(got) != 0 {
			t.Errorf("%q: %v", plain, got)
		}
	}
	twice := set.Scan([]byte(`{"a":"`+token+`","b":"\u0041"}`), decision.Segment{}, nil)
	if got := set.ScanEscaped([]byte(`{"a":"`+token+`","b":"\u0041"}`), decision.Segment{}, slices.Clone(twice), 0); len(got) != len(twice) {
		t.Errorf("found %v and then %v", twice, got)
	}
}

// TestEscapesWithinEscapes: JSON in a string of JSON in a string.
func TestEscapesWithinEscapes(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	set := mustSet(t, allKinds(decision.ActionRedact)...)
	token := "ghp_" + invent(r, alnum, 36)
	for _, text := range []string{
		`{"body":"{\"key\":\"ghp\\u005f` + token[4:] + `\"}"}`,
		`{"a":"\/","body":"{\"key\":\"ghp\\u005f` + token[4:] + `\"}"}`,
	} {
		cuts := []int{}
		for k := 1; k < len(text); k++ {
			agree(t, set, text, []int{k})
			cuts = append(cuts, k)
		}
		agree(t, set, text, cuts)
		if got := play(t, set, text, cuts); strings.Contains(got.out, token[4:12]) || !strings.Contains(got.out, "[SECRET:GITHUB]") {
			t.Errorf("%s became %s", text, got.out)
		}
	}
}

// TestEscapesInStreams: a value whose letters are escapes never leaves in part.
func TestEscapesInStreams(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	set := mustSet(t, allKinds(decision.ActionRedact)...)
	for range 40 {
		value := disguise(r, "sk-ant-"+"api03-"+invent(r, alnum, 60))
		text := `{"n":` + invent(r, "123456789", 2) + `,"k":"` + value + `"}`
		for _, size := range []int{1, 2, 3, 7, 20} {
			var cuts []int
			for k := size; k < len(text); k += size {
				cuts = append(cuts, k)
			}
			agree(t, set, text, cuts)
			if got := play(t, set, text, cuts); !strings.HasSuffix(got.out, `"k":"[SECRET:ANTHROPIC]"}`) {
				t.Fatalf("%s became %s in steps of %d", text, got.out, size)
			}
		}
	}
}

// TestExceptionsOfEscapedValues: the hash of a value as it stands does not except
// the value that it means.
func TestExceptionsOfEscapedValues(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	value := "-----BEGIN " + "RSA PRIVATE KEY----- " + invent(r, alnum, 40) + `\u0027\/ jane`
	text := "see " + value + ".doe@example.com"
	set := mustSet(t, Spec{Kind: Secret, Action: decision.ActionRedact, Exceptions: []Exception{{Hash: testKey().Hash([]byte(value))}}}, Spec{Kind: Secret, Action: decision.ActionHash})
	for a := 1; a < len(text); a++ {
		agree(t, set, text, []int{a})
		agree(t, set, text, []int{a, min(a+3, len(text)-1)})
	}
}

// TestNothingIsReadTwiceWithoutEscapes holds which texts get a second reading.
func TestNothingIsReadTwiceWithoutEscapes(t *testing.T) {
	set := mustSet(t, allKinds(decision.ActionRedact)...)
	for text, want := range map[string]bool{
		"plain": false, `C:\users\ann`: false, `a\nb\"c`: false, `\\u0041`: true, `\\\\u0041`: false, `\u0041`: true, `a\/b`: true, `\u00`: false, `\\\u0041`: true, `\\/`: true, `\\\\/`: false,
	} {
		st := set.NewStream(nil, nil)
		for k := range len(text) {
			st.Write(decision.Delta{Lane: "0", Text: text[k : k+1]})
		}
		if got := st.lanes["0"].next != nil; got != want {
			t.Errorf("%s: second reading %v", text, got)
		}
		if got := len(resolved([]byte(text))) > 0; got != want {
			t.Errorf("%s: whole, second reading %v", text, got)
		}
	}
}

// FuzzUnescape holds the reading of escapes against the library's, and every
// offset to what stands there.
func FuzzUnescape(f *testing.F) {
	for _, seed := range []string{`a\u0041b`, `\ud83d\ude00x`, `\\u0041`, `\"\/\b\f\n\r\t`, `\ud800`, `\u00e9`, `plain`, `\`, `\u`, `\ud800\u0041`, "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain, at, left := unescape(nil, nil, text, sequence(nil, 0, len(text)), true)
		at = append(at, uint32(len(text)))
		if left != 0 {
			t.Fatalf("%q: %d bytes are left", text, left)
		}
		if len(at) != len(plain)+1 || !slices.IsSorted(at) || at[len(plain)] != uint32(len(text)) {
			t.Fatalf("%q: %q at %v", text, plain, at)
		}
		var want string
		if utf8.ValidString(text) && json.Unmarshal([]byte(`"`+text+`"`), &want) == nil && want != string(plain) {
			t.Fatalf("%q: got %q, want %q", text, plain, want)
		}
		if !strings.Contains(text, `\`) && string(plain) != text {
			t.Fatalf("%q became %q", text, plain)
		}
	})
}

// TestChainsOfUnendedEscapes: however long beginnings of escapes follow each
// other, and in whatever deltas they come, no more of them waits than may belong
// to one that hides something, and a value behind them is found.
func TestChainsOfUnendedEscapes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	token := "ghp_" + invent(r, alnum, 36)
	for _, link := range []string{`\u`, `\u0`, `\u00`, `\u004`, `\\u`, `\\\u0`, `\u\u00\\u`, `\u\`, `\\\\u`} {
		chain := strings.Repeat(link, 2000/len(link))
		text := chain + `0041 ` + disguise(r, token) + " " + chain
		for _, size := range []int{1, 2, 3, 7, 300} {
			var cuts []int
			for k := size; k < len(text); k += size {
				cuts = append(cuts, k)
			}
			for _, action := range []decision.Action{decision.ActionRedact, decision.ActionObserve} {
				set := mustSet(t, allKinds(action)...)
				agree(t, set, text, cuts)
				got := play(t, set, text, cuts)
				if action == decision.ActionObserve && got.out != text || action == decision.ActionRedact && !strings.Contains(got.out, "[SECRET:GITHUB]") {
					t.Errorf("%s in steps of %d: %s", link, size, got.out)
				}
			}
		}
		st := mustSet(t, allKinds(decision.ActionRedact)...).NewStream(nil, nil)
		for k := range len(chain) {
			st.Write(decision.Delta{Lane: "0", Text: chain[k : k+1]})
			for r := range st.lanes["0"].readings() {
				if n := len(r.doubt.text); n > 4*(maxLayers+2)*2 || len(r.broken.text) > 12 {
					t.Fatalf("%s: %d bytes are in doubt, %d broken", link, n, len(r.broken.text))
				}
			}
		}
	}
}
