package pii

import (
	"strings"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/window"
)

// maxDigits is the longest number read: a payment card of 19 digits.
const maxDigits = 19

// Numbers finds all that is not an e-mail address. It is immutable and safe for
// concurrent use.
type Numbers struct {
	words *lexicon
	types []string // by kind
	rows  []row
	// The shapes of the rows by the digits, and by the letters, that they begin with.
	digits  [maxDigits + 1][]lead
	letters [maxLetters + 1][]lead
}

// maxLetters is how many letters a number begins with at most.
const maxLetters = 6

// admits reports whether the shape may go on with c.
func (l *lead) admits(c byte) bool {
	switch l.next {
	case 0:
		return !window.IsAlnum(c)
	case ' ':
		return c == ' ' || c == '-' || c == '.' || c >= 0x80
	}
	return fits(c, l.next)
}

// row is what judging needs of a rule.
type row struct {
	verify      func(code) bool
	label       label
	sure, alone float32
	shy         bool
}

// lead is one shape of a row.
type lead struct {
	shape string
	next  byte // what its first digits or letters are followed by; 0: nothing
	row   int
}

// NewNumbers builds the detector from its rules.
func NewNumbers() *Numbers {
	d := &Numbers{words: newLexicon(), types: []string{
		kPhone: "pii.phone", kCard: "pii.credit_card", kIBAN: "pii.iban", kAddress: "pii.ip_address", kHardware: "pii.mac", kWallet: "pii.crypto_wallet", kBirth: "pii.date_of_birth",
	}}
	for _, r := range identities() {
		for _, shape := range r.shapes {
			n := len(shape) - len(strings.TrimLeft(shape, shape[:1]))
			l := lead{shape: shape, row: len(d.rows)}
			if n < len(shape) {
				l.next = shape[n]
			}
			if shape[0] == '9' {
				d.digits[n] = append(d.digits[n], l)
			} else {
				d.letters[n] = append(d.letters[n], l)
			}
		}
		d.rows = append(d.rows, row{r.verify, r.label, r.sure, r.alone, r.shy})
		d.types = append(d.types, "pii."+r.kind)
	}
	return d
}

// kind is the type of a number: one of those that code reads, or firstRow and the
// number of a row.
type kind uint8

const (
	kPhone kind = iota
	kCard
	kIBAN
	kAddress
	kHardware
	kWallet
	kBirth
	firstRow
)

// hit is a number that was found: its type, its end and how sure it is. It
// holds no pointer, so that what is judged stays on the stack.
type hit struct {
	kind kind
	end  int
	sure float32
}

// Find appends the numbers that begin in the stretch at or after m.At, and
// returns where judging stopped: behind the stretch, or earlier for want of
// text. It never leaves a finding open.
func (d *Numbers) Find(text []byte, p window.Places, m window.Mark, last bool, out []decision.Finding) ([]decision.Finding, window.Mark) {
	w := window.Window{Text: text, Last: last}
	at := m.At
	for i := p.Next(at); i < p.To; i = p.Next(at) {
		at = i + 1
		if !begins(&w, i) {
			continue
		}
		w.Short = false
		h := d.numberAt(&w, i)
		if w.Short {
			return out, window.Mark{At: i}
		}
		if h.end > 0 {
			out = append(out, decision.Finding{Type: d.types[h.kind], Start: uint32(i), End: uint32(h.end), Confidence: h.sure})
			at = h.end
		}
	}
	return out, window.Mark{At: max(at, p.To)}
}

