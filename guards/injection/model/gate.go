package model

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// gate knows which stretches of a text are judged: those where enough concepts
// of attacks meet. It looks up every word once, by its first letters. All other
// text is harmless by definition, for the trainer as well.
type gate struct {
	known [1 << 10]uint64 // of the keys of all words, by their hashes
	slots [1 << gateBits]slot
	words []gateWord        // those of one key side by side
	score [maxPoints]uint64 // concepts that have more points than the index
	plain *plain
	lex   *lexicon
}

// slot is where the words with a key stand.
type slot struct {
	key      uint32
	from, to uint16
}

// gateWord is a word or a stem by its first eight letters, and its concepts.
type gateWord struct {
	letters, mask uint64
	concepts      uint64
}

const (
	gateBits = 12 // some 1,700 keys
	keyLen   = 4  // letters of a key; a stem has no fewer

	maxPoints    = 3 // of one concept
	enoughPoints = 5
)

// newGate returns the gate of a lexicon. It reads plain words by itself, and
// leaves all others to the scanner.
func newGate(p *plain, x *lexicon) *gate {
	g := &gate{plain: p, lex: x}
	for id, c := range x.known {
		for k := range c.points {
			g.score[k] |= 1 << id
		}
	}
	all := map[uint32][]gateWord{}
	for _, w := range x.plain {
		letters := spelled([]byte(w.letters))
		n := len(w.letters) + 1 // what ends the word
		if w.stem {
			n--
		}
		all[uint32(letters)] = append(all[uint32(letters)], gateWord{letters, firstBytes(n), 1 << w.id})
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		*g.place(key) = slot{key, uint16(len(g.words)), uint16(len(g.words) + len(all[key]))}
		g.words = append(g.words, all[key]...)
		h := keyHash(key) >> 16
		g.known[h>>6] |= 1 << (h & 63)
	}
	return g
}

// spelled returns the first eight letters and digits of a word, digits as the
// letters they imitate.
func spelled(word []byte) uint64 {
	var raw [8]byte
	for k := range copy(raw[:], word) {
		raw[k] = byte(imitated(rune(word[k] | 0x20)))
	}
	return binary.LittleEndian.Uint64(raw[:])
}

// firstBytes masks the first n bytes of eight.
func firstBytes(n int) uint64 {
	if n >= 8 {
		return ^uint64(0)
	}
	return uint64(1)<<(8*n&63) - 1
}

func keyHash(key uint32) uint32 { return key * 0x9E3779B1 }

// keyText returns the letters of a key.
func keyText(key uint32) string {
	raw := binary.LittleEndian.AppendUint32(nil, key)
	return string(bytes.TrimRight(raw, "\x00"))
}

// place returns the slot of a key, or the free one that it belongs to.
func (g *gate) place(key uint32) *slot {
	for k := keyHash(key) >> (32 - gateBits); ; k = (k + 1) & (1<<gateBits - 1) {
		if s := &g.slots[k]; s.key == key || s.key == 0 {
			return s
		}
	}
}

// word returns the concepts of the word of n plain letters and digits at i.
func (g *gate) word(text []byte, i, n int) (concepts uint64) {
	const lower, letter = 0x2020202020202020, 0x4040404040404040
	var w uint64
	if i+8 <= len(text) {
		w = binary.LittleEndian.Uint64(text[i:])
	} else {
		var raw [8]byte
		copy(raw[:], text[i:])
		w = binary.LittleEndian.Uint64(raw[:])
	}
	own := firstBytes(n)
	if w = (w | lower) & own; w&letter != letter&own {
		if uint32(w&letter) == 0 { // a number imitates nothing
			return 0
		}
		w = spelled(text[i : i+min(n, 8)])
	}
	h := keyHash(uint32(w)) >> 16
	if g.known[h>>6]&(1<<(h&63)) == 0 {
		return 0
	}
	s := g.place(uint32(w))
	for k := range g.words[s.from:s.to] {
		if known := &g.words[int(s.from)+k]; w&known.mask == known.letters {
			concepts |= known.concepts
		}
	}
	return concepts
}

// closely returns the concepts of the character or word at i, read as the
// scanner does, and its end.
func (g *gate) closely(text []byte, i int) (concepts uint64, end int) {
	if text[i] >= utf8.RuneSelf {
		r, width := utf8.DecodeRune(text[i:])
		if glyphOf(r, text[i:i+width]).sign != letter {
			return 0, i + width
		}
	}
	s := scanner{plain: g.plain, words: g.lex, text: text, at: i}
	var t token
	s.next(&t)
	for _, c := range t.concepts {
		concepts |= 1 << c
	}
	return concepts & g.score[0], max(s.at, i+1)
}

// enough reports whether concepts that stand together may make an attack.
func (g *gate) enough(concepts uint64) bool {
	points := 0
	for _, some := range g.score {
		points += bits.OnesCount64(concepts & some)
	}
	return points >= enoughPoints
}
