package secret

import (
	"bytes"

	"outrider.dev/outrider/guards/window"
)

const (
	reach   = 112 // bytes before a value that say what it is
	maxJoin = 24  // bytes of a provider's name
)

// view is what stands before a value, in lower case.
type view struct {
	low []byte // the line of the value, or the line that leads to it
	gap int    // where the quotes, blanks and signs right before the value begin in it
}

// look reads what stands before i into raw.
func look(w *window.Window, i int, raw *[reach]byte) view {
	from := max(0, i-reach)
	n := copy(raw[:], w.Text[from:i])
	for k := range n {
		if raw[k]-'A' <= 'Z'-'A' {
			raw[k] |= 0x20
		}
	}
	v := view{low: raw[:n], gap: n}
	for v.gap > 0 && opens(v.low[v.gap-1]) && !v.newline(v.gap) {
		v.gap--
	}
	if v.newline(v.gap) {
		v.above()
	}
	v.cut()
	return v
}

// newline reports whether a line ends before k, also one that is still written as \n.
func (v *view) newline(k int) bool {
	if k == 0 {
		return false
	}
	c := v.low[k-1]
	return c == '\n' || (c == 'n' || c == 'r') && k > 1 && v.low[k-2] == '\\'
}

// above goes on to the line before, if that leads to the value: it ends with a
// colon or the like, or opens a block of code.
func (v *view) above() {
	k := v.gap
	v.gap = 0
	for k > 0 {
		switch c := v.low[k-1]; {
		case v.newline(k):
			k--
			if v.low[k] != '\n' {
				k--
			}
		case c == ' ', c == '\t', c == '\r', c == '`', c == '*', c == '\\', c == '"', c == '\'', c == '-':
			k--
		case c == ':', c == '=', c == '>', c == '|':
			v.gap = k - 1
			return
		default:
			fence := bytes.LastIndex(v.low[:k], []byte("```"))
			if fence < 0 || window.ClassOf(c)&window.Letters == 0 || bytes.IndexByte(v.low[fence:k], '\n') >= 0 {
				v.low = v.low[:0]
				return
			}
			k = fence
		}
	}
}

// cut drops the lines before the one that counts; where that only says that a
// value follows, the line above counts too.
func (v *view) cut() {
	from, to := v.word(v.gap)
	neutral := false
	switch string(v.low[from:to]) {
	case "value", "val", "default":
		neutral = true
	}
	for k := v.gap; k > 0; k-- {
		if !v.newline(k) {
			continue
		}
		if neutral {
			neutral = false
			continue
		}
		v.low = v.low[k:]
		v.gap -= k
		return
	}
}

// word returns the last word that ends at or before k.
func (v *view) word(k int) (from, to int) {
	for k > 0 && !wordByte(v.low[k-1]) {
		k--
	}
	from = k
	for from > 0 && wordByte(v.low[from-1]) {
		from--
	}
	return from, k
}

func wordByte(c byte) bool { return window.IsAlnum(c) }

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
