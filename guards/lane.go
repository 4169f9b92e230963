package guards

import (
	"bytes"
	"iter"
	"maps"
	"slices"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/window"
)

// maxHeld is how much of a lane may wait to be released, in bytes without escapes.
const maxHeld = window.MaxHold

// idleBuffer is the capacity in bytes that a lane keeps between writes; a large
// delta must not pin its memory for the rest of the answer.
const idleBuffer = 4 << 10

// lane is the state of one lane. Offsets with the type uint64 are from the
// lane's start. It embeds the reading of the text as it came.
type lane struct {
	reading
	vault    *Vault
	holds    bool   // what patterns find may change the text or end the answer
	spans    []span // of findings that are not wholly released, by start
	restores []span // of placeholders that are not released, by start
	sought   uint64 // all placeholders before it are known
	json     bool   // the text is an object in JSON
	begun    bool   // json is settled
	hold     bool   // guards that only observe hold text back
	upto     uint64 // released
	cover    uint64 // end of the redactions that are released in part or whole
	told     map[spot]bool
}

// ofPatterns stands for the patterns in the place of a guard.
const ofPatterns = -1

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
	l := &lane{vault: v, reading: reading{set: s, seg: seg, heads: make([]head, len(s.guards))}}
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

// judge appends the text and lets every guard go on, in every reading. It
// returns the findings whose end is known now, by start.
func (l *lane) judge(text string, last bool) []decision.Finding {
	closed := l.take(l, piece{text: text}, last, nil)
	l.seek(last)
	if l.next != nil || l.early != nil {
		closed = l.once(closed)
	}
	slices.SortStableFunc(closed, byStart)
	return closed
}

// once drops findings that another reading has told.
func (l *lane) once(closed []decision.Finding) []decision.Finding {
	if l.told == nil {
		l.told = map[spot]bool{}
	}
	closed = slices.DeleteFunc(closed, func(f decision.Finding) bool {
		k := spotOf(f)
		known := l.told[k]
		l.told[k] = true
		return known
	})
	if len(l.told) > maxRemembered {
		judged := l.end()
		for r := range l.readings() {
			for n := range r.heads {
				if r.using[n] != nil { // others stand where they began, which may be forgotten
					judged = min(judged, r.place(r.heads[n].mark.At))
				}
			}
		}
		maps.DeleteFunc(l.told, func(k spot, _ bool) bool { return uint64(k.end) < judged })
	}
	return closed
}

// maxRemembered is how many findings are remembered before old ones are dropped.
const maxRemembered = 64

// readings yields every reading that holds the lane back.
func (l *lane) readings() iter.Seq[*reading] {
	return func(yield func(*reading) bool) {
		for r := &l.reading; r != nil; r = r.next {
			if !yield(r) || r.early != nil && !yield(r.early) {
				return
			}
		}
	}
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
	for r := &l.reading; r != nil; r = r.next {
		for n := range r.heads {
			if h := &r.heads[n]; h.mark.Open != 0 && !h.unsure {
				findings = append(findings[:len(findings):len(findings)], h.open)
			}
		}
	}
	return findings
}

// held returns how many bytes wait at most, as the readings count them. Where
// nothing may change the text, nothing waits.
func (l *lane) held(last bool) uint64 {
	most := 0
	for r := range l.readings() {
		if !last && r.holdsBack(l.holds) {
			most = max(most, len(r.buf)-r.clean(l.holds), len(r.doubt.text))
		}
	}
	return uint64(most)
}

// clean returns up to where every guard that may change the text has judged, in
// every reading.
func (l *lane) clean(last bool) uint64 {
	upto := l.end()
	if last {
		return upto
	}
	for r := range l.readings() {
		if r.holdsBack(l.holds) {
			upto = min(upto, r.place(r.clean(l.holds)), r.early.opened())
		}
	}
	return upto
}

// trim drops what no guard will read again.
func (l *lane) trim() {
	for r := range l.readings() {
		keep := len(r.buf)
		if r == &l.reading {
			keep = int(l.upto - l.base)
		}
		r.trim(keep)
	}
}
