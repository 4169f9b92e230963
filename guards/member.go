package guards

import (
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
)

// Bounds of members that are judged with their names, in bytes.
const (
	leastMember = 4
	longestName = 64
)

// ScanMember appends what the guards find in the text of a member of an object
// for what the member is called: that "password" stands before it, or "ssn". What
// out has from first on, of the same text, is not repeated.
func (s *Set) ScanMember(name, text []byte, seg decision.Segment, out []decision.Finding, first int) []decision.Finding {
	if len(name) == 0 || len(name) > longestName || len(text) < leastMember || len(text) > maxValue || !tells(string(name)) {
		return out
	}
	member := slices.Concat([]byte{'"'}, name, []byte(`": "`), text, []byte{'"'})
	start, end := uint32(len(name)+len(`"": "`)), uint32(len(member)-1)
	for _, f := range s.Scan(member, seg, nil) {
		if f.Start < start || !strings.HasPrefix(f.Type, "secret.") && !strings.HasPrefix(f.Type, "pii.") {
			continue
		}
		f.Start, f.End = f.Start-start, min(f.End, end)-start
		if !slices.ContainsFunc(out[first:], func(g decision.Finding) bool { return g.Start <= f.Start && g.End >= f.End }) {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out[first:], byStart)
	return out
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
