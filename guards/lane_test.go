package guards

import (
	"math/rand/v2"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/window"
)

// scripted finds given spans. It waits for the end of each or, with eager set,
// reports each as soon as it begins and leaves it open. Its text is a run of
// counted letters, so that it knows where it stands.
type scripted struct {
	spans []decision.Finding
	eager bool
}

// counted returns text in which every place tells its own offset.
func counted(n int) string {
	out := make([]byte, n)
	for k := range out {
		out[k] = byte(k)
	}
	return string(out)
}

func (s scripted) Find(text []byte, _ window.Places, m window.Mark, last bool, out []decision.Finding) ([]decision.Finding, window.Mark) {
	if len(text) == 0 {
		return out, m
	}
	base := int(text[0]) // of the window in the whole text
	for _, f := range s.spans {
		start, end := int(f.Start)-base, int(f.End)-base
		goesOn := m.Open != 0 && start < m.At && end >= m.At
		if start < m.At && !goesOn || start >= len(text) {
			continue
		}
		known := min(end, len(text))
		open := known < end || known == len(text) && !last
		if open && !s.eager {
			return out, window.Mark{At: start}
		}
		out = append(out, decision.Finding{Type: f.Type, Confidence: f.Confidence, Start: uint32(max(start, m.At)), End: uint32(known)})
		if open {
			return out, window.Mark{At: known, Open: 1}
		}
	}
	return out, window.Mark{At: len(text)}
}

// scriptedSet redacts what the detectors find.
func scriptedSet(detectors ...detector) *Set {
	set := &Set{sieve: &sieve{value: parts()}, key: testKey()}
	for n, d := range detectors {
		set.guards = append(set.guards, guard{detector: d, kind: []Kind{Secret, PII}[n]})
		set.specs = append(set.specs, Spec{Kind: []Kind{Secret, PII}[n], Action: decision.ActionRedact})
	}
	return set
}

// scatter returns spans that do not overlap each other, from offsets of one
// parity: two detectors never begin at the same place.
func scatter(r *rand.Rand, kind string, parity, n int) []decision.Finding {
	var out []decision.Finding
	for at := r.IntN(12)*2 + parity; at < n-24; {
		end := at + 1 + r.IntN(22)
		out = append(out, decision.Finding{Type: kind, Start: uint32(at), End: uint32(end)})
		at = end + r.IntN(12)
		at += (at + parity) % 2
	}
	return out
}

// TestReplacementsUniteAsEditsDo streams overlapping spans of two detectors
// and compares with the edits of the whole text.
func TestReplacementsUniteAsEditsDo(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 4000 {
		text := counted(100 + r.IntN(28))
		set := scriptedSet(scripted{scatter(r, "secret.a", 0, len(text)), true}, scripted{scatter(r, "pii.b", 1, len(text)), false})
		agree(t, set, text, randomCuts(r, len(text)))
	}
}

// TestSpanWithinSpan covers what lies inside a longer redaction and outside of
// the last one that it holds.
func TestSpanWithinSpan(t *testing.T) {
	text := counted(60)
	long := scripted{spans: []decision.Finding{{Type: "secret.long", Start: 4, End: 40}}}
	short := scripted{spans: []decision.Finding{{Type: "pii.one", Start: 6, End: 9}, {Type: "pii.two", Start: 20, End: 23}, {Type: "pii.out", Start: 39, End: 45}}}
	for _, eager := range []bool{false, true} {
		long.eager = eager
		set := scriptedSet(long, short)
		want := text[:4] + "[SECRET:LONG]" + text[45:]
		for a := 1; a < len(text); a++ {
			for b := a; b < len(text); b++ {
				if got := play(t, set, text, []int{a, b}); got.out != want {
					t.Fatalf("cuts %d %d: %q", a, b, got.out)
				}
			}
		}
	}
}

// TestTouchingSpansKeepTheirNames checks that spans which meet do not unite.
func TestTouchingSpansKeepTheirNames(t *testing.T) {
	text := counted(30)
	set := scriptedSet(scripted{spans: []decision.Finding{
		{Type: "secret.a", Start: 2, End: 5}, {Type: "secret.b", Start: 5, End: 8},
	}})
	for a := 1; a < len(text); a++ {
		if got := play(t, set, text, []int{a}); !strings.Contains(got.out, "[SECRET:A][SECRET:B]") {
			t.Fatalf("cut %d: %q", a, got.out)
		}
	}
}
