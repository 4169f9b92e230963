package pii

import (
	"math/bits"
	"slices"

	"outrider.dev/outrider/guards/window"
)

const (
	// reach is how many bytes before a number its context is read from, and
	// reachAfter how many behind it. The byte before them is read too.
	reach      = window.BlockLen
	reachAfter = 40
)

// far is the distance of a word that is not there.
const far = 255

// context is how many bytes away the nearest word of each label stands.
type context [labelCount]uint8

// lexicon finds the words that say what a number is.
type lexicon struct {
	words []word                  // ordered by slot
	first [1<<slotBits + 1]uint16 // of each slot, its first word; of the next, where it ends
}

const slotBits = 12

func newLexicon() *lexicon {
	x := &lexicon{words: vocabulary()}
	slices.SortStableFunc(x.words, func(a, b word) int { return a.slot() - b.slot() })
	for _, entry := range x.words {
		x.first[entry.slot()+1]++
	}
	for slot := range 1 << slotBits {
		x.first[slot+1] += x.first[slot]
	}
	return x
}

func (e *word) slot() int {
	text := e.text + " " // behind a whole word there is no letter
	return slotOf(text[0], text[1], text[2])
}

// slotOf spreads the first three bytes of words; all that is no letter is alike.
func slotOf(a, b, c byte) int {
	return int((letter(a)<<16 | letter(b)<<8 | letter(c)) * 0x9E3779B1 >> (32 - slotBits))
}

// letter returns a letter in its small form, a byte beyond ASCII, or zero.
func letter(c byte) uint32 {
	switch {
	case c >= 0x80:
		return uint32(c)
	case c|0x20 >= 'a' && c|0x20 <= 'z':
		return uint32(c | 0x20)
	}
	return 0
}

// before returns what the words before i say. Line ends do not stop it: forms
// put labels above.
func (x *lexicon) before(w *window.Window, i int) context {
	var raw [reach]byte
	from := max(0, i-reach)
	empty := reach - copy(raw[reach-(i-from):], w.Text[from:i])
	ctx := nowhere()
	for left := window.Begins(&raw, w.Before(from)); left != 0; left &= left - 1 {
		k := bits.TrailingZeros64(left)
		if k < empty {
			continue
		}
		for _, entry := range x.at(raw[k:]) {
			if entry.begins(raw[k:]) {
				ctx[entry.label] = uint8(reach - k)
			}
		}
	}
	return ctx
}

// after returns what the words behind i say, up to the end of their clause, in
// distances that are longer than any before. Where another number follows, the
// words belong to that one.
func (x *lexicon) after(w *window.Window, i int) context {
	var raw [reach]byte
	ctx := nowhere()
	for n := range reachAfter {
		c := w.At(i + n)
		if window.IsDigit(c) || oneOf(c, ":=#@+") {
			return ctx
		}
		if c == 0 || oneOf(c, ",;.!?\n\r\t|\"<>{}[]") {
			break
		}
		raw[n] = c
	}
	for left := window.Begins(&raw, w.Before(i)); left != 0; left &= left - 1 {
		k := bits.TrailingZeros64(left)
		for _, entry := range x.at(raw[k:]) {
			if entry.begins(raw[k:]) {
				ctx[entry.label] = min(ctx[entry.label], reach+1+uint8(k))
			}
		}
	}
	return ctx
}

func nowhere() (ctx context) {
	for l := range ctx {
		ctx[l] = far
	}
	return ctx
}

// at returns the words that may begin the text.
func (x *lexicon) at(text []byte) []word {
	if len(text) < 3 {
		return nil
	}
	slot := slotOf(text[0], text[1], text[2])
	return x.words[x.first[slot]:x.first[slot+1]]
}

// begins reports whether the word begins the text, whatever the case of its
// letters, with an underscore or a hyphen for a blank.
func (e *word) begins(text []byte) bool {
	n := len(e.text)
	if len(text) < n || e.whole && len(text) > n && window.ClassOf(text[n])&window.Letters != 0 {
		return false
	}
	for k := range n {
		c := text[k]
		switch {
		case c-'A' <= 'Z'-'A':
			c |= 0x20
		case c == '_', c == '-':
			c = ' '
		}
		if c != e.text[k] {
			return false
		}
	}
	return true
}
