package pii

import (
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/window"
)

// Numbers finds telephone, social security, payment card and bank account
// numbers. The zero value is ready and safe for concurrent use.
type Numbers struct{}

// hit is a number that was found: its type, its end and how sure it is.
type hit struct {
	kind string
	end  int
	sure float32
}

// Find appends the numbers that begin in the stretch at or after m.At, and
// returns where judging stopped: behind the stretch, or earlier for want of
// text. It never leaves a finding open.
func (Numbers) Find(text []byte, p window.Places, m window.Mark, last bool, out []decision.Finding) ([]decision.Finding, window.Mark) {
	w := window.Window{Text: text, Last: last}
	at := m.At
	for i := p.Next(at); i < p.To; i = p.Next(at) {
		at = i + 1
		if !begins(&w, i) {
			continue
		}
		w.Short = false
		h := numberAt(&w, i)
		if w.Short {
			return out, window.Mark{At: i}
		}
		if h.end > 0 {
			out = append(out, decision.Finding{Type: h.kind, Start: uint32(i), End: uint32(h.end), Confidence: h.sure})
			at = h.end
		}
	}
	return out, window.Mark{At: max(at, p.To)}
}

// begins is the gate: it looks at the byte and its predecessors only.
func begins(w *window.Window, i int) bool {
	c := w.Text[i]
	switch {
	case c < '(' || c > 'Z':
		return false
	case window.IsDigit(c), c == '+', c == '(', c >= 'A':
		return !inside(w, i)
	}
	return false
}

// inside reports whether what begins at i is the rest of something longer: of
// a word, a version, a path, an amount of money. A comma or a colon may join
// two numbers of a list, so they say nothing.
func inside(w *window.Window, i int) bool {
	p := w.Before(i)
	switch p {
	case '_', '@', '#', '$', '%', '+', '\\':
		return true
	case '-', '.':
		return i > 1 && window.IsAlnum(w.Text[i-2])
	case '/':
		return i > 1 && window.ClassOf(w.Text[i-2])&window.Letters != 0
	}
	return window.IsAlnum(p) && !escapedBreak(w, i)
}

// escapedBreak reports whether the letter before i is the n of a line end that
// is still written as \n.
func escapedBreak(w *window.Window, i int) bool {
	return i > 1 && w.Text[i-2] == '\\' && (w.Text[i-1] == 'n' || w.Text[i-1] == 't' || w.Text[i-1] == 'r')
}

func numberAt(w *window.Window, i int) hit {
	switch c := w.Text[i]; {
	case c == '+':
		return international(w, i)
	case c == '(':
		return parenthesised(w, i)
	case c >= 'A':
		return iban(w, i)
	}
	if h := card(w, i); h.end > 0 {
		return h
	}
	if h := socialSecurity(w, i); h.end > 0 {
		return h
	}
	return national(w, i)
}

// ended reports whether a number may end at i: not in the middle of a longer
// number, word, version or address.
func ended(w *window.Window, i int) bool {
	c := w.At(i)
	switch c {
	case '_', '@', '%':
		return false
	case '-', '.':
		return !window.IsDigit(w.At(i + 1))
	}
	return !window.IsAlnum(c)
}

// separator returns the separator at i as '-', '.' or ' ' and its width, or
// zeros. Typographic hyphens and the no-break space count as plain ones:
// models like to write them.
func separator(w *window.Window, i int) (kind byte, width int) {
	switch c := w.At(i); c {
	case '-', '.', ' ':
		return c, 1
	case 0xC2: // U+00A0
		if w.At(i+1) == 0xA0 {
			return ' ', 2
		}
	case 0xE2: // U+2010 to U+2014
		if w.At(i+1) == 0x80 && w.At(i+2) >= 0x90 && w.At(i+2) <= 0x94 {
			return '-', 3
		}
	}
	return 0, 0
}

// groups reads digit groups of the given sizes with one separator between
// them, and returns the end and the separator, or 0.
func groups(w *window.Window, i int, sizes ...int) (end int, sep byte) {
	for n, size := range sizes {
		if n > 0 {
			kind, width := separator(w, i)
			if kind == 0 || n > 1 && kind != sep {
				return 0, 0
			}
			sep = kind
			i += width
		}
		if w.Run(i, size+1, window.Digit) != size {
			return 0, 0
		}
		i += size
	}
	return i, sep
}
