package guards

import (
	"slices"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/window"
)

// reading is how far the guards have read one form of a lane's text: as it
// came, or, behind the first escape that hides something, as JSON means it.
//
// Invariant: buf holds everything from window.LookBehind bytes before the
// earliest of the marks, and in the text as it came from as many before what is
// not released.
type reading struct {
	set   *Set
	seg   decision.Segment
	using [maxGuards]detector
	base  uint64 // of buf[0], from where the text of this reading begins
	buf   []byte
	at    []uint32 // where in the lane the bytes of buf and what follows them stand; nil: where they stand here
	heads []head   // one for every guard
	marks []int    // one for every pattern, in buf: where it goes on; nil: none is asked for
	found []decision.Finding

	depth  int      // how many layers of escapes are resolved
	broken piece    // an escape that has not ended, and so is not in buf
	doubt  piece    // the end of buf, which may begin an escape that hides something
	early  *reading // with doubt: the reading that this escape would begin
	next   *reading // the text with one more layer of escapes resolved; nil: nothing hides so far
}

// head is where one guard stands in a reading.
type head struct {
	mark window.Mark
	from uint64           // with mark.Open: where the finding begins in the text of the reading
	open decision.Finding // with mark.Open: the finding whose end has not come, by its place in the lane

	unsure bool // an exception may still take the open finding out
	holds  bool // what it finds may change the text or end the answer
}

// end returns the length of the text so far.
func (r *reading) end() uint64 { return r.base + uint64(len(r.buf)) }

// place returns where in the lane the k-th byte of buf stands.
func (r *reading) place(k int) uint64 {
	if r.at == nil {
		return r.base + uint64(k)
	}
	return uint64(r.at[k])
}

// judge appends the text and lets every guard go on. It appends the findings
// whose end is known now.
func (r *reading) judge(l *lane, p piece, last bool, closed []decision.Finding) []decision.Finding {
	if r.at != nil {
		r.at = append(r.at[:len(r.buf)], p.at...)
	}
	r.buf = append(r.buf, p.text...)
	start := len(r.buf)
	for n := range r.heads {
		if r.using[n] != nil {
			start = min(start, r.heads[n].mark.At)
		}
	}
	for s := r.set.read(r.buf, start, last); s.next(); {
		for n := range r.heads {
			if g := &r.set.guards[n]; r.using[n] != nil && s.due(g, r.heads[n].mark) {
				closed = r.goOn(l, n, s.at(g), last, closed)
			}
		}
	}
	return r.match(l, last, closed)
}

// match lets the patterns go on.
func (r *reading) match(l *lane, last bool, closed []decision.Finding) []decision.Finding {
	if r.marks == nil {
		return closed
	}
	r.found = r.set.custom.resume(r.buf, r.marks, last, r.found[:0])
	for _, f := range r.found {
		value := r.buf[f.Start:f.End]
		f = r.placed(f)
		if r.decide(&f, value, true); f.Action != "" {
			l.note(f, ofPatterns, false, false, false)
			closed = append(closed, f)
		}
	}
	return closed
}

// goOn lets guard n judge the places and appends the findings that are closed.
func (r *reading) goOn(l *lane, n int, p window.Places, last bool, closed []decision.Finding) []decision.Finding {
	h := &r.heads[n]
	wasOpen := h.mark.Open != 0
	found, mark := r.using[n].Find(r.buf, p, h.mark, last, r.found[:0])
	h.mark, r.found = mark, found
	for k, f := range found {
		goesOn := mark.Open != 0 && k == len(found)-1
		rest := wasOpen && k == 0
		from, to := r.base+uint64(f.Start), r.base+uint64(f.End)
		if f = r.placed(f); rest {
			end := f.End
			f, from = h.open, h.from
			f.End = end
		}
		h.unsure = r.decide(&f, r.text(from, to), !goesOn)
		l.note(f, n+r.depth*maxGuards, rest, goesOn, h.unsure)
		switch {
		case goesOn:
			h.open, h.from = f, from
		case f.Action != "":
			closed = append(closed, f)
		}
	}
	return closed
}

// placed returns a finding in buf by its place in the lane.
func (r *reading) placed(f decision.Finding) decision.Finding {
	f.Segment = r.seg.ID
	f.Start, f.End = uint32(r.place(int(f.Start))), uint32(r.place(int(f.End)))
	return f
}

// decide gives the finding of a value its action.
func (r *reading) decide(f *decision.Finding, value []byte, known bool) (unsure bool) {
	f.Action, unsure = r.set.decide(r.set.specs, f, r.seg, value, known)
	return unsure
}

// tooLong stands for a text that is longer than any that exceptions name.
const tooLong = maxValue + 1

// text returns what stands in the reading from start to end. What began before
// the buffer is longer than any text that exceptions name.
func (r *reading) text(start, end uint64) []byte {
	if start < r.base || end-start > maxValue {
		return make([]byte, tooLong)
	}
	return r.buf[start-r.base : end-r.base]
}

// holdsBack reports whether some guard may change the text or end the answer.
func (r *reading) holdsBack(patternsHold bool) bool {
	return patternsHold || slices.ContainsFunc(r.heads, func(h head) bool { return h.holds })
}

// clean returns up to where in buf every guard that may change the text has
// judged. A guard that only observes holds nothing back, unless rules wait for it.
func (r *reading) clean(patternsHold bool) int {
	upto := len(r.buf)
	for n := range r.heads {
		if h := &r.heads[n]; h.holds {
			upto = min(upto, h.mark.At)
		}
	}
	if patternsHold {
		upto = min(upto, slices.Min(r.marks))
	}
	return upto
}

// trim drops what no guard will read again. From keep on all stays.
func (r *reading) trim(keep int) {
	for n := range r.heads {
		if r.using[n] == nil {
			continue
		}
		h := &r.heads[n]
		keep = min(keep, h.mark.At)
		if h.mark.Open != 0 && h.unsure && h.from >= r.base {
			keep = min(keep, int(h.from-r.base))
		}
	}
	if r.marks != nil {
		keep = min(keep, slices.Min(r.marks))
	}
	keep = max(0, keep-window.LookBehind)
	n := copy(r.buf, r.buf[keep:])
	r.buf = r.buf[:n]
	if r.at != nil {
		r.at = r.at[:copy(r.at, r.at[keep:])]
	}
	if cap(r.buf) > idleBuffer && n <= idleBuffer {
		r.buf = append(make([]byte, 0, idleBuffer), r.buf...)
		r.at = slices.Clone(r.at)
	}
	r.base += uint64(keep)
	for n := range r.heads {
		r.heads[n].mark.At -= keep
	}
	for n := range r.marks {
		r.marks[n] -= keep
	}
}
