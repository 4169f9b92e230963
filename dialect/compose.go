package dialect

import "outrider.dev/outrider/decision"

// Compose returns the one list of splices on raw that does what first does and
// then second, whose offsets are in the bytes that first leaves. What touches
// becomes one splice, so that the list is ordered and never overlaps. A list
// that does not fit its bytes is a [decision.Error] with
// [decision.CodeEditConflict].
func Compose(raw []byte, first, second []decision.Splice) ([]decision.Splice, error) {
	if len(second) == 0 {
		return first, Check(raw, first)
	}
	if len(first) == 0 {
		return second, Check(raw, second)
	}
	if err := Check(raw, first); err != nil {
		return nil, err
	}
	w := weaver{raw: raw, first: first}
	for _, s := range second {
		if s.Start < w.mid || s.End < s.Start || !w.advance(s.Start, true) || !w.advance(s.End, false) {
			return nil, refuse("the splices do not fit the body")
		}
		w.text = append(w.text, s.With...)
	}
	for w.at < uint32(len(raw)) || len(w.first) > 0 {
		w.step(^uint32(0), true)
	}
	w.keep(uint32(len(raw)), uint32(len(raw)))
	return w.out, nil
}

// weaver walks over the bytes between two lists of splices.
type weaver struct {
	raw   []byte
	first []decision.Splice // what is ahead
	at    uint32            // in raw; behind what was kept or replaced
	mid   uint32            // in the bytes that first leaves
	with  uint32            // how much of the replacement at hand is passed

	out  []decision.Splice
	kept uint32 // the end in raw of the last bytes that stay
	text []byte // what stands behind them
}

// advance passes what stands up to an offset between the lists, and keeps it or
// not. It reports whether the bytes go so far.
func (w *weaver) advance(to uint32, keep bool) bool {
	for w.mid < to {
		if w.at == uint32(len(w.raw)) && len(w.first) == 0 {
			return false
		}
		w.step(to, keep)
	}
	return true
}

// step passes bytes of one origin, or from one origin to the next.
func (w *weaver) step(to uint32, keep bool) {
	next := uint32(len(w.raw))
	if len(w.first) > 0 {
		next = w.first[0].Start
	}
	if w.at < next {
		n := min(to-w.mid, next-w.at)
		if keep {
			w.keep(w.at, w.at+n)
		}
		w.at, w.mid = w.at+n, w.mid+n
		return
	}
	s := w.first[0]
	n := min(to-w.mid, uint32(len(s.With))-w.with)
	if keep {
		w.text = append(w.text, s.With[w.with:w.with+n]...)
	}
	w.with, w.mid = w.with+n, w.mid+n
	if w.with == uint32(len(s.With)) {
		w.at, w.with, w.first = s.End, 0, w.first[1:]
	}
}

// keep lets bytes of raw stay and makes a splice of what came before them.
func (w *weaver) keep(start, end uint32) {
	if w.kept < start || len(w.text) > 0 {
		w.out = append(w.out, decision.Splice{Start: w.kept, End: start, With: w.text})
		w.text = nil
	}
	w.kept = end
}
