package injection

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"outrider.dev/outrider/guards/injection/model"
	"outrider.dev/outrider/guards/window"
)

// sign is what one character means to the reader of words.
type sign uint8

const (
	signLetter  sign = iota // its letters are in glyph.as
	signIgnored             // zero-width, a mark, an apostrophe inside a word
	signSpace
	signSoft // punctuation within a sentence
	signHard // the end of a sentence or of the text
)

// glyph is one character of the text: its width in bytes, its sign and, for a
// letter or digit, the lower-case ASCII letters that it stands for. A letter of
// a script without such letters has none.
type glyph struct {
	width int
	sign  sign
	n     int
	as    [4]byte
}

// glyphAt reads the character at i.
func glyphAt(w *window.Window, i int) glyph {
	c := w.At(i)
	switch {
	case i >= len(w.Text):
		return glyph{sign: signHard}
	case c < utf8.RuneSelf:
		return asciiGlyph(c)
	}
	if !w.Last && !utf8.FullRune(w.Text[i:]) {
		w.Short = true
		return glyph{sign: signHard}
	}
	r, size := utf8.DecodeRune(w.Text[i:])
	g := glyph{width: size}
	if r >= latin && r < latin+rune(len(latinLetters)) && latinLetters[r-latin] != ' ' {
		g.n, g.as[0] = 1, latinLetters[r-latin]
		return g
	}
	if r >= 0x400 && r <= 0x481 { // Cyrillic: letters that are at most drawn like Latin ones
		if c := model.LookAlike(r); c != 0 {
			g.n, g.as[0] = 1, c
		}
		return g
	}
	switch {
	case r == 0x2019, ignored(r): // a typographic apostrophe
		g.sign = signIgnored
	case unicode.IsSpace(r):
		g.sign = signSpace
	case r == 0x3002 || r == 0xFF01 || r == 0xFF1F: // 。！？
		g.sign = signHard
	case unicode.IsPunct(r):
		g.sign = signSoft
	default:
		g.spell(r, w.Text[i:i+size])
	}
	return g
}

// latin is the first of the Latin letters with accents that latinLetters spells
// quickly. A blank stands for what glyphAt has to look at more closely.
const (
	latin        = 0xC0
	latinLetters = "aaaaaa ceeeeiiii nooooo ouuuuy saaaaaa ceeeeiiii nooooo ouuuuy y"
)

// wordless reports whether r stands in a common block of characters of which
// none is read as an ASCII letter or digit: dashes and quotation marks, arrows
// to box drawing, kana, Chinese characters, Hangul.
func wordless(r rune) bool {
	switch {
	case r < 0x2010:
		return false
	case r <= 0x2023, r >= 0x2190 && r <= 0x245F, r >= 0x2500 && r <= 0x2BFF:
		return true
	}
	return r >= 0x3001 && r <= 0x312F || r >= 0x4E00 && r <= 0x9FFF || r >= 0xAC00 && r <= 0xD7A3
}

func asciiGlyph(c byte) glyph {
	g := glyph{width: 1}
	switch {
	case window.IsAlnum(c):
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		g.n, g.as[0] = 1, c
	case c == '\'':
		g.sign = signIgnored
	case c == '.', c == '!', c == '?', c == ';':
		g.sign = signHard
	case c <= ' ':
		g.sign = signSpace
	default:
		g.sign = signSoft
	}
	return g
}

// ignored reports whether r shows nothing of its own.
func ignored(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me) || r == 0x115F || r == 0x1160 || r == 0x3164
}

// spell writes the ASCII letters that r stands for.
func (g *glyph) spell(r rune, raw []byte) {
	if c := model.LookAlike(r); c != 0 {
		g.n, g.as[0] = 1, c
		return
	}
	form := norm.NFKD.Properties(raw).Decomposition()
	for _, c := range form {
		if window.IsAlnum(c) && g.n < len(g.as) {
			if c >= 'A' && c <= 'Z' {
				c |= 0x20
			}
			g.as[g.n] = c
			g.n++
		}
	}
	if g.n == 0 && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
		g.sign = signSoft
	}
}
