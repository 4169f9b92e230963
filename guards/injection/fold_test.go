package injection

import (
	"testing"
	"unicode/utf8"

	"outrider.dev/outrider/guards/window"
)

// slow spells a character without any shortcut.
func slow(r rune) glyph {
	var g glyph
	g.spell(r, utf8.AppendRune(nil, r))
	return g
}

func at(text string, i int) glyph {
	return glyphAt(&window.Window{Text: []byte(text), Last: true}, i)
}

func TestLatinLettersAreSpelledAsNFKDDoes(t *testing.T) {
	quick := 0
	for r := rune(0x80); r < 0x250; r++ {
		if k := int(r) - latin; k < 0 || k >= len(latinLetters) || latinLetters[k] == ' ' {
			continue
		}
		quick++
		got, want := at(string(r), 0), slow(r)
		if want.sign != signLetter || got.n != want.n || got.as != want.as || got.sign != want.sign || got.width != 2 {
			t.Errorf("%q: %+v, want %+v", r, got, want)
		}
	}
	if quick < 50 {
		t.Errorf("only %d letters are quick", quick)
	}
}

func TestCyrillicLettersAreSpelledAsNFKDDoes(t *testing.T) {
	for r := rune(0x3F0); r < 0x490; r++ {
		got, want := at(string(r), 0), slow(r)
		if r == 0x3F6 || r >= 0x482 && r <= 0x489 { // signs and marks
			continue
		}
		if got.sign != want.sign || got.n != want.n || got.as != want.as {
			t.Errorf("%q: %+v, want %+v", r, got, want)
		}
	}
}

func TestWordlessBlocksHoldNoLetters(t *testing.T) {
	n := 0
	for r := rune(0x80); r <= utf8.MaxRune; r++ {
		if !wordless(r) {
			continue
		}
		n++
		if g := at(string(r), 0); g.sign == signLetter && g.n > 0 {
			t.Errorf("%U is read as %q", r, g.as[:g.n])
		}
	}
	if n < 30_000 {
		t.Errorf("only %d characters are wordless", n)
	}
}

func TestGlyphs(t *testing.T) {
	for text, want := range map[string]glyph{
		"A": {1, signLetter, 1, [4]byte{'a'}}, "7": {1, signLetter, 1, [4]byte{'7'}}, "'": {1, signIgnored, 0, [4]byte{}},
		".": {1, signHard, 0, [4]byte{}}, "\t": {1, signSpace, 0, [4]byte{}}, "\x7f": {1, signSoft, 0, [4]byte{}},
		"é": {2, signLetter, 1, [4]byte{'e'}}, "ﬁ": {3, signLetter, 2, [4]byte{'f', 'i'}}, "Ａ": {3, signLetter, 1, [4]byte{'a'}},
		"а": {2, signLetter, 1, [4]byte{'a'}}, "ß": {2, signLetter, 1, [4]byte{'s'}}, "×": {2, signSoft, 0, [4]byte{}},
		"日": {3, signLetter, 0, [4]byte{}}, "。": {3, signHard, 0, [4]byte{}}, "—": {3, signSoft, 0, [4]byte{}},
		"\u200b": {3, signIgnored, 0, [4]byte{}}, "\u2019": {3, signIgnored, 0, [4]byte{}}, "\u00a0": {2, signSpace, 0, [4]byte{}},
		"\u0301": {2, signIgnored, 0, [4]byte{}}, "\xff": {1, signSoft, 0, [4]byte{}}, "": {0, signHard, 0, [4]byte{}},
		"𝐢": {4, signLetter, 1, [4]byte{'i'}}, "①": {3, signLetter, 1, [4]byte{'1'}},
	} {
		if got := at(text, 0); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

func TestCutCharacterIsWaitedFor(t *testing.T) {
	w := window.Window{Text: []byte("é")[:1]}
	if glyphAt(&w, 0); !w.Short {
		t.Error("half a character was read as a whole one")
	}
}
