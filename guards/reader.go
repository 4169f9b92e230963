package guards

import "outrider.dev/outrider/guards/window"

// field says which places of a text a guard judges.
type field uint8

const (
	whole field = iota // the detector needs no places: it gets the whole text at once
	ofSecrets
	ofNumbers
	ofInjection
)

// reader takes all guards of a set through a text together, one stretch after
// another, so that each stretch is sifted once.
type reader struct {
	sifting
	start int // where reading began
	begun bool
}

// read returns a reader of text from start on.
func (s *Set) read(text []byte, start int, last bool) reader {
	return reader{sifting: sifting{sieve: s.sieve, text: text, from: start, last: last}, start: start}
}

// next goes to the first stretch, or to the next one if there is one. A text
// without bytes has one stretch: open findings may end there.
func (r *reader) next() bool {
	if r.begun {
		r.from += window.Stretch
		if r.from >= len(r.text) {
			return false
		}
	}
	r.sift(r.begun)
	r.begun = true
	return true
}

// due reports whether a guard that stands at m has something to judge in the
// stretch. One that waits for more text stays where it is.
func (r *reader) due(g *guard, m window.Mark) bool {
	if g.places == whole {
		return r.from == r.start
	}
	p := &r.places[g.places]
	return m.At >= p.From && (m.At < p.To || p.To == len(r.text))
}

// at returns the places of a guard.
func (r *reader) at(g *guard) window.Places { return r.places[g.places] }
