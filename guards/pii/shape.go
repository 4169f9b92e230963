package pii

import "outrider.dev/outrider/guards/window"

// maxCode is how many letters and digits a shape holds at most.
const maxCode = 20

// code is what was read in the places of a shape, letters in capitals and
// without separators. It is passed by value, so that judging allocates nothing.
type code struct {
	b [maxCode]byte
	n int
}

// digit returns the value of the k-th character, which is a digit.
func (c *code) digit(k int) int { return int(c.b[k] - '0') }

// number returns the value of the digits in [from, to).
func (c *code) number(from, to int) int {
	n := 0
	for k := from; k < to; k++ {
		n = n*10 + c.digit(k)
	}
	return n
}

// read matches a shape at i: 9 is a digit, A a letter, N either, a blank one
// separator, the same throughout, and every other character stands for itself.
// It returns the end, or 0.
func read(w *window.Window, i int, shape string) (end int, c code) {
	var sep byte
	for k := range len(shape) {
		want := shape[k]
		if want == ' ' {
			kind, width := separator(w, i)
			if kind == 0 || sep != 0 && kind != sep {
				return 0, c
			}
			sep = kind
			i += width
			continue
		}
		b := w.At(i)
		if !fits(b, want) {
			return 0, c
		}
		if window.IsAlnum(b) {
			c.b[c.n] = capital(b)
			c.n++
		}
		i++
	}
	return i, c
}

func fits(b, want byte) bool {
	switch want {
	case '9':
		return window.IsDigit(b)
	case 'A':
		return window.ClassOf(b)&window.Letters != 0
	case 'N':
		return window.IsAlnum(b)
	}
	return b == want
}

// What the sieve of the guards package relies on: within the first bytes of
// whatever begins with a letter there are so many digits, and some more of
// whatever begins with a digit, but for network addresses, wallets and dates.
const (
	nearBytes  = 24
	someDigits = 6
	manyDigits = 7
)

// dense reports whether [i, end) holds n digits within its first bytes.
func dense(w *window.Window, i, end, n int) bool {
	for k := i; k < min(end, i+nearBytes); k++ {
		if window.IsDigit(w.Text[k]) {
			n--
		}
	}
	return n <= 0
}
