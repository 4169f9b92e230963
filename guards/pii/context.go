package pii

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"

	"outrider.dev/outrider/guards/window"
)

const (
	// reach is how many bytes before a number its context is read from, and
	// reachAfter how many behind it. The byte before them is read too.
	reach      = window.BlockLen
	reachAfter = 40
)

// far is the distance of a word that is not there.
const far = 255

// context is how many bytes away the nearest word of each label stands.
type context [labelCount]uint8

// lexicon finds the words that say what a number is.
type lexicon struct {
	words []word                  // ordered by slot
	first [1<<slotBits + 1]uint16 // of each slot, its first word; of the next, where it ends
}

const slotBits = 12

func newLexicon() *lexicon {
	x := &lexicon{}
	for _, e := range vocabulary() {
		x.words = append(x.words, e.known())
	}
	slices.SortStableFunc(x.words, func(a, b word) int { return a.slot() - b.slot() })
	for _, entry := range x.words {
		x.first[entry.slot()+1]++
	}
	for slot := range 1 << slotBits {
		x.first[slot+1] += x.first[slot]
	}
	return x
}

func (e *word) slot() int {
	text := e.text + " " // behind a whole word there is no letter
	return slotOf(text[0], text[1], text[2])
}

// slotOf spreads the first three bytes of words; all that is no letter is alike.
func slotOf(a, b, c byte) int {
	return int((uint32(letters[a])<<16 | uint32(letters[b])<<8 | uint32(letters[c])) * 0x9E3779B1 >> (32 - slotBits))
}

// letters holds for every byte a letter in its small form, a byte beyond ASCII
// as it is, or zero.
const letters = none + none + none + none +
	"\x00abcdefghijklmnopqrstuvwxyz\x00\x00\x00\x00\x00" + "\x00abcdefghijklmnopqrstuvwxyz\x00\x00\x00\x00\x00" +
	"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f" +
	"\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf\xb0\xb1\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xbb\xbc\xbd\xbe\xbf" +
	"\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xcb\xcc\xcd\xce\xcf\xd0\xd1\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xdb\xdc\xdd\xde\xdf" +
	"\xe0\xe1\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xeb\xec\xed\xee\xef\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff"

const none = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// before returns what the words before i say. Line ends do not stop it: forms
// put labels above.
func (x *lexicon) before(w *window.Window, i int) context {
	var raw readable
	from := max(0, i-reach)
	empty := reach - copy(raw[reach-(i-from):reach], w.Text[from:i])
	ctx := nowhere()
	for left := window.Begins((*[reach]byte)(raw[:]), w.Before(from)); left != 0; left &= left - 1 {
		k := bits.TrailingZeros64(left)
		if k < empty {
			continue
		}
		x.note(&ctx, raw[k:], uint8(reach-k))
	}
	return ctx
}

// after returns what the words behind i say, up to the end of their clause, in
// distances that are longer than any before. Where another number follows, the
// words belong to that one.
func (x *lexicon) after(w *window.Window, i int) context {
	var raw readable
	ctx := nowhere()
	for n := range reachAfter {
		c := w.At(i + n)
		if window.IsDigit(c) || oneOf(c, ":=#@+") {
			return ctx
		}
		if c == 0 || oneOf(c, ",;.!?\n\r\t|\"<>{}[]") {
			if n == 0 {
				return ctx
			}
			break
		}
		raw[n] = c
	}
	for left := window.Begins((*[reach]byte)(raw[:]), w.Before(i)); left != 0; left &= left - 1 {
		k := bits.TrailingZeros64(left)
		x.note(&ctx, raw[k:], reach+1+uint8(k))
	}
	return ctx
}

func nowhere() (ctx context) {
	for l := range ctx {
		ctx[l] = far
	}
	return ctx
}

// readable is the bytes that words are looked for in, with zeros behind them, so
// that eight can be read from everywhere.
type readable [reach + 8]byte

// note notes what the words say that begin the text, which is so far away. The
// text is of eight bytes and more.
func (x *lexicon) note(ctx *context, text []byte, away uint8) {
	x.look(ctx, slotOf(text[0], text[1], text[2]), text, away)
	if humped(text, 2) { // as in dlNumber, where dl is the word
		x.look(ctx, slotOf(text[0], text[1], 0), text, away)
	}
}

// look looks through the words of a slot.
func (x *lexicon) look(ctx *context, slot int, text []byte, away uint8) {
	head := binary.LittleEndian.Uint64(text) | lowered
	for k := x.first[slot]; k < x.first[slot+1]; k++ {
		if e := &x.words[k]; head&e.mask == e.head && e.begins(text) {
			ctx[e.label] = min(ctx[e.label], away)
		}
	}
}

// lowered makes capitals of eight bytes small. Of other bytes too it makes the
// same in a text and in a word.
const lowered = 0x2020202020202020

// known completes a word with what it is dismissed by: its first bytes, up to a blank.
func (e word) known() word {
	var raw [8]byte
	n := copy(raw[:], e.text)
	if k := strings.IndexByte(e.text[:n], ' '); k >= 0 {
		n = k
	}
	e.mask = 1<<(8*n) - 1
	e.head = (binary.LittleEndian.Uint64(raw[:]) | lowered) & e.mask
	return e
}

// begins reports whether the word begins the text, whatever the case of its
// letters. For a blank may stand an underscore, a hyphen, or a capital behind a
// small letter, which ends a word too: names in code are written so.
func (e *word) begins(text []byte) bool {
	at := 0
	for k := range len(e.text) {
		if at == len(text) {
			return false
		}
		c, want := text[at], e.text[k]
		switch {
		case c-'A' <= 'Z'-'A' && want == ' ' && humped(text, at):
			continue
		case c-'A' <= 'Z'-'A':
			c |= 0x20
		case c == '_', c == '-':
			c = ' '
		}
		if c != want {
			return false
		}
		at++
	}
	return !e.whole || at == len(text) || window.ClassOf(text[at])&window.Letters == 0 || humped(text, at)
}

// humped reports whether a capital behind a small letter stands at i.
func humped(text []byte, i int) bool {
	return i > 0 && text[i]-'A' <= 'Z'-'A' && text[i-1]-'a' <= 'z'-'a'
}
