package injection

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unicode/utf8"

	"outrider.dev/outrider/guards/window"
)

// Ways in which letters are turned, as findings name them.
const (
	wayROT13   = "ROT13"
	wayReverse = "reversed"
)

const turnedKey = 4 // letters by which a word is looked up first

// turned knows words of attacks as ROT13 and reversal write them. No language
// has these words, so one of them is enough to read its line the other way.
type turned struct {
	known [1 << 6]uint64 // of the hashes of first letters
	ways  map[string]string
}

func newTurned() *turned {
	t := &turned{ways: map[string]string{}}
	for _, word := range [...]string{
		"ignore", "disregard", "forget", "override", "bypass", "reveal", "repeat", "previous", "instructions", "prompt", "system", "secret", "password", "restrictions",
	} {
		t.add(string(rot13([]byte(word))), wayROT13)
		t.add(string(reversed([]byte(word))), wayReverse)
	}
	return t
}

func (t *turned) add(word, way string) {
	h := turnedHash(binary.LittleEndian.Uint32([]byte(word)))
	t.known[h>>6] |= 1 << (h & 63)
	t.ways[word] = way
}

// turnedHash hashes the first letters of a word, in whatever case.
func turnedHash(letters uint32) uint32 { return (letters | 0x20202020) * 0x9E3779B1 >> 20 }

// begins reports whether the word at i may be turned. Few that are not pass.
func (t *turned) begins(text []byte, i int) bool {
	if len(text)-i < turnedKey {
		return false
	}
	h := turnedHash(binary.LittleEndian.Uint32(text[i:]))
	return t.known[h>>6]&(1<<(h&63)) != 0
}

// way returns how the word at i is turned, nothing if it is not.
func (t *turned) way(text []byte, i int) string {
	var low [maxWord]byte
	n := 0
	for ; n < maxWord && i+n < len(text) && window.IsAlnum(text[i+n]); n++ {
		low[n] = text[i+n] | 0x20
	}
	return t.ways[string(low[:n])]
}

// turned adds the line around the word at i, if that is turned.
func (s *seeker) turned(i int) {
	if i < s.line || s.full() {
		return
	}
	way := s.words.way(s.text, i)
	if way == "" {
		return
	}
	start, end := lineAround(s.text, i, s.line)
	plain := slices.Clone(s.text[start:end])
	if way == wayReverse {
		plain = reversed(plain)
	} else {
		plain = rot13(plain)
	}
	s.out = append(s.out, run{start, end, plain, way})
	s.line = end
}

// lineAround returns the line that holds i, of at most maxDecoded bytes, without
// blanks at its ends. It begins at from or later.
func lineAround(text []byte, i, from int) (start, end int) {
	start = max(from, i-maxDecoded/2)
	start += bytes.LastIndexByte(text[start:i], '\n') + 1
	end = min(len(text), i+maxDecoded/2)
	if k := bytes.IndexByte(text[i:end], '\n'); k >= 0 {
		end = i + k
	}
	for start < i && (text[start] == ' ' || !utf8.RuneStart(text[start])) {
		start++
	}
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end--
	}
	return start, i + len(bytes.TrimRight(text[i:end], " \r\t"))
}

// rot13 turns the letters of a text in place.
func rot13(text []byte) []byte {
	for k, c := range text {
		switch low := c | 0x20; {
		case low >= 'a' && low <= 'm':
			text[k] = c + 13
		case low >= 'n' && low <= 'z':
			text[k] = c - 13
		}
	}
	return text
}

// reversed returns the characters of a text from its end on.
func reversed(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		_, n := utf8.DecodeLastRune(text)
		out = append(out, text[len(text)-n:]...)
		text = text[:len(text)-n]
	}
	return out
}
