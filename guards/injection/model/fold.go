package model

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// sign is what a character means to the reader of words.
type sign uint8

const (
	letter sign = iota
	nothing
	blank
	quote
	within // punctuation within a sentence
	ends   // the end of a sentence
)

// glyph is one character: its sign and, for a letter or digit, what it is in
// lower case and compatibility form (own) and the ASCII letter that it is drawn
// like, if there is one (like).
type glyph struct {
	sign      sign
	own, like rune
	ideograph bool // a word by itself
}

// plain is the glyphs of ASCII.
type plain [utf8.RuneSelf]glyph

func newPlain() *plain {
	var p plain
	for c := range rune(utf8.RuneSelf) {
		g := &p[c]
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			g.own = c
		case c >= 'A' && c <= 'Z':
			g.own = c | 0x20
		case c == '\'':
			g.sign = nothing
		case c == '"' || c == '`':
			g.sign = quote
		case c == '.' || c == '!' || c == '?' || c == ';' || c == '\n':
			g.sign = ends
		case c <= ' ':
			g.sign = blank
		default:
			g.sign = within
		}
		g.like = g.own
	}
	return &p
}

// glyphOf reads a character beyond ASCII.
func glyphOf(r rune, raw []byte) glyph {
	switch {
	case r >= 0xC0 && r < 0x180 || r >= 0x1E00 && r < 0x1F00 || r >= 0xFB00 && r <= 0xFB06 || r >= 0xFF01 && r <= 0xFF5E || r >= 0x1D400 && r < 0x1D800 || r >= 0x2460 && r < 0x2500:
		return latin(r, raw)
	case ideographic(r):
		return glyph{own: r, like: r, ideograph: true}
	case r == 0x2019 || unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me):
		return glyph{sign: nothing}
	case r == '“' || r == '”' || r == '‘' || r == '«' || r == '»' || r == '„' || r == '「' || r == '」' || r == '『':
		return glyph{sign: quote}
	case r == '。' || r == '！' || r == '？' || r == '…':
		return glyph{sign: ends}
	case unicode.IsSpace(r):
		return glyph{sign: blank}
	case unicode.IsLetter(r) || unicode.IsDigit(r):
		r = unicode.ToLower(r)
		g := glyph{own: r, like: r}
		if c := LookAlike(r); c != 0 {
			g.like = rune(c)
		}
		return g
	}
	return glyph{sign: within}
}

// latin reads a Latin letter with an accent or in another form.
func latin(r rune, raw []byte) glyph {
	for _, c := range norm.NFKD.Properties(raw).Decomposition() {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return glyph{own: rune(c), like: rune(c)}
		}
	}
	if c := LookAlike(r); c != 0 {
		return glyph{own: rune(c), like: rune(c)}
	}
	if unicode.IsLetter(r) {
		r = unicode.ToLower(r)
		return glyph{own: r, like: r}
	}
	if r == '！' || r == '？' || r == '；' {
		return glyph{sign: ends}
	}
	return glyph{sign: within}
}

// ideographic reports whether r is of a script that sets no blanks.
func ideographic(r rune) bool {
	return r >= 0x3041 && r <= 0x30FF || r >= 0x3400 && r <= 0x9FFF || r >= 0xF900 && r <= 0xFAFF || r >= 0x20000 && r <= 0x3134F
}

// LookAlike returns the ASCII letter that r is drawn like or, for a few Latin
// letters without a decomposition, the one it is commonly written as; or zero.
// The grammar of acts reads by it too.
func LookAlike(r rune) byte {
	switch unicode.ToLower(r) {
	case 'а', 'α':
		return 'a'
	case 'с', 'ϲ':
		return 'c'
	case 'ԁ', 'đ':
		return 'd'
	case 'е', 'ε', 'є':
		return 'e'
	case 'һ':
		return 'h'
	case 'і', 'ι', 'ı':
		return 'i'
	case 'ј':
		return 'j'
	case 'ӏ', 'ł':
		return 'l'
	case 'о', 'ο', 'ø':
		return 'o'
	case 'р', 'ρ':
		return 'p'
	case 'ѕ', 'ß':
		return 's'
	case 'т', 'τ':
		return 't'
	case 'υ':
		return 'u'
	case 'ν':
		return 'v'
	case 'х', 'χ':
		return 'x'
	case 'у':
		return 'y'
	}
	return 0
}
