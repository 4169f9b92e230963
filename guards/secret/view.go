package secret

import (
	"bytes"

	"outrider.dev/outrider/guards/window"
)

const (
	reach = 112 // bytes before a value that say what it is

	encoded = "base64:" // may stand before a value and says nothing else about it
)

// view is what stands before a value.
type view struct {
	text []byte // up to the value, or to the line that it stands below
	gap  int    // where the quotes, blanks and signs right before the value begin in it
}

// look returns what stands before i.
func look(w *window.Window, i int) view {
	from := max(0, i-reach)
	for from > 0 && from < i && wordByte(w.Text[from-1]) && wordByte(w.Text[from]) {
		from++ // the rest of a word is none
	}
	v := view{text: w.Text[from:i]}
	if k := len(v.text) - len(encoded); k > 0 && opens(v.text[k-1]) && string(v.text[k:]) == encoded {
		v.text = v.text[:k]
	}
	v.gap = len(v.text)
	for v.gap > 0 && opens(v.text[v.gap-1]) && !v.newline(v.gap) {
		v.gap--
	}
	if v.prefixed() {
		for v.gap--; v.gap > 0 && opens(v.text[v.gap-1]) && !v.newline(v.gap); {
			v.gap--
		}
	}
	if v.newline(v.gap) {
		v.above()
	}
	return v
}

// prefixed reports whether a letter stands before the quote of a string, as in
// b'…' and f"…".
func (v *view) prefixed() bool {
	if k := v.gap; k > 1 && k < len(v.text) && quote(v.text[k]) && opens(v.text[k-2]) && !quote(v.text[k-2]) {
		switch v.text[k-1] {
		case 'b', 'B', 'f', 'r', 'u', '@', '$':
			return true
		}
	}
	return false
}

// lower writes a word in lower case, as far as it fits.
func lower(word []byte, low *[maxName]byte) []byte {
	n := copy(low[:], word)
	for k := range n {
		if low[k]-'A' <= 'Z'-'A' {
			low[k] |= 0x20
		}
	}
	return low[:n]
}

// newline reports whether a line ends before k, also one that is still written as \n.
func (v *view) newline(k int) bool {
	if k == 0 {
		return false
	}
	c := v.text[k-1]
	return c == '\n' || (c == 'n' || c == 'r') && k > 1 && v.text[k-2] == '\\'
}

// above goes on to the line before, if that leads to the value: it ends with a
// colon or the like, or opens a block of code.
func (v *view) above() {
	k := v.gap
	v.gap = 0
	for k > 0 {
		switch c := v.text[k-1]; {
		case v.newline(k):
			k--
			if v.text[k] != '\n' {
				k--
			}
		case c == ' ', c == '\t', c == '\r', c == '`', c == '*', c == '\\', c == '"', c == '\'', c == '-':
			k--
		case c == ':', c == '=', c == '>', c == '|':
			v.gap = k - 1
			return
		default:
			line := bytes.LastIndexByte(v.text[:k], '\n') + 1 // a fence stands in the line that it begins
			fence := bytes.LastIndex(v.text[line:k], []byte("```"))
			if fence < 0 || window.ClassOf(c)&window.Letters == 0 {
				v.text = v.text[:0]
				return
			}
			k = line + fence
		}
	}
}

// word returns the last word that ends at or before k. The letter of a line end
// that is still written as \n belongs to none.
func (v *view) word(k int) (from, to int) {
	for k > 0 && !wordByte(v.text[k-1]) {
		k--
	}
	from = k
	for from > 0 && wordByte(v.text[from-1]) {
		from--
	}
	if from < k-1 && from > 0 && v.text[from-1] == '\\' && (v.text[from] == 'n' || v.text[from] == 'r') {
		from++
	}
	return from, k
}

func wordByte(c byte) bool { return c-'0' <= 9 || c|0x20-'a' <= 'z'-'a' }

// opens reports whether a value may begin behind c.
func opens(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\r', '"', '\'', '`', '=', ':', '>', '(', '[', '{', ',', '|', '*':
		return true
	}
	return c >= 0x80
}

// Opens reports whether a value that its surroundings make a credential may
// begin behind c. It may not begin with such a byte.
func Opens(c byte) bool { return opens(c) }
