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
	base    int    // of the block that comes next
	lone    uint64 // letters that stand alone in the block before
	alnum   uint64 // whether that ends with a letter or digit
	line    int    // where lines that are turned are looked for next
	apart   int    // where letters set apart are looked for next
	encoded int    // where base64 and hexadecimal are
}

// block looks in the next block for what a run must hold that people cannot
// read and models can: minEncoded letters, digits and a few signs in a row, or
// three letters that stand alone. Words that are turned come one by one.
func (s *seeker) block(b, next *window.Block) {
	base := s.base
	s.base += window.BlockLen
	alone := b.Alnum &^ (b.Alnum<<1 | s.alnum) &^ window.Shifted(b.Alnum, next.Alnum, 1)
	three := alone & (alone<<2 | s.lone>>62) & (alone<<4 | s.lone>>60)
	s.lone, s.alnum = alone, b.Alnum>>(window.BlockLen-1)
	if s.full() {
		return
	}
	for ; three != 0; three &= three - 1 {
		s.spaced(base + bits.TrailingZeros64(three) - 4)
	}
	long, _ := window.Runs(b.Token, next.Token, 1, minEncoded)
	for ; long != 0; long &= long - 1 {
		if i := base + bits.TrailingZeros64(long); i >= s.encoded {
			s.base64OrHex(i)
		}
	}
}

// runs returns the runs of the text, once all blocks have come.
func (s *seeker) runs() []run {
	s.inURL('%')
	s.inURL('+')
	return s.out
}

// full reports whether no more runs are collected.
func (s *seeker) full() bool { return len(s.out) >= maxRuns }
