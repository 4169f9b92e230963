package guards

import (
	"bytes"
	"slices"

	"outrider.dev/outrider/decision"
)

// A service outside of this process reads whole texts, which takes too long for
// the deltas of a stream. The set says which texts a service is to read and
// what its findings lead to; somebody else asks it. Each spec acts on what its
// own service found, and on nothing else.

// Services returns the names of all services that the set needs, each once.
func (s *Set) Services() []string {
	var out []string
	for i := range s.remote {
		if name := s.remote[i].Service; !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// Asks reports whether the service is to read text of the segment.
func (s *Set) Asks(service string, seg decision.Segment) bool {
	return slices.ContainsFunc(s.remote, func(p Spec) bool { return p.Service == service && p.takes(seg) })
}

// Needs reports whether text of the segment that the service has not read must
// not pass. Where rules read findings, a guard that only observes counts, too.
func (s *Set) Needs(service string, seg decision.Segment, rules bool) bool {
	return slices.ContainsFunc(s.remote, func(p Spec) bool {
		return p.Service == service && p.takes(seg) && !p.Lenient && (rules || p.Action != decision.ActionObserve)
	})
}

// Reading is a text as a service reads it.
type Reading struct {
	Text string
	at   []uint32 // where in the segment's text each byte came from; nil: where it stands
}

// Readings returns what services read of the unescaped text of a segment: the
// text, and where its escapes could hide something, the text as whoever takes
// it for JSON reads it. Of blank text there is nothing to read.
func Readings(text []byte) []Reading {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	out := []Reading{{Text: string(text)}}
	for _, layer := range resolved(text) {
		out = append(out, Reading{Text: string(layer.text), at: layer.at})
	}
	return out
}

// Take appends what the service found in a reading of the segment's text, as
// far as specs take it in, with spans in that text. What out has from first on,
// of the same text, is not repeated.
func (s *Set) Take(service string, r Reading, seg decision.Segment, found, out []decision.Finding, first int) []decision.Finding {
	var specs []Spec
	for i := range s.remote {
		if s.remote[i].Service == service {
			specs = append(specs, s.remote[i])
		}
	}
	type place struct {
		kind       string
		start, end uint32
		action     decision.Action
	}
	known := make(map[place]bool, len(out)-first)
	for _, f := range out[first:] {
		known[place{f.Type, f.Start, f.End, f.Action}] = true
	}
	for _, f := range s.resolve(specs, []byte(r.Text), seg, slices.Clone(found), 0) {
		if r.at != nil {
			f.Start, f.End = r.at[f.Start], r.at[f.End]
		}
		if at := (place{f.Type, f.Start, f.End, f.Action}); !known[at] {
			known[at], out = true, append(out, f)
		}
	}
	slices.SortStableFunc(out[first:], byStart)
	return out
}
