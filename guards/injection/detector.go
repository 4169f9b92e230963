package injection

import (
	"unicode"
	"unicode/utf8"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/window"
)

// Bounds of one act, in bytes from its first. Padding that shows nothing counts
// as raw only; an act that is mostly padding is found for that alone.
const (
	maxVisible = 160
	maxRaw     = 440
	maxWord    = 24
)

// Detector finds acts of injection. It is immutable and safe for concurrent use.
type Detector struct {
	words lexicon // where in meanings
	rules []rule
	first class         // what can begin an act
	gate  [36 * 36]bool // first two letters of the words that can begin an act
	fold  [256]byte     // lower case of ASCII letters and digits, else zero
	tool  bool

	longest  int       // letters of the longest word
	openings []string  // words that can begin an act
	meanings []meaning // the first is that of an unknown word
	breaks   [3]meaning
	strict   state // rules that allow no glue
	override state // rules that padding completes
}

// New returns a detector for what a tool returned or describes, or for any
// other text.
func New(tool bool) *Detector {
	d := &Detector{rules: rules(), tool: tool}
	for _, r := range d.rules {
		d.first |= r.parts[0]
	}
	d.compile(vocabulary())
	for c := range utf8.RuneSelf {
		if window.IsAlnum(byte(c)) {
			d.fold[c] = asciiGlyph(byte(c)).as[0]
		}
	}
	return d
}

// pair numbers two lower-case letters or digits; a digit counts as the letter
// that it imitates.
func pair(a, b byte) int { return ordinal(a)*36 + ordinal(b) }

func ordinal(c byte) int {
	c = imitated(c)
	if window.IsDigit(c) {
		return int(c-'0') + 26
	}
	return int((c | 0x20) - 'a')
}

// imitated returns the letter that a digit is read as in a word.
func imitated(c byte) byte {
	switch c {
	case '0':
		return 'o'
	case '1':
		return 'i'
	case '3':
		return 'e'
	case '4':
		return 'a'
	case '5':
		return 's'
	case '7':
		return 't'
	}
	return c
}

// hit is an act that was found: its type, its end, how sure it is and the names
// of its parts.
type hit struct {
	kind string
	end  int
	sure float32
	rule string
}

// Find appends the acts that begin in the stretch at or after m.At, and returns
// where judging stopped: behind the stretch, or earlier for want of text. It
// never leaves a finding open.
func (d *Detector) Find(text []byte, p window.Places, m window.Mark, last bool, out []decision.Finding) ([]decision.Finding, window.Mark) {
	w := window.Window{Text: text, Last: last}
	at, proven := m.At, 0 // no act begins with a plain word before proven
	for i := p.Next(at); i < p.To; i = p.Next(at) {
		at = i + 1
		if d.dismissed(text, i) {
			continue
		}
		from, to := i, i+1
		if d.plain(text[i]) {
			if i < proven {
				continue
			}
			var clean bool
			if from, to, clean = d.skim(text, i, p.To, last); clean {
				proven = to
				continue
			}
		}
		out, to = d.judge(&w, from, to, out)
		if w.Short {
			return out, window.Mark{At: to}
		}
		at = to
	}
	return out, window.Mark{At: max(at, p.To)}
}

// FindAll appends the acts of a whole text.
func (d *Detector) FindAll(text []byte, out []decision.Finding) []decision.Finding {
	var m window.Mark
	for from := 0; from < len(text); from += window.Stretch {
		p := window.NewPlaces(from, len(text))
		p.AddFrom(from)
		if m.At < p.To {
			out, m = d.Find(text, p, m, true, out)
		}
	}
	return out
}

// plain reports whether a word that begins with c, and nothing else that may
// be found, begins there.
func (d *Detector) plain(c byte) bool {
	return d.fold[c] != 0 && (!d.tool || c != 'H' && c != 'A')
}

// judge reads every act that begins in [from, to). It returns how far it got:
// behind the last one, or to where w falls short.
func (d *Detector) judge(w *window.Window, from, to int, out []decision.Finding) ([]decision.Finding, int) {
	for i := from; i < to; {
		if d.dismissed(w.Text, i) {
			i++
			continue
		}
		w.Short = false
		h := d.at(w, i)
		if w.Short {
			return out, i
		}
		if h.end == 0 {
			i++
			continue
		}
		out = append(out, decision.Finding{Type: h.kind, Rule: h.rule, Start: uint32(i), End: uint32(h.end), Confidence: h.sure})
		i = h.end
		to = max(to, i)
	}
	return out, to
}

// dismissed is the gate: no act begins within a word or at common punctuation.
func (d *Detector) dismissed(text []byte, i int) bool {
	c := text[i]
	if d.fold[c] != 0 {
		return i > 0 && d.fold[text[i-1]] != 0
	}
	return c < utf8.RuneSelf && c != '<' && c != '[' || c >= utf8.RuneSelf && !utf8.RuneStart(c)
}

func (d *Detector) at(w *window.Window, i int) hit {
	c := w.Text[i]
	if c == '<' || c == '[' {
		return d.marker(w, i)
	}
	if d.tool && (c == 'H' || c == 'A') {
		if h := d.turn(w, i); h.end > 0 || w.Short {
			return h
		}
	}
	if !d.opens(w, i) {
		return hit{}
	}
	return d.act(w, i)
}

// opens reports whether the word at i begins like one that can begin an act.
func (d *Detector) opens(w *window.Window, i int) bool {
	c := w.Text[i]
	if c < utf8.RuneSelf {
		return d.plainOpens(w, i)
	}
	if r, _ := utf8.DecodeRune(w.Text[i:]); wordless(r) {
		return false
	}
	if r, _ := utf8.DecodeLastRune(w.Text[max(0, i-utf8.UTFMax):i]); unicode.IsLetter(r) {
		return false
	}
	g := glyphAt(w, i)
	return g.sign == signLetter && g.n > 0
}

// plainOpens is opens for an ASCII letter or digit.
func (d *Detector) plainOpens(w *window.Window, i int) bool {
	c, next := w.Text[i], w.At(i+1)
	switch {
	case next == 0 || next == '\'':
		return true
	case next < utf8.RuneSelf:
		return d.fold[next] != 0 && d.gate[pair(c, next)]
	}
	g := glyphAt(w, i+1)
	switch {
	case w.Short || g.sign == signIgnored:
		return true
	case g.sign != signLetter || g.n == 0:
		return false
	}
	return d.gate[pair(c, g.as[0])]
}
