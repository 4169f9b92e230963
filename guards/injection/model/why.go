package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const (
	most       = 5 // groups that a reason names
	otherWords = "other words"
)

// part is a group of features and how much it adds to a score.
type part struct {
	name string
	adds float32
}

// Why names what speaks most for an attack in a window, the strongest first, each
// with its share of all that does: the concepts, with what their words, those
// around them and the concepts before them add, and all other words as one. Nothing of the
// text is told. The window is read by itself, without what stands before it.
func (m *Model) Why(text []byte, at Span) string {
	r := m.readers.Get().(*Reader)
	defer m.readers.Put(r)
	adds := map[string]float32{}
	for r.start(text, at); r.block(); {
		from := 0
		for k := range r.n {
			t := &r.t[k]
			name := otherWords
			if id := t.concepts[0]; id != 0 {
				name = r.lex.known[id].name
			}
			adds[name] += m.sum(r.ids[from:t.ids])
			from = t.ids
		}
	}
	r.scan.text = nil
	all := make([]part, 0, len(adds))
	for name, n := range adds {
		if n > 0 {
			all = append(all, part{name, n})
		}
	}
	slices.SortFunc(all, func(a, b part) int { return cmp.Or(cmp.Compare(b.adds, a.adds), cmp.Compare(a.name, b.name)) })
	total := float32(0)
	for _, p := range all {
		total += p.adds
	}
	var told []string
	for _, p := range all[:min(most, len(all))] {
		told = append(told, fmt.Sprintf("%s %.0f%%", p.name, 100*p.adds/total))
	}
	return strings.Join(told, ", ")
}
