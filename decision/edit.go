package decision

import (
	"cmp"
	"slices"
)

// Edit is a change inside the engine, before it becomes splices: a replacement
// in a segment's unescaped text, or a value that is set or taken out at a JSON
// pointer.
type Edit struct {
	Segment   uint32
	Start     uint32 // byte offsets in the segment's unescaped text
	End       uint32
	With      string
	Redaction bool // redactions that overlap unite; other overlaps conflict

	Pointer string // RFC 6901; when set, the fields above are not used
	Value   []byte // raw JSON; what is missing on the way to it is made
	Remove  bool   // take the member out; one that is not there stays away
}

// UniteEdits orders the edits and unites overlapping redactions into one that
// spans both and keeps the text of the earlier one. Any other overlap, and a
// second value for one pointer, is an [Error] with [CodeEditConflict]: policy
// contradicts itself, and guessing would forward what nobody judged.
func UniteEdits(edits []Edit) ([]Edit, error) {
	if len(edits) < 2 {
		return edits, nil
	}
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, compareEdits)
	out := sorted[:1]
	for _, e := range sorted[1:] {
		last := &out[len(out)-1]
		if !overlap(*last, e) {
			out = append(out, e)
			continue
		}
		if same(*last, e) {
			continue
		}
		if e.Pointer != "" || !last.Redaction || !e.Redaction {
			return nil, Refuse(CodeEditConflict, "two edits change the same place in different ways")
		}
		last.End = max(last.End, e.End)
	}
	return out, nil
}

func compareEdits(a, b Edit) int {
	return cmp.Or(
		cmp.Compare(a.Pointer, b.Pointer),
		cmp.Compare(a.Segment, b.Segment),
		cmp.Compare(a.Start, b.Start),
		cmp.Compare(b.End, a.End),
	)
}

// overlap expects a before b in the order of compareEdits. Two insertions at
// one offset overlap: their order would be a guess.
func overlap(a, b Edit) bool {
	if a.Pointer != "" || b.Pointer != "" {
		return a.Pointer == b.Pointer
	}
	if a.Segment != b.Segment {
		return false
	}
	return b.Start < a.End || b.Start == a.Start && (a.Start == a.End || b.Start == b.End)
}

func same(a, b Edit) bool {
	return a.Pointer == b.Pointer && a.Segment == b.Segment && a.Start == b.Start && a.End == b.End &&
		a.With == b.With && a.Remove == b.Remove && string(a.Value) == string(b.Value)
}
