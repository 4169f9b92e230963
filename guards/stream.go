package guards

import (
	"fmt"
	"math"

	"outrider.dev/outrider/decision"
)

// maxLanes bounds the lanes of one answer.
const maxLanes = 64

// Stream guards the lanes of one streamed answer. One caller at a time.
type Stream struct {
	set     *Set
	vault   *Vault
	of      func(lane string) decision.Segment
	lanes   map[string]*lane
	stopped *decision.Reason
	hold    bool // for guards that only observe, too
}

// NewStream returns the guards of one answer, with all lanes at their start.
// Placeholders of the vault, which may be nil, are restored behind the guards.
// What the text of a lane is, of tells; nil: nobody knows.
func (s *Set) NewStream(v *Vault, of func(lane string) decision.Segment) *Stream {
	if of == nil {
		of = func(string) decision.Segment { return decision.Segment{} }
	}
	return &Stream{set: s, vault: v, of: of, lanes: map[string]*lane{}}
}

// Hold makes guards that only observe hold text back as others do, because
// rules judge what they find. It is called before the first text comes.
func (st *Stream) Hold(hold bool) { st.hold = hold }

// Proven returns findings whose end has not come yet. [Stream.Write] reports
// each once more, when it has.
func (st *Stream) Proven() []decision.Finding {
	var out []decision.Finding
	for _, l := range st.lanes {
		out = l.blocking(out)
	}
	return out
}

// Write judges what arrived on a lane and says up to where the lane may go
// out, with which replacements. Findings are offsets in the lane; each is
// reported once, when its end is known. A reason ends the whole answer: this
// and every later call release nothing more.
func (st *Stream) Write(d decision.Delta) (decision.Release, []decision.Finding, *decision.Reason) {
	l := st.lanes[d.Lane]
	release := decision.Release{Lane: d.Lane}
	if l != nil {
		release.Upto = l.upto
	}
	if st.stopped == nil && l == nil {
		if len(st.lanes) == maxLanes {
			return release, nil, st.stop(decision.CodeOverloaded, fmt.Sprintf("The answer has more than %d lanes", maxLanes))
		}
		l = newLane(st.set, st.vault, st.of(d.Lane))
		l.holdAll(st.hold)
		st.lanes[d.Lane] = l
	}
	if st.stopped != nil {
		return release, nil, st.stopped
	}
	if l.base+uint64(len(l.buf))+uint64(len(d.Text)) > math.MaxUint32 {
		return release, nil, st.stop(decision.CodeBodyTooLarge, "A lane of the answer is longer than 4 GiB")
	}
	findings := l.judge(d.Text, d.Last)
	if reason, blocked := Block(l.blocking(findings)); blocked {
		return release, findings, st.stop(reason.Code, reason.Message)
	}
	if l.held(d.Last) > maxHeld {
		return release, findings, st.stop(decision.CodeInternal, "A guard held back more than it may")
	}
	release.Upto, release.Replace = l.release(d.Last)
	l.trim()
	return release, findings, nil
}

// stop ends the answer.
func (st *Stream) stop(code decision.Code, message string) *decision.Reason {
	st.stopped = &decision.Reason{Code: code, Message: message}
	return st.stopped
}
