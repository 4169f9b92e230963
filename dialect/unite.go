package dialect

import (
	"cmp"
	"slices"

	"outrider.dev/outrider/decision"
)

// UniteSplices merges two lists of splices on one body into one in order. An
// overlap is a [decision.Error] with [decision.CodeEditConflict].
func UniteSplices(a, b []decision.Splice) ([]decision.Splice, error) {
	if len(a) == 0 {
		return b, nil
	}
	out := slices.Concat(a, b)
	slices.SortStableFunc(out, func(x, y decision.Splice) int { return cmp.Compare(x.Start, y.Start) })
	for i := 1; i < len(out); i++ {
		if out[i].Start < out[i-1].End {
			return nil, refuse("two changes of the body overlap")
		}
	}
	return out, nil
}

// ReleaseAll lets everything go that was added: nobody judges the stream.
func (r *Reframer) ReleaseAll() {
	for _, l := range r.order {
		l.released = l.added
	}
}
