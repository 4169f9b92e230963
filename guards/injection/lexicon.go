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
type lexicon struct {
	slots []slot
	shift uint8
}

// slot is one word: its first eight letters, the others, and its meaning.
type slot struct {
	head    uint64 // zero: the slot is free
	tail    string
	meaning uint16
}

func newLexicon(size int) lexicon {
	width := bits.Len(uint(size)) + 1
	return lexicon{slots: make([]slot, 1<<width), shift: uint8(64 - width)}
}

func (x *lexicon) first(head uint64) uint64 { return head * 0x9E3779B97F4A7C15 >> x.shift }

// add enters a word that is not yet in the lexicon.
func (x *lexicon) add(word string, meaning uint16) {
	var l letters
	l.n = copy(l.raw[:], word)
	k := x.first(l.head())
	for x.slots[k].head != 0 {
		k = (k + 1) % uint64(len(x.slots))
	}
	x.slots[k] = slot{head: l.head(), tail: word[min(8, len(word)):], meaning: meaning}
}

// find returns the meaning of a word, or zero if it is unknown.
func (x *lexicon) find(l *letters) uint16 {
	head := l.head()
	for k := x.first(head); ; k = (k + 1) % uint64(len(x.slots)) {
		s := &x.slots[k]
		if s.head == 0 {
			return 0
		}
		if s.head == head && string(l.raw[min(8, l.n):l.n]) == s.tail {
			return s.meaning
		}
	}
}
