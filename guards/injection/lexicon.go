package injection

import (
	"encoding/binary"
	"math/bits"
)

// letters is a word of n lower-case letters and digits, and zeros behind them.
type letters struct {
	raw [maxWord]byte
	n   int
}

func (l *letters) head() uint64 { return binary.LittleEndian.Uint64(l.raw[:8]) }

// lexicon finds words by their first eight letters. It is at most half full.
// What every search reads is kept close together.
type lexicon struct {
	heads    []uint64 // first eight letters; zero: free
	tails    []string // the other letters
	meanings []uint16
	shift    uint8
}

func newLexicon(size int) lexicon {
	width := bits.Len(uint(size)) + 1
	n := 1 << width
	return lexicon{heads: make([]uint64, n), tails: make([]string, n), meanings: make([]uint16, n), shift: uint8(64 - width)}
}

// place returns where the search for a word begins.
func (x *lexicon) place(head uint64) int { return int(head * 0x9E3779B97F4A7C15 >> x.shift) }

func (x *lexicon) next(k int) int { return (k + 1) & (len(x.heads) - 1) }

// add enters a word that is not yet in the lexicon.
func (x *lexicon) add(word string, meaning uint16) {
	var l letters
	l.n = copy(l.raw[:], word)
	k := x.place(l.head())
	for x.heads[k] != 0 {
		k = x.next(k)
	}
	x.heads[k], x.tails[k], x.meanings[k] = l.head(), word[min(8, len(word)):], meaning
}

// short returns the meaning of a word of fewer than eight letters.
func (x *lexicon) short(head uint64) uint16 {
	for k := x.place(head); x.heads[k] != 0; k = x.next(k) {
		if x.heads[k] == head {
			return x.meanings[k]
		}
	}
	return 0
}

// find returns the meaning of a word, or zero if it is unknown.
func (x *lexicon) find(l *letters) uint16 {
	head := l.head()
	for k := x.place(head); x.heads[k] != 0; k = x.next(k) {
		if x.heads[k] == head && string(l.raw[min(8, l.n):l.n]) == x.tails[k] {
			return x.meanings[k]
		}
	}
	return 0
}
