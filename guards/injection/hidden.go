package injection

import (
	"math/bits"

	"outrider.dev/outrider/guards/window"
)

// Bounds of what is decoded of one text, in bytes.
const (
	maxDecoded = 4 << 10 // of one run
	maxRuns    = 16      // that hold text
)

// run is a hidden text and where it stands.
type run struct {
	start, end int
	text       []byte
	way        string // in which it is hidden
}

// Ways in which a text is hidden, as findings name them.
const (
	wayBase64  = "base64"
	wayHex     = "hexadecimal"
	wayPercent = "percent signs"
	wayApart   = "letters set apart"
)

// seeker collects the runs of a text.
type seeker struct {
	text    []byte
	words   *turned
	out     []run
	line    int // where lines that are turned are looked for next
	apart   int // where letters set apart are looked for next
	encoded int // where base64 and hexadecimal are
}

// hiddenRuns returns the runs of a text that people cannot read and models can.
// One pass looks for what such a run must hold: minEncoded letters, digits and a
// few signs in a row, three letters that stand alone, or a word that is turned.
func hiddenRuns(text []byte, words *turned) []run {
	s := seeker{text: text, words: words}
	var lone, tokens, alnum uint64 // of the block before
	for base := 0; base < len(text) && len(s.out) < maxRuns; base += window.BlockLen {
		var b window.Block
		b.Read(text, base)
		alone := b.Alnum &^ (b.Alnum<<1 | alnum) &^ (b.Alnum >> 1) // the last one may not be
		for three := alone & (alone<<2 | lone>>62) & (alone<<4 | lone>>60); three != 0; three &= three - 1 {
			s.spaced(base + bits.TrailingZeros64(three) - 4)
		}
		for long := inARow(b.Token, tokens); long != 0; {
			at := bits.TrailingZeros64(long)
			s.base64OrHex(base + at)
			long &^= 0xff << at // a run that ends later holds one of the next, too
		}
		for begin := b.Alnum &^ (b.Alnum<<1 | alnum); begin != 0; begin &= begin - 1 {
			if i := base + bits.TrailingZeros64(begin); words.begins(text, i) {
				s.turned(i)
			}
		}
		lone, tokens, alnum = alone, b.Token, b.Alnum>>(window.BlockLen-1)
	}
	s.inURL('%')
	s.inURL('+')
	return s.out
}

// inARow marks the bytes of a block that end minEncoded marked ones in a row, of
// which some may stand in the block before.
func inARow(marked, before uint64) uint64 {
	two, b2 := marked&shifted(marked, before, 1), before&(before<<1)
	four, b4 := two&shifted(two, b2, 2), b2&(b2<<2)
	eight, b8 := four&shifted(four, b4, 4), b4&(b4<<4)
	sixteen := eight & shifted(eight, b8, 8)
	return sixteen & shifted(eight, b8, minEncoded-8)
}

// shifted moves marks by n bytes towards the end.
func shifted(marked, before uint64, n uint) uint64 { return marked<<n | before>>(window.BlockLen-n) }

// full reports whether no more runs are collected.
func (s *seeker) full() bool { return len(s.out) >= maxRuns }
