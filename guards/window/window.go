// Package window lets a detector read a piece of a text as if it were the
// whole, and know when it was not.
//
// A stream shows a detector its text in arbitrary pieces, yet what is found
// must not depend on how the text was cut. Two rules make that hold. A judgement
// about a place reads forward only through [Window.At], which notes every
// attempt to read past the end of what has arrived; a judgement that did so is
// dropped and made again when more text is there. And it reads at most
// [LookBehind] bytes backward, which the stream keeps.
//
// The packages below guards import it; it knows nothing of findings.
package window

// LookBehind is how many bytes before a place a judgement about it may read.
const LookBehind = 160

// MaxHold bounds, in bytes, how far a judgement about a place may read forward
// before it is made. A stream therefore never holds back more than this.
const MaxHold = 512

// Mark is where a detector stands in a text: everything before At is judged.
// Open is zero, or the detector's own name for a finding that began before At
// and whose end has not come.
type Mark struct {
	At   int
	Open uint8
}

// Window is a text of which more may come.
type Window struct {
	Text  []byte
	Last  bool // nothing follows Text
	Short bool // something read past the end of a text that is not the last
}

// At returns the byte at i, or zero past the end. i is not negative.
func (w *Window) At(i int) byte {
	if i < len(w.Text) {
		return w.Text[i]
	}
	if !w.Last {
		w.Short = true
	}
	return 0
}

// Before returns the byte before i, or zero at the start of the text.
func (w *Window) Before(i int) byte {
	if i == 0 {
		return 0
	}
	return w.Text[i-1]
}

// HasPrefix reports whether the text goes on with prefix at i.
func (w *Window) HasPrefix(i int, prefix string) bool {
	for k := range len(prefix) {
		if w.At(i+k) != prefix[k] {
			return false
		}
	}
	return true
}

// Run counts the bytes of the class from i on, at most limit of them.
func (w *Window) Run(i, limit int, class Class) int {
	n := 0
	for n < limit && ClassOf(w.At(i+n))&class != 0 {
		n++
	}
	return n
}
