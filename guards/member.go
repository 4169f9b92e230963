package guards

import (
	"slices"

	"outrider.dev/outrider/decision"
)

// Bounds of members that are judged with their names, in bytes.
const (
	leastMember = 4
	longestName = 64
)

// ScanMember appends what the guards find in the text of a member of an object
// for what the member is called: that "password" stands before it, or "ssn". What
// out has from first on, of the same text and at least as strict, is not repeated.
// The name is asked for only where it may matter: it takes some looking for.
func (s *Set) ScanMember(name func() []byte, text []byte, seg decision.Segment, out []decision.Finding, first int) []decision.Finding {
	var using [maxGuards]detector
	if len(text) < leastMember || len(text) > maxValue || !s.forMember(seg, &using) {
		return out
	}
	called := name()
	if len(called) == 0 || len(called) > longestName || !tells(string(called)) {
		return out
	}
	member := slices.Concat([]byte{'"'}, called, []byte(`": "`), text, []byte{'"'})
	start, end := uint32(len(called)+len(`"": "`)), uint32(len(member)-1)
	r := s.read(member, 0, true)
	for _, f := range s.resolve(s.specs, member, seg, r.detect(s.guards, &using, nil), 0) {
		if f.Start < start {
			continue
		}
		f.Start, f.End = f.Start-start, min(f.End, end)-start
		covers := func(g decision.Finding) bool {
			return g.Start <= f.Start && g.End >= f.End && rank(g.Action) >= rank(f.Action)
		}
		if !slices.ContainsFunc(out[first:], covers) {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out[first:], byStart)
	return out
}

// forMember chooses the detectors for whose kinds a name before a value may tell
// something, and reports whether there are any.
func (s *Set) forMember(seg decision.Segment, using *[maxGuards]detector) (some bool) {
	for n := range s.guards {
		if g := &s.guards[n]; g.kind != Injection && rank(s.strictest(g.kind, seg)) > 0 {
			using[n], some = g.detector, true
		}
	}
	return some
}

// tells reports whether a member's name may say what its text is. Those that
// nearly every object has do not.
func tells(name string) bool {
	switch name {
	case "text", "content", "type", "name", "title", "description", "url", "uri", "id", "role", "path", "query", "message", "body", "format", "mimeType", "status", "kind":
		return false
	}
	return true
}
