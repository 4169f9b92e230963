package model

import (
	_ "embed"
	"slices"
	"strings"
	"unicode/utf8"
)

//go:embed concepts.txt
var conceptText string

// concept is a kind of words.
type concept struct {
	name   string
	strong bool // attacks are made of it
	points int  // of how much of an attack it is, for the gate
}

// plainWord is a word or stem of ASCII letters and digits.
type plainWord struct {
	letters string
	stem    bool
	id      uint8
}

// lexicon knows the words of every concept. Words are known by their hashes:
// one in many millions of unknown words is taken for another.
type lexicon struct {
	known  []concept // from 1 on
	plain  []plainWord
	exacts map[uint64][maxConcepts]uint8
	stems  map[uint64][maxConcepts]uint8
	bloom  [1 << 10]uint64 // of stems and whole words
}

func newLexicon(p *plain) *lexicon {
	x := &lexicon{known: make([]concept, 1), exacts: map[uint64][maxConcepts]uint8{}, stems: map[uint64][maxConcepts]uint8{}}
	for line := range strings.Lines(conceptText) {
		name, words, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		id := uint8(len(x.known))
		name, points, strong := strings.Cut(name, "=")
		c := concept{name: name, strong: strong}
		if strong {
			c.points = int(points[0] - '0')
		}
		x.known = append(x.known, c)
		for word := range strings.FieldsSeq(words) {
			x.add(p, word, id)
		}
	}
	return x
}

// add enters a word, folded as the scanner folds it.
func (x *lexicon) add(p *plain, word string, id uint8) {
	word, common := strings.CutPrefix(word, "~")
	word, stem := strings.CutSuffix(word, "*")
	h := uint64(seed)
	s := scanner{plain: p, text: []byte(word)}
	latin := strings.ContainsFunc(word, func(r rune) bool { return r >= 'a' && r <= 'z' })
	var folded []rune
	for s.at < len(s.text) {
		g, width := s.glyph()
		if g.sign == letter {
			r := g.own
			if latin {
				r = g.like
			}
			folded = append(folded, r)
			h = mix(h ^ uint64(r))
		}
		s.at += width
	}
	if !common && x.known[id].points > 0 && !slices.ContainsFunc(folded, func(r rune) bool { return r >= utf8.RuneSelf }) {
		x.plain = append(x.plain, plainWord{string(folded), stem, id})
	}
	table := x.exacts
	if stem {
		table = x.stems
	}
	table[h] = with(table[h], id)
	x.bloom[h>>6&(1<<10-1)] |= 1 << (h & 63)
}

// with adds a concept to those of a word.
func with(c [maxConcepts]uint8, id uint8) [maxConcepts]uint8 {
	for k := range c {
		if c[k] == 0 || c[k] == id {
			c[k] = id
			break
		}
	}
	return c
}

// find looks up a word by the hashes of its prefixes: the whole word, and its
// longest known stem.
func (x *lexicon) find(hashes []uint64, out *[maxConcepts]uint8) bool {
	n := len(hashes)
	found := n > 0 && x.exact(hashes[n-1], out)
	for k := n - 1; k >= 0; k-- {
		h := hashes[k]
		if x.bloom[h>>6&(1<<10-1)]&(1<<(h&63)) == 0 {
			continue
		}
		if c, ok := x.stems[h]; ok {
			for _, id := range c {
				if id != 0 {
					*out = with(*out, id)
				}
			}
			return true
		}
	}
	return found
}

func (x *lexicon) exact(h uint64, out *[maxConcepts]uint8) bool {
	if x.bloom[h>>6&(1<<10-1)]&(1<<(h&63)) == 0 {
		return false
	}
	c, ok := x.exacts[h]
	if ok {
		*out = c
	}
	return ok
}
