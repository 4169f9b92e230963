package guards

import (
	"bytes"
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
	set      *Set
	seg      decision.Segment
	using    [maxGuards]detector
	vault    *Vault
	base     uint64 // of buf[0]
	buf      []byte
	heads    []head // one for every guard
	marks    []int  // one for every pattern, in buf: where it goes on; nil: none is asked for
	holds    bool   // what patterns find may change the text or end the answer
	spans    []span // of findings that are not wholly released, by start
	restores []span // of placeholders that are not released, by start
	sought   uint64 // all placeholders before it are known
	json     bool   // the text is an object in JSON
	begun    bool   // json is settled
	hold     bool   // guards that only observe hold text back
	upto     uint64 // released
	cover    uint64 // end of the redactions that are released in part or whole
	found    []decision.Finding
}

// ofPatterns stands for the patterns in the place of a guard.
const ofPatterns = -1

// head is where one guard stands in a lane.
type head struct {
	mark window.Mark
	open decision.Finding // with mark.Open: the finding whose end has not come

	unsure bool // an exception may still take the open finding out
	holds  bool // what it finds may change the text or end the answer
}

// span is what a finding changes. The guard of an open one may move its end.
type span struct {
	start, end uint64
	kind       string // type of the finding
	action     decision.Action
	with       string // what stands in its place, once it is settled
	guard      int
	open       bool
	unsure     bool // an exception may still take the finding out
	begun      bool // its beginning is released
}

func newLane(s *Set, v *Vault, seg decision.Segment) *lane {
	l := &lane{set: s, vault: v, seg: seg, heads: make([]head, len(s.guards))}
	s.forSegment(seg, &l.using)
	for n := range l.heads {
		l.heads[n].holds = l.using[n] != nil && rank(s.strictest(s.guards[n].kind, seg)) > rank(decision.ActionObserve)
	}
	if a := s.strictest(Custom, seg); s.custom != nil && rank(a) > 0 {
		l.marks, l.holds = make([]int, len(s.custom.list)), rank(a) > rank(decision.ActionObserve)
	}
	return l
}

// holdAll lets every guard hold text back, whatever it finds leads to.
func (l *lane) holdAll(hold bool) {
	l.hold = hold
	for n := range l.heads {
		l.heads[n].holds = l.heads[n].holds || hold && l.using[n] != nil
	}
}

// judge appends the text and lets every guard go on. It returns the findings
// whose end is known now, by start.
func (l *lane) judge(text string, last bool) []decision.Finding {
	l.buf = append(l.buf, text...)
	l.seek(last)
	start := len(l.buf)
	for n := range l.heads {
		if l.using[n] != nil {
			start = min(start, l.heads[n].mark.At)
		}
	}
	var closed []decision.Finding
	for r := l.set.read(l.buf, start, last); r.next(); {
		for n := range l.heads {
			if g := &l.set.guards[n]; l.using[n] != nil && r.due(g, l.heads[n].mark) {
				closed = l.goOn(n, r.at(g), last, closed)
			}
		}
	}
	closed = l.match(last, closed)
	slices.SortStableFunc(closed, byStart)
	return closed
}

// match lets the patterns go on.
func (l *lane) match(last bool, closed []decision.Finding) []decision.Finding {
	if l.marks == nil {
		return closed
	}
	l.found = l.set.custom.resume(l.buf, l.marks, last, l.found[:0])
	for _, f := range l.found {
		f = l.absolute(f, ofPatterns, false)
		if l.decide(&f, true); f.Action != "" {
			l.note(f, ofPatterns, false, false, false)
			closed = append(closed, f)
		}
	}
	return closed
}

// seek finds the placeholders in what has arrived, and what the text is.
func (l *lane) seek(last bool) {
	if !l.begun {
		rest := bytes.TrimLeft(l.buf, " \t\r\n")
		l.json, l.begun = isJSON(rest), len(rest) > 0
	}
	if l.vault.Empty() {
		return
	}
	places, known := l.vault.find(l.buf, int(l.sought-l.base), last)
	for _, p := range places {
		l.restores = append(l.restores, span{
			start: l.base + uint64(p.start), end: l.base + uint64(p.end), with: embed(p.value, l.json),
		})
	}
	l.sought = l.base + uint64(known)
}

