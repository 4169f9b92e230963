package decision

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Legible reports whether a name that a caller says shows all that it holds:
// printable characters alone, none of which prints nothing, and no space before
// or behind them. Of two names that differ in what is not seen a rule may know
// one, and whoever serves the call may take it for the other.
//
// Letters and marks of every script are legible. What only chooses between
// looks of the character before it is not: an emoji passes without its
// variation selector (U+FE0F), and is refused with it.
func Legible(name string) bool {
	for _, r := range name {
		if r < utf8.RuneSelf && (r < ' ' || r > '~') || r >= utf8.RuneSelf && !shows(r) {
			return false
		}
	}
	return name == "" || name[0] != ' ' && name[len(name)-1] != ' '
}

// shows reports whether something is printed for a character beyond ASCII.
// Unicode counts fillers of Hangul, variation selectors and some signs among
// letters, marks and symbols, though they may leave no trace.
func shows(r rune) bool {
	switch r {
	case utf8.RuneError,
		0x2800,           // braille pattern without a dot
		0xFFFC,           // stands for an object that a name does not have
		0x1107F, 0x16FE4, // join and fill in Brahmi and Khitan writing
		0x1D159: // note without a head
		return false
	}
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Quoted returns what a caller said, for messages and logs: in quotes, what is not
// seen escaped, and at most its first eighty bytes, of whole characters. A
// message that is not UTF-8 could not be sent.
func Quoted(said string) string {
	const longest = 80
	if len(said) > longest {
		said = strings.ToValidUTF8(said[:longest], "") + "…"
	}
	return strconv.Quote(said)
}
