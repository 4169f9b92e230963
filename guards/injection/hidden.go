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
	var lone, alnum uint64 // of the block before
	var b, next window.Block
	next.Read(text, 0)
	for base := 0; base < len(text) && len(s.out) < maxRuns; base += window.BlockLen {
		b = next
		next.Read(text, base+window.BlockLen)
		alone := b.Alnum &^ (b.Alnum<<1 | alnum) &^ window.Shifted(b.Alnum, next.Alnum, 1)
		for three := alone & (alone<<2 | lone>>62) & (alone<<4 | lone>>60); three != 0; three &= three - 1 {
			s.spaced(base + bits.TrailingZeros64(three) - 4)
		}
		long, _ := window.Runs(b.Token, next.Token, 1, minEncoded)
		for ; long != 0; long &= long - 1 {
			if i := base + bits.TrailingZeros64(long); i >= s.encoded {
				s.base64OrHex(i)
			}
		}
		for begin := b.Alnum &^ (b.Alnum<<1 | alnum); begin != 0; begin &= begin - 1 {
			if i := base + bits.TrailingZeros64(begin); words.begins(text, i) {
				s.turned(i)
			}
		}
		lone, alnum = alone, b.Alnum>>(window.BlockLen-1)
	}
	s.inURL('%')
	s.inURL('+')
	return s.out
}

// full reports whether no more runs are collected.
func (s *seeker) full() bool { return len(s.out) >= maxRuns }
