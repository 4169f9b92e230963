package pii

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/window"
)

// spans returns what both detectors find in a text.
func spans(text string) []decision.Finding {
	all, _ := find(Emails{}, []byte(text), window.Mark{}, true, nil)
	all, _ = find(numbers, []byte(text), window.Mark{}, true, all)
	return all
}

// count is how a type fared.
type count struct{ asked, hit, wrong int }

func (c count) recall() float64    { return float64(c.hit) / float64(max(1, c.asked)) }
func (c count) precision() float64 { return float64(c.hit) / float64(max(1, c.hit+c.wrong)) }

// covers reports whether a finding is of the kind and shares four fifths with [start, end).
func covers(f decision.Finding, kind string, start, end int) bool {
	both := min(int(f.End), end) - max(int(f.Start), start)
	most := max(int(f.End), end) - min(int(f.Start), start)
	return f.Type == "pii."+kind && both*5 >= most*4
}

// score asks for values of every type in every sentence, and for sentences
// without any.
func score(m made, rounds int) (map[string]*count, []string, int) {
	table, misses, flagged := map[string]*count{}, []string{}, 0
	of := func(kind string) *count {
		if table[kind] == nil {
			table[kind] = &count{}
		}
		return table[kind]
	}
	for range rounds {
		for _, s := range m.types() {
			for _, carrier := range s.carriers {
				value := s.value()
				before, after, _ := strings.Cut(carrier, "%")
				text := before + value + after
				c := of(s.kind)
				c.asked++
				found := spans(text)
				k := slices.IndexFunc(found, func(f decision.Finding) bool { return covers(f, s.kind, len(before), len(before)+len(value)) })
				if k >= 0 {
					c.hit++
					found = slices.Delete(found, k, k+1)
				} else {
					misses = append(misses, fmt.Sprintf("%s missed: %q", s.kind, text))
				}
				for _, f := range found {
					of(strings.TrimPrefix(f.Type, "pii.")).wrong++
					misses = append(misses, fmt.Sprintf("%s wrong: %q in %q", f.Type, text[f.Start:f.End], text))
				}
			}
		}
		for _, n := range m.negatives() {
			text := n.draw()
			found := spans(text)
			if len(found) > 0 {
				flagged++
			}
			for _, f := range found {
				of(strings.TrimPrefix(f.Type, "pii.")).wrong++
				misses = append(misses, fmt.Sprintf("%s flagged %s: %q in %q", n.name, f.Type, text[f.Start:f.End], text))
			}
		}
	}
	return table, misses, flagged
}

// TestQuality holds how much is found of what is there and how little of what is
// not, over sentences with values of valid checksums and sentences without any.
func TestQuality(t *testing.T) {
	m := made{rand.New(rand.NewPCG(11, 11))}
	if n := len(m.negatives()); n < 30 {
		t.Fatalf("%d families of negatives", n)
	}
	const rounds = 30
	table, misses, flagged := score(m, rounds)
	sentences := rounds * len(m.negatives())
	share := float64(flagged) / float64(sentences)
	t.Logf("%d of %d sentences without anything are flagged (%.1f %%)", flagged, sentences, 100*share)
	bad := share > .01
	for kind, c := range table {
		t.Logf("%-16s asked %4d, recall %.3f, precision %.3f", kind, c.asked, c.recall(), c.precision())
		if c.asked > 0 && (c.recall() < .985 || c.precision() < .985) {
			bad = true
		}
	}
	if bad {
		for _, s := range misses[:min(60, len(misses))] {
			t.Log(s)
		}
		t.Errorf("the floors are recall and precision .985 for each type, and 1 %% of the sentences")
	}
}
