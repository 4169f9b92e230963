package guards

import (
	"cmp"
	"slices"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/window"
)

// maxHeld is how much of a lane may wait to be released, in bytes.
const maxHeld = window.MaxHold

// idleBuffer is the capacity in bytes that a lane keeps between writes; a large
// delta must not pin its memory for the rest of the answer.
const idleBuffer = 4 << 10

// lane is the state of one lane. Offsets with the type uint64 are from the
// lane's start, others are in buf.
//
// Invariant: buf holds everything from window.LookBehind bytes before the
// earliest of the marks and of upto.
type lane struct {
	set   *Set
	base  uint64 // of buf[0]
	buf   []byte
	heads []head // one for every guard
	spans []span // redactions that are not wholly released, by start
	upto  uint64 // released
	cover uint64 // end of the redactions that are released in part or whole
	found []decision.Finding
}

// head is where one guard stands in a lane.
type head struct {
	mark window.Mark
	open decision.Finding // with mark.Open: the finding whose end has not come
}

// span is a redaction. The guard of an open one may move its end.
type span struct {
	start, end uint64
	label      string
	guard      int
	open       bool
	begun      bool // its beginning is released
}

func newLane(s *Set) *lane { return &lane{set: s, heads: make([]head, len(s.guards))} }

// judge appends the text and lets every guard go on. It returns the findings
// whose end is known now, by start.
func (l *lane) judge(text string, last bool) []decision.Finding {
	l.buf = append(l.buf, text...)
	start := len(l.buf)
	for n := range l.heads {
		start = min(start, l.heads[n].mark.At)
	}
	var closed []decision.Finding
	for r := l.set.read(l.buf, start, last); r.next(); {
		for n := range l.heads {
			if g := &l.set.guards[n]; r.due(g, l.heads[n].mark) {
				closed = l.goOn(n, r.at(g), last, closed)
			}
		}
	}
	slices.SortStableFunc(closed, byStart)
	return closed
}

// goOn lets guard n judge the places and appends the findings that are closed.
func (l *lane) goOn(n int, p window.Places, last bool, closed []decision.Finding) []decision.Finding {
	h := &l.heads[n]
	wasOpen := h.mark.Open != 0
	found, mark := l.set.guards[n].Find(l.buf, p, h.mark, last, l.found[:0])
	h.mark, l.found = mark, found
	for k, f := range found {
		goesOn := mark.Open != 0 && k == len(found)-1
		f = l.absolute(f, n, wasOpen && k == 0)
		l.note(f, n, wasOpen && k == 0, goesOn)
		if goesOn {
			h.open = f
			continue
		}
		closed = append(closed, f)
	}
	return closed
}

// absolute completes a finding of guard n. The rest of an open one only brings
// its end.
func (l *lane) absolute(f decision.Finding, n int, rest bool) decision.Finding {
	end := uint32(l.base) + f.End
	if rest {
		f = l.heads[n].open
		f.End = end
		return f
	}
	f.Start, f.End, f.Action = uint32(l.base)+f.Start, end, l.set.guards[n].action
	return f
}

// note keeps the span of a finding that is redacted.
func (l *lane) note(f decision.Finding, n int, rest, open bool) {
	if f.Action != decision.ActionRedact {
		return
	}
	if rest {
		k := slices.IndexFunc(l.spans, func(s span) bool { return s.open && s.guard == n })
		l.spans[k].end, l.spans[k].open = uint64(f.End), open
		return
	}
	l.spans = append(l.spans, span{start: uint64(f.Start), end: uint64(f.End), label: label(f.Type), guard: n, open: open})
}

// blocking returns the findings and the open ones: a credential blocks as soon
// as it is proven, not when it ends.
func (l *lane) blocking(findings []decision.Finding) []decision.Finding {
	for n := range l.heads {
		if l.heads[n].mark.Open != 0 {
			findings = append(findings[:len(findings):len(findings)], l.heads[n].open)
		}
	}
	return findings
}

// held returns how many bytes wait.
func (l *lane) held(last bool) uint64 { return l.base + uint64(len(l.buf)) - l.clean(last) }

// clean returns up to where every guard that may change the text has judged.
// A guard that only observes holds nothing back.
func (l *lane) clean(last bool) uint64 {
	upto := len(l.buf)
	for n := range l.set.guards {
		if l.set.guards[n].action != decision.ActionObserve && !last {
			upto = min(upto, l.heads[n].mark.At)
		}
	}
	return l.base + uint64(upto)
}

// release moves upto and returns the replacements before it. Redactions that
// overlap unite: the first names them, the rest of each is dropped.
func (l *lane) release(last bool) (upto uint64, replace []decision.Replacement) {
	upto = max(l.upto, l.clean(last))
	slices.SortStableFunc(l.spans, span.compare)
	at := l.upto // end of the replacements so far
	for k := range l.spans {
		s := &l.spans[k]
		if s.start >= upto {
			break
		}
		from, with := max(at, s.start), ""
		if !s.begun && s.start >= l.cover {
			with = s.label
		}
		if to := min(s.end, upto); from < to {
			replace = append(replace, decision.Replacement{Start: from, End: to, With: with})
			at = to
		}
		s.begun = true
		l.cover = max(l.cover, s.end)
	}
	l.spans = slices.DeleteFunc(l.spans, func(s span) bool { return s.begun && !s.open && s.end <= upto })
	l.upto = upto
	return upto, replace
}

// compare orders spans as [decision.UniteEdits] orders edits.
func (s span) compare(t span) int {
	return cmp.Or(cmp.Compare(s.start, t.start), cmp.Compare(t.end, s.end))
}

// trim drops what no guard will read again.
func (l *lane) trim() {
	keep := int(l.upto - l.base)
	for n := range l.heads {
		keep = min(keep, l.heads[n].mark.At)
	}
	keep = max(0, keep-window.LookBehind)
	n := copy(l.buf, l.buf[keep:])
	l.buf = l.buf[:n]
	if cap(l.buf) > idleBuffer && n <= idleBuffer {
		l.buf = append(make([]byte, 0, idleBuffer), l.buf...)
	}
	l.base += uint64(keep)
	for n := range l.heads {
		l.heads[n].mark.At -= keep
	}
}
