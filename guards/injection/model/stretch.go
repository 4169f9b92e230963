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

// stretches goes over a text for what is to be judged.
type stretches struct {
	gate  *gate
	text  []byte
	base  int // of the block that is read next
	skip  int // where the word ends that was read last
	alnum uint64
	held  [meeting / window.BlockLen]uint64 // concepts of the last blocks
}

// shortText is of how many bytes a text is judged in any case: in a short
// question one word tells much.
const shortText = 256

// next returns the next stretch to judge, which ends before the one behind it
// begins.
func (s *stretches) next() (at Span, ok bool) {
	if len(s.text) <= shortText {
		ok, s.base = s.base < len(s.text), len(s.text)
		return Span{0, len(s.text)}, ok
	}
	const back = meeting - window.BlockLen + around
	for ; s.base < len(s.text) && (!ok || s.base-back <= at.End); s.base += window.BlockLen {
		copy(s.held[1:], s.held[:len(s.held)-1])
		s.held[0] = s.block()
		if s.held[0] == 0 || !s.gate.enough(s.held[0]|s.held[1]|s.held[2]) {
			continue
		}
		if !ok {
			at.Start, ok = wordEdge(s.text, s.base-back), true
		}
		at.End = wordEdge(s.text, s.base+window.BlockLen+around)
	}
	return at, ok
}

// block returns the concepts of the words that begin in the next block.
func (s *stretches) block() (concepts uint64) {
	var b window.Block
	b.Read(s.text, s.base)
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
