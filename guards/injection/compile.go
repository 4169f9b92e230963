package injection

import (
	"slices"

	"outrider.dev/outrider/guards/window"
)

// compile gives every word its meaning for the rules.
func (d *Detector) compile(words map[string]class) {
	bases := make([]int, len(d.rules))
	used := [stateWords]int{}
	for n, r := range d.rules {
		k := 0
		for used[k]+len(r.parts)-1 > 64 {
			k++
		}
		bases[n] = k*64 + used[k]
		used[k] += len(r.parts) - 1
		for part := range len(r.parts) - 1 {
			if r.strict {
				d.strict.add(bases[n] + part)
			}
			if r.kind == kindOverride {
				d.override.add(bases[n] + part)
			}
		}
	}
	d.meanings = []meaning{{}}
	d.breaks = [3]meaning{gapSoft: d.mean(end|glue, bases), gapHard: d.mean(end, bases)}
	d.words = newLexicon(len(words))
	known := map[class]uint16{}
	for word, c := range words {
		n, ok := known[c]
		if !ok {
			n = uint16(len(d.meanings))
			known[c] = n
			d.meanings = append(d.meanings, d.mean(c, bases))
		}
		d.words.add(word, n)
		d.longest = max(d.longest, len(word))
		if c&d.first != 0 && len(word) > 1 {
			d.gate[pair(word[0], word[1])] = true
			d.openings = append(d.openings, word)
		}
	}
}

// mean returns the meaning of a class, for rules with the given first bits.
func (d *Detector) mean(c class, bases []int) meaning {
	m := meaning{class: c}
	for n, r := range d.rules {
		if c&r.parts[0] != 0 {
			m.begins.add(bases[n])
		}
		for k, part := range r.parts[1:] {
			switch {
			case c&part == 0:
			case k == len(r.parts)-2:
				m.ends.add(bases[n] + k)
			default:
				m.advances.add(bases[n] + k)
			}
		}
	}
	return m
}

// Keys returns the keys of the words that an act can begin with, also with
// digits for letters, and of those that begin a forged turn.
func (d *Detector) Keys() []string {
	out := []string{"huma", "assi"}
	for _, word := range d.openings {
		out = append(out, spellings(word[:min(len(word), window.KeyLen)])...)
	}
	return out
}

// spellings returns a word with every choice of its letters written as digits.
func spellings(word string) []string {
	out := []string{""}
	for k := range len(word) {
		longer := make([]string, 0, 2*len(out))
		for _, c := range "0123456789" {
			if imitated(byte(c)) == word[k] {
				longer = appendEach(longer, out, string(c))
			}
		}
		out = appendEach(longer, out, word[k:k+1])
	}
	return slices.Clip(out)
}

func appendEach(out, begun []string, end string) []string {
	for _, s := range begun {
		out = append(out, s+end)
	}
	return out
}
