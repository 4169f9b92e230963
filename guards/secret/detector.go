package secret

import (
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/window"
)

// Detector finds credentials. It is immutable and safe for concurrent use.
type Detector struct {
	rules     []rule
	types     []string // finding type of each rule
	tails     []tail   // of each rule
	alphabets []window.Class
	starts    [256][]int     // rules by the first byte of their prefix
	pairs     [1 << 13]uint8 // a bit for each pair of bytes that a prefix begins with
	alnum     [256]bool

	provided   []named
	namedTypes []string
	shapes     map[string][]int // places in provided, by the provider's name
	words      map[string]role
	perhaps    [1 << 15]bool // by shape: whether there is such a word
	modifiers  map[string]bool
	kinds      map[string]bool
	commands   map[string][]option // that take passwords, by their names
}

// New builds the detector from its tables.
func New() *Detector {
	d := &Detector{rules: rules(), provided: providers(), shapes: map[string][]int{}, words: words(), modifiers: modifiers(), kinds: kinds(), commands: map[string][]option{}}
	for n, r := range d.rules {
		d.types = append(d.types, typeOf(r.id))
		d.tails = append(d.tails, d.tailOf(r.body))
		first := r.prefix[0]
		d.starts[first] = append(d.starts[first], n)
		d.admit(r.prefix)
	}
	for word := range d.words {
		d.perhaps[shape([]byte(word))] = true
	}
	for n, p := range d.provided {
		d.namedTypes = append(d.namedTypes, typeOf(p.id))
		for word := range strings.FieldsSeq(p.words) {
			d.shapes[word] = append(d.shapes[word], n)
		}
	}
	for _, o := range options() {
		for word := range strings.FieldsSeq(o.words) {
			d.commands[word] = append(d.commands[word], o)
		}
	}
	for c := range d.alnum {
		d.alnum[c] = window.IsAlnum(byte(c))
	}
	return d
}

// tailOf returns the tail of an alphabet.
func (d *Detector) tailOf(class window.Class) tail {
	n := slices.Index(d.alphabets, class)
	if n < 0 {
		n = len(d.alphabets)
		d.alphabets = append(d.alphabets, class)
	}
	return tailOfAlphabets + tail(n)
}

func (d *Detector) admit(prefix string) {
	n := int(prefix[0])<<8 | int(prefix[1])
	d.pairs[n>>3] |= 1 << (n & 7)
}

func (d *Detector) admits(a, b byte) bool {
	n := int(a)<<8 | int(b)
	return d.pairs[n>>3]&(1<<(n&7)) != 0
}

// tail says what may still follow a credential that is proven.
type tail uint8

const (
	tailNone        tail = iota
	tailPEM              // up to the END line
	tailPuTTY            // up to the line with the MAC
	tailDotted           // letters, digits, - _ .
	tailToken            // the same and ~ + / =, as in an Authorization value
	tailUser             // up to the @ or the end of the URL
	tailOfAlphabets      // tailOfAlphabets+n: alphabet n of the detector
)

// hit is a proven credential: where it is, and what may still follow it.
type hit struct {
	kind       string
	start, end int
	sure       float32
	tail       tail
}

// Find appends the credentials that begin in the stretch at or after m.At and
// returns where judging stopped: behind the stretch, or earlier for want of
// text. Where the mark it got says that a finding
// is open, the first finding it appends is the rest of that one, without a
// type; where the mark it returns says so, the last one goes on.
func (d *Detector) Find(text []byte, p window.Places, m window.Mark, last bool, out []decision.Finding) ([]decision.Finding, window.Mark) {
	w := window.Window{Text: text, Last: last}
	at := m.At
	if m.Open != 0 {
		end, open := d.rest(&w, at, tail(m.Open))
		out = append(out, decision.Finding{Start: uint32(at), End: uint32(end)})
		if open {
			return out, window.Mark{At: end, Open: m.Open}
		}
		at = end
	}
	for i := p.Next(at); i < p.To; i = p.Next(at) {
		at = i + 1
		if d.dismissed(text, i) {
			continue
		}
		w.Short = false
		h := d.at(&w, i)
		if w.Short {
			return out, window.Mark{At: i}
		}
		if h.end == 0 {
			continue
		}
		end, open := d.rest(&w, h.end, h.tail)
		out = append(out, decision.Finding{Type: h.kind, Start: uint32(h.start), End: uint32(end), Confidence: h.sure})
		if open {
			return out, window.Mark{At: end, Open: uint8(h.tail)}
		}
		at = end
	}
	return out, window.Mark{At: max(at, p.To)}
}