// begins is the gate: it looks at the byte and its predecessors only.
func begins(w *window.Window, i int) bool {
	switch c := w.Text[i]; {
	case c == ':':
		p := w.Before(i)
		return p != ':' && !window.IsAlnum(p)
	case window.IsAlnum(c), c == '+', c == '(':
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
	case '_', '$', '%', '+', '\\':
		return true
	case '@': // the host behind a login may be an address
		return i < 2 || window.ClassOf(w.Text[i-2])&window.Letters == 0
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

func (d *Numbers) numberAt(w *window.Window, i int) hit {
	j := judge{d: d, w: w, i: i}
	if w.Before(i) == '@' {
		return j.host()
	}
	switch c := w.Text[i]; {
	case c == '+':
		return j.international()
	case c == '(':
		return j.parenthesised()
	case c == ':':
		return address6(w, i)
	case window.IsDigit(c):
		return j.digits()
	}
	return j.letters()
}

// judge is the judgement of one place.
type judge struct {
	d    *Numbers
	w    *window.Window
	i    int
	best hit
	rank uint8 // how near the word is that speaks for best

	known, knownAfter bool
	ctx, ctxAfter     context
}

// letters judges a place with a letter. The readers are called by name: through
// a variable, the window would move to the heap.
func (j *judge) letters() hit {
	w, i := j.w, j.i
	h := j.coded()
	if h.end == 0 && !w.Short {
		h = iban(w, i)
	}
	if h.end > 0 || w.Short {
		return h
	}
	j.rank = far
	if n := w.Run(i, maxLetters+1, window.Letters); n <= maxLetters {
		j.claimRows(j.d.letters[n], i+n, someDigits)
	}
	j.named()
	return j.best
}

// coded reads what may begin with a letter as well as with a digit.
func (j *judge) coded() hit {
	h := wallet(j.w, j.i)
	if h.end == 0 && !j.w.Short {
		h = hardware(j.w, j.i)
	}
	if h.end == 0 && !j.w.Short {
		h = address6(j.w, j.i)
	}
	return h
}

// digits judges a place with a digit. What follows the first run of digits says
// which readers have a say, so that a date or an amount costs little.
func (j *judge) digits() hit {
	w, i := j.w, j.i
	n := digitRun(w, i, maxDigits+1)
	c := w.At(i + n)
	h := hit{}
	if window.IsAlnum(c) || c == ':' || n == 2 && c == '-' || n == 4 && c == '.' {
		h = j.coded()
	}
	if h.end == 0 && !w.Short && n <= 3 && c == '.' {
		var four bool
		if h, four = j.address4(); four {
			return h
		}
	}
	if h.end == 0 && !w.Short && (n == 4 || n == 6 || n >= 12) {
		h = j.card()
	}
	if h.end > 0 || w.Short || n > maxDigits {
		return h
	}
	j.rank = far
	if j.birth(n, c) || n < 7 && c == ' ' && window.ClassOf(w.At(i+n+1))&window.Letters != 0 {
		return j.best
	}
	j.claimRows(j.d.digits[n], i+n, manyDigits)
	j.national(n, c)
	return j.best
}

// claimRows judges the shapes, whose first digits or letters end at next.
func (j *judge) claimRows(leads []lead, next, few int) {
	if len(leads) == 0 {
		return
	}
	c := j.w.At(next)
	var shape string // that was read last: many rows share theirs
	var end int
	var code code
	for k := range leads {
		l := &leads[k]
		if !l.admits(c) {
			continue
		}
		if l.shape != shape {
			shape = l.shape
			if end, code = read(j.w, j.i, shape); end > 0 && (!ended(j.w, end) || !dense(j.w, j.i, end, few)) {
				end = 0
			}
		}
		if end == 0 {
			continue
		}
		r := &j.d.rows[l.row]
		if r.verify == nil || r.verify(code) {
			j.claim(firstRow+kind(l.row), end, r.label, r.sure, r.alone, r.shy)
		}
	}
}

// digitRun counts the digits from i on, at most limit of them.
func digitRun(w *window.Window, i, limit int) int {
	n := 0
	for n < limit && window.IsDigit(w.At(i+n)) {
		n++
	}
	return n
}

// adjacent is how far before a number a word such as "SKU" or "invoice number" begins
// that says what the number is, whatever its shape.
const adjacent = 20

// claim makes [i, end) the best judgement if the words speak for it more nearly
// than for the one so far. With alone it needs no words.
func (j *judge) claim(k kind, end int, l label, sure, alone float32, shy bool) {
	rank := j.near(l, end, alone > 0)
	switch {
	case rank < far:
	case alone == 0, j.w.Before(j.i) == '#', j.context()[lOther] <= adjacent, shy && (j.context()[lOther] < far || continued(j.w, j.i)):
		return
	default:
		rank, sure = far-1, alone
	}
	if rank < j.rank {
		j.best, j.rank = hit{k, end, sure}, rank
	}
}

// continued reports whether digits and a blank stand before i, so that what
// begins there may be the rest of a longer number.
func continued(w *window.Window, i int) bool {
	return i > 1 && w.Text[i-1] == ' ' && window.IsDigit(w.Text[i-2])
}

// near returns how near the word of a label stands, before the number or right
// behind [i, end), and far where another word stands nearer that says it is not.
func (j *judge) near(l label, end int, beforeOnly bool) uint8 {
	ctx := j.context()
	rank := ctx[l]
	if rank == far && !beforeOnly && ctx[lOther] == far {
		if !j.knownAfter {
			j.ctxAfter, j.knownAfter = j.d.words.after(j.w, end), true
		}
		rank = j.ctxAfter[l]
	}
	if ctx[lOther] <= rank {
		return far
	}
	return rank
}

// context returns what the words before the number say.
func (j *judge) context() *context {
	if !j.known {
		j.ctx, j.known = j.d.words.before(j.w, j.i), true
	}
	return &j.ctx
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
// zeros. Typographic hyphens and the no-break spaces count as plain ones:
// models like to write them.
func separator(w *window.Window, i int) (kind byte, width int) {
	switch c := w.At(i); c {
	case '-', '.', ' ':
		return c, 1
	case 0xC2: // U+00A0
		if w.At(i+1) == 0xA0 {
			return ' ', 2
		}
	case 0xE2: // U+2010 to U+2014 and U+202F
		if w.At(i+1) != 0x80 {
			return 0, 0
		}
		if c := w.At(i + 2); c >= 0x90 && c <= 0x94 {
			return '-', 3
		} else if c == 0xAF {
			return ' ', 3
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
		if digitRun(w, i, size+1) != size {
			return 0, 0
		}
		i += size
	}
	return i, sep
}