// goOn lets guard n judge the places and appends the findings that are closed.
func (l *lane) goOn(n int, p window.Places, last bool, closed []decision.Finding) []decision.Finding {
	h := &l.heads[n]
	wasOpen := h.mark.Open != 0
	found, mark := l.using[n].Find(l.buf, p, h.mark, last, l.found[:0])
	h.mark, l.found = mark, found
	for k, f := range found {
		goesOn := mark.Open != 0 && k == len(found)-1
		rest := wasOpen && k == 0
		f = l.absolute(f, n, rest)
		h.unsure = l.decide(&f, !goesOn)
		l.note(f, n, rest, goesOn, h.unsure)
		switch {
		case goesOn:
			h.open = f
		case f.Action != "":
			closed = append(closed, f)
		}
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
	f.Segment, f.Start, f.End = l.seg.ID, uint32(l.base)+f.Start, end
	return f
}

// decide gives the finding its action. The text of one that began before the
// buffer is longer than any that exceptions name.
func (l *lane) decide(f *decision.Finding, known bool) (unsure bool) {
	var value []byte
	if f.End-f.Start <= maxValue {
		value = l.text(uint64(f.Start), uint64(f.End))
	} else {
		value = make([]byte, maxValue+1)
	}
	f.Action, unsure = l.set.decide(l.set.specs, f, l.seg, value, known)
	return unsure
}

// text returns what stands in the lane from start to end, empty where that is
// not kept any more.
func (l *lane) text(start, end uint64) []byte {
	if start < l.base {
		return nil
	}
	return l.buf[start-l.base : end-l.base]
}

// note keeps the span of a finding that holds or changes the text.
func (l *lane) note(f decision.Finding, n int, rest, open, unsure bool) {
	k := -1
	if rest {
		k = slices.IndexFunc(l.spans, func(s span) bool { return s.open && s.guard == n })
	}
	keep := edits(f.Action) || unsure && (l.hold || f.Action == decision.ActionBlock)
	s := span{start: uint64(f.Start), end: uint64(f.End), kind: f.Type, action: f.Action, guard: n, open: open, unsure: unsure}
	switch {
	case k < 0 && keep:
		l.spans = append(l.spans, s)
	case k >= 0 && keep:
		s.begun, s.with = l.spans[k].begun, l.spans[k].with
		l.spans[k] = s
	case k >= 0:
		l.spans = slices.Delete(l.spans, k, k+1)
	}
}

// blocking returns the findings and the open ones: a credential blocks as soon
// as it is proven, not when it ends, unless it may be an exception.
func (l *lane) blocking(findings []decision.Finding) []decision.Finding {
	for n := range l.heads {
		h := &l.heads[n]
		if h.mark.Open != 0 && !h.unsure {
			findings = append(findings[:len(findings):len(findings)], h.open)
		}
	}
	return findings
}

// held returns how many bytes wait.
func (l *lane) held(last bool) uint64 { return l.base + uint64(len(l.buf)) - l.clean(last) }

// clean returns up to where every guard that may change the text has judged.
// A guard that only observes holds nothing back, unless rules wait for it.
func (l *lane) clean(last bool) uint64 {
	upto := len(l.buf)
	for n := range l.heads {
		if h := &l.heads[n]; h.holds && !last {
			upto = min(upto, h.mark.At)
		}
	}
	if l.holds && !last {
		upto = min(upto, slices.Min(l.marks))
	}
	return l.base + uint64(upto)
}

// trim drops what no guard will read again.
func (l *lane) trim() {
	keep := int(l.upto - l.base)
	for n := range l.heads {
		if l.using[n] == nil {
			continue
		}
		h := &l.heads[n]
		keep = min(keep, h.mark.At)
		if h.mark.Open != 0 && h.unsure {
			keep = min(keep, int(uint64(h.open.Start)-l.base))
		}
	}
	if l.marks != nil {
		keep = min(keep, slices.Min(l.marks))
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
	for n := range l.marks {
		l.marks[n] -= keep
	}
}
