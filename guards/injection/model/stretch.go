package model

import (
	"math/bits"
	"unicode/utf8"

	"outrider.dev/outrider/guards/window"
)

// Concepts meet where they stand within some blocks of a text; what is around
// them is judged with them.
const (
	meeting = 3 * window.BlockLen
	around  = 2 * window.BlockLen
	edge    = 32 // bytes that a stretch may grow or shrink by, to end between words
)

// stretches finds what of a text is to be judged, from one block after another.
type stretches struct {
	gate  *gate
	text  []byte
	base  int // of the block that comes next
	skip  int // where the word ends that was read last
	alnum uint64
	held  [meeting / window.BlockLen]uint64 // concepts of the last blocks
	at    Span                              // a stretch that may yet grow
	open  bool                              // there is one
}

// shortText is of how many bytes a text is judged in any case: in a short
// question one word tells much.
const shortText = 256

// add takes the concepts of the next block. It returns the stretch that ends
// before that, if one does.
func (s *stretches) add(concepts uint64) (done Span, ok bool) {
	const back = meeting - window.BlockLen + around
	if ok = s.open && s.base-back > s.at.End; ok {
		done, s.open = s.at, false
	}
	copy(s.held[1:], s.held[:len(s.held)-1])
	s.held[0] = concepts
	if concepts != 0 && s.gate.enough(s.held[0]|s.held[1]|s.held[2]) {
		if !s.open {
			s.at.Start, s.open = wordEdge(s.text, s.base-back), true
		}
		s.at.End = wordEdge(s.text, s.base+window.BlockLen+around)
	}
	s.base += window.BlockLen
	return done, ok
}

// rest returns the last stretch, once all blocks have come: a short text is one.
func (s *stretches) rest() (at Span, ok bool) {
	if len(s.text) <= shortText {
		return Span{0, len(s.text)}, len(s.text) > 0
	}
	return s.at, s.open
}

// all yields the stretches of a text that nobody else sifts. Each ends before
// the next one begins.
func (s *stretches) all(yield func(Span) bool) {
	var b window.Block
	for len(s.text) > shortText && s.base < len(s.text) {
		b.Read(s.text, s.base)
		if at, ok := s.add(s.read(&b)); ok && !yield(at) {
			return
		}
	}
	if at, ok := s.rest(); ok {
		yield(at)
	}
}

// read returns the concepts of the words that begin in the next block.
func (s *stretches) read(b *window.Block) (concepts uint64) {
	begin := b.Alnum&^(b.Alnum<<1|s.alnum) | b.Lead
	s.alnum = b.Alnum >> (window.BlockLen - 1)
	for ; begin != 0; begin &= begin - 1 {
		o := bits.TrailingZeros64(begin)
		i := s.base + o
		if i < s.skip {
			continue
		}
		n := bits.TrailingZeros64(^(b.Alnum >> (o & 63)))
		for i+n < len(s.text) && o+n >= window.BlockLen && n < window.BlockLen && window.IsAlnum(s.text[i+n]) {
			n++
		}
		if n == 0 || i+n < len(s.text) && disguises(s.text[i+n]) {
			var found uint64
			found, s.skip = s.gate.closely(s.text, i)
			concepts |= found
			continue
		}
		concepts |= s.gate.word(s.text, i, n)
	}
	return concepts
}

// disguises reports whether a word may go on behind c.
func disguises(c byte) bool { return c >= utf8.RuneSelf || c == '\'' || c == '@' || c == '$' }

// wordEdge returns where no word goes on, at i or not far behind.
func wordEdge(text []byte, i int) int {
	if i <= 0 {
		return 0
	}
	joined := func(c byte) bool { return window.IsAlnum(c) || c >= utf8.RuneSelf }
	for n := 0; n < edge && i < len(text) && joined(text[i-1]) && joined(text[i]); n++ {
		i++
	}
	for i < len(text) && !utf8.RuneStart(text[i]) {
		i++
	}
	return min(i, len(text))
}
