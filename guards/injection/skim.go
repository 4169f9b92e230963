package injection

import (
	"encoding/binary"

	"outrider.dev/outrider/guards/window"
)

// state is how far every rule has come, in one pass over the words: a bit for
// each rule and part, the parts of one rule side by side. It forgets where an
// act began and how long it is, so it sees every act that there is, and some
// that are none.
//
// Its words are named, for the compiler keeps no array in registers.
type state struct{ a, b, c uint64 }

const stateWords = 3

// add adds a bit, which are numbered through all words.
func (s *state) add(bit int) {
	word := [stateWords]*uint64{&s.a, &s.b, &s.c}[bit>>6]
	*word |= 1 << (bit & 63)
}

func (s state) empty() bool { return s.a|s.b|s.c == 0 }

func (s state) meets(t *state) bool { return s.a&t.a|s.b&t.b|s.c&t.c != 0 }

// meaning is what a word, or the punctuation between two, does to a state.
type meaning struct {
	class    class
	begins   state // rules whose first part it is
	advances state // parts that it leads on from
	ends     state // parts that it completes a rule from
}

// skim reads plain words from i on until no rule is left that they may follow.
// If clean is true, no act begins with a word in [from, to). Otherwise one may
// be complete, or something stands there that is not plain, and [from, to) has
// to be judged; acts that begin between i and from are too far away. It reads
// on only as far as an act may that begins before limit.
func (d *Detector) skim(text []byte, i, limit int, last bool) (from, to int, clean bool) {
	var live state
	for at := i; at < limit+maxRaw; {
		end, n := d.plainWord(text, at)
		if end == len(text) && !last || end < len(text) && odd(text[end]) {
			return max(i, end-maxRaw), end, false
		}
		if n == 0 { // no act goes on with a word that is not known
			return i, end, true
		}
		word := &d.meanings[n]
		if live.meets(&word.ends) {
			return max(i, end-maxRaw), end, false
		}
		live = d.step(live, word)
		if live.empty() {
			return i, end, true
		}
		if end+1 < len(text) && text[end] == ' ' && d.fold[text[end+1]] != 0 { // nearly always
			at = end + 1
			continue
		}
		g := d.plainGap(text, end)
		if !g.plain || g.end == len(text) && !last || g.padding > maxPadding && live.meets(&d.override) || live.meets(&d.breaks[g.kind].ends) {
			return max(i, end-maxRaw), g.end, false
		}
		if g.kind != gapBlank {
			live = d.step(live, &d.breaks[g.kind])
		}
		if live.empty() || g.end == len(text) {
			return i, g.end, true
		}
		at = g.end
	}
	return i, limit, true
}

// maxPadding is how many blanks a gap may have in an act that is not found for
// its padding: such an act has more than maxRaw-maxVisible of them, in at most
// maxSteps gaps.
const maxPadding = (maxRaw-maxVisible)/maxSteps - 1

// step feeds one word or gap to all rules, and lets acts begin with it.
func (d *Detector) step(s state, m *meaning) state {
	next := state{
		s.a&m.advances.a<<1 | m.begins.a, s.b&m.advances.b<<1 | m.begins.b, s.c&m.advances.c<<1 | m.begins.c,
	}
	if m.class&glue != 0 {
		next.a |= s.a &^ d.strict.a
		next.b |= s.b &^ d.strict.b
		next.c |= s.c &^ d.strict.c
	}
	return next
}

// plainWord returns where the letters and digits at i end, and the meaning of
// the word that they are.
func (d *Detector) plainWord(text []byte, i int) (end int, meaning uint16) {
	if i+8 <= len(text) {
		head, n := window.Head(binary.LittleEndian.Uint64(text[i:]))
		if n < 8 && head&lettered == lettered&(1<<(uint(n)<<3)-1) {
			return i + n, d.words.short(head)
		}
	}
	var low letters
	n := 0
	for end = i; end < len(text); end++ {
		c := d.fold[text[end]]
		if c == 0 {
			break
		}
		if n < maxWord {
			low.raw[n] = c
		}
		n++
	}
	if n > d.longest {
		return end, 0
	}
	low.n = n
	return end, d.meaning(&low)
}

// lettered are the bits by which letters differ from digits.
const lettered = 0x4040404040404040

// gapKind is what stands between two words: blanks alone, something that may
// stand within a sentence, or the end of one.
type gapKind uint8

const (
	gapBlank gapKind = iota
	gapSoft
	gapHard
)

// gap is what stands between two words.
type gap struct {
	end     int
	kind    gapKind
	padding int // blanks
	plain   bool
}

// plainGap reads what stands between two words from i on. It stops behind the
// end of a sentence: nothing goes on there.
func (d *Detector) plainGap(text []byte, i int) gap {
	g := gap{end: i, plain: true}
	for ; g.end < len(text); g.end++ {
		c := text[g.end]
		switch {
		case d.fold[c] != 0:
			return g
		case odd(c):
			g.plain = false
			return g
		case c <= ' ':
			g.padding++
			if c == '\n' {
				g.kind = gapSoft
			}
		case c == '.', c == '!', c == '?', c == ';':
			g.kind = gapHard
			g.end++
			return g
		default:
			g.kind = gapSoft
		}
	}
	g.kind = gapHard
	return g
}

// odd reports whether c may be within a word though it is no letter.
func odd(c byte) bool { return c == '\'' || c >= 0x80 }