// dismissed is the gate: credentials begin where a word begins, with a dash,
// after the slashes of a URL, or behind a blank, a quote or the like.
func (d *Detector) dismissed(text []byte, i int) bool {
	c := text[i]
	if i == 0 {
		return !d.alnum[c] && c != '-'
	}
	p := text[i-1]
	if d.alnum[c] {
		return d.alnum[p] && (i < 2 || text[i-2] != '\\')
	}
	return c != '-' && p != '/' && (!opens(p) || opens(c))
}

// at judges the place i. Most words are dismissed by their first two bytes and
// by what stands before them.
func (d *Detector) at(w *window.Window, i int) hit {
	c, p := w.Text[i], w.Before(i)
	if c == '-' {
		if h := privateKey(w, i); h.end > 0 || w.Short {
			return h
		}
	}
	if p == '/' && i > 2 && w.Text[i-2] == '/' && w.Text[i-3] == ':' {
		if h := userinfo(w, i); h.end > 0 || w.Short {
			return h
		}
	}
	if d.alnum[c] && (!d.alnum[p] || escapedBreak(w, i)) {
		if h := d.shapely(w, i); h.end > 0 || w.Short {
			return h
		}
	}
	if h := d.valued(w, i); h.end > 0 || w.Short {
		return h
	}
	return d.told(w, i)
}

// shapely judges the word at i by its own shape.
func (d *Detector) shapely(w *window.Window, i int) hit {
	c := w.Text[i]
	next := w.At(i + 1)
	if d.admits(c, next) || w.Short {
		for _, n := range d.starts[c] {
			if d.rules[n].prefix[1] != next && !w.Short {
				continue
			}
			if h := d.prefixed(w, i, n); h.end > 0 || w.Short {
				return h
			}
		}
	}
	if h := azureSecret(w, i); h.end > 0 || w.Short {
		return h
	}
	if h := suffixed(w, i); h.end > 0 || w.Short {
		return h
	}
	switch {
	case c == 'e' && next == 'y':
		return jwt(w, i)
	case c == 'P':
		return putty(w, i)
	case c == 'j' && next == 'd':
		return oracle(w, i)
	case c >= 'M' && c <= 'O':
		return discordBot(w, i)
	case window.IsDigit(c):
		if h := asana(w, i); h.end > 0 || w.Short {
			return h
		}
		return telegram(w, i)
	}
	return hit{}
}

// escapedBreak reports whether the letter before i belongs to a line end or
// tab that is still written as \n, \r or \t.
func escapedBreak(w *window.Window, i int) bool {
	if i < 2 || w.Text[i-2] != '\\' {
		return false
	}
	p := w.Text[i-1]
	return p == 'n' || p == 'r' || p == 't'
}

// prefixed judges rule n at i.
func (d *Detector) prefixed(w *window.Window, i, n int) hit {
	r := &d.rules[n]
	if !w.HasPrefix(i, r.prefix) {
		return hit{}
	}
	if p := w.Before(i); r.check&random != 0 && (p == '_' || p == '-') { // as in pk_test_
		return hit{}
	}
	body := i + len(r.prefix)
	if r.max > 0 {
		length := w.Run(body, r.max+1, r.body|window.Alnum)
		if length > r.max || length < r.min || w.Run(body, length, r.body) < length || !r.credible(w, body, length) {
			return hit{}
		}
		return hit{d.types[n], i, body + length, .95, tailNone}
	}
	length := w.Run(body, max(r.min, proofLen), r.body)
	if length < r.min || !r.credible(w, body, length) {
		return hit{}
	}
	sure := float32(.95)
	if r.check&crc != 0 && checksummed(w.Text[body:body+length]) {
		sure = .99
	}
	return hit{d.types[n], i, body + length, sure, d.tails[n]}
}

func (r *rule) credible(w *window.Window, i, n int) bool {
	if w.Short {
		return false
	}
	body := w.Text[i : i+n]
	return (r.check&mixed == 0 || isMixed(body) || scrambled(body)) && (r.check&random == 0 || looksRandom(body)) && !placeholder(body)
}

// rest returns where a proven credential ends that is known up to i, and
// whether it may go on in text that has not come.
func (d *Detector) rest(w *window.Window, i int, t tail) (end int, open bool) {
	var class window.Class
	switch t {
	case tailNone:
		return i, false
	case tailPEM:
		return restOfKey(w, i)
	case tailPuTTY:
		return restOfPuTTY(w, i)
	case tailDotted:
		class = dotted
	case tailToken:
		class = tokenClass
	case tailUser:
		for i < len(w.Text) && userByte(w.Text[i]) {
			i++
		}
		return i, i == len(w.Text) && !w.Last
	default:
		class = d.alphabets[t-tailOfAlphabets]
	}
	i += runOf(w.Text[i:], class)
	return i, i == len(w.Text) && !w.Last
}

func runOf(text []byte, class window.Class) int {
	n := 0
	for n < len(text) && window.ClassOf(text[n])&class != 0 {
		n++
	}
	return n
}
