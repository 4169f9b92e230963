package guards

import (
	"math"
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
)

// piece is a part of a reading's text, and where its bytes, and what follows
// them, stand in the lane; nil: where the reading's own text goes on.
type piece struct {
	text string
	at   []uint32
}

// cut parts a piece before the k-th byte.
func (p piece) cut(k int) (before, rest piece) {
	if p.at == nil {
		return piece{text: p.text[:k]}, piece{text: p.text[k:]}
	}
	return piece{p.text[:k], p.at[:k+1]}, piece{p.text[k:], p.at[k:]}
}

// behind returns the piece with another one before it. That one has offsets.
func (p piece) behind(before piece, start uint64) piece {
	if p.at == nil {
		p.at = sequence(nil, start, len(p.text)+1)
	}
	if before.text == "" {
		return p
	}
	return piece{before.text + p.text, append(slices.Clone(before.at[:len(before.text)]), p.at...)}
}

// take reads what arrived. The first escape that hides something begins another
// reading, from the state that this one was in before the escape: both have read
// the same up to there. While it is not known whether an escape hides, that
// state waits, and holds the text back as if it did.
func (r *reading) take(l *lane, p piece, last bool, closed []decision.Finding) []decision.Finding {
	start := r.end()
	if r.next != nil {
		closed = r.judge(l, p, last, closed)
		return r.next.resolve(l, p.behind(piece{}, start), last, closed)
	}
	if r.depth == maxLayers || r.doubt.text == "" && strings.IndexByte(p.text, '\\') < 0 {
		return r.judge(l, p, last, closed)
	}
	whole := p.behind(r.doubt, start)
	i, found, doubt := hiding(whole.text, last)
	if k := i - len(r.doubt.text); (found || doubt) && k >= 0 {
		var plain piece
		plain, p = p.cut(k)
		closed = r.judge(l, plain, false, closed)
		r.early = r.fork()
	}
	closed = r.judge(l, p, last, closed)
	_, whole = whole.cut(i)
	r.doubt = piece{}
	switch {
	case found:
		r.next, r.early = r.early, nil
		r.next.join(l)
		return r.next.resolve(l, whole, last, closed)
	case doubt:
		r.doubt = whole
	default:
		r.early = nil
	}
	return closed
}

// resolve reads what arrived with one layer of escapes resolved.
func (r *reading) resolve(l *lane, p piece, last bool, closed []decision.Finding) []decision.Finding {
	p = p.behind(r.broken, 0)
	plain, at, left := unescape(nil, nil, p.text, p.at, last)
	_, r.broken = p.cut(len(p.text) - left)
	return r.take(l, piece{string(plain), append(at, r.broken.at[0])}, last, closed)
}

// fork returns a copy of the reading for the text with one more layer of
// escapes resolved.
func (r *reading) fork() *reading {
	at := slices.Clone(r.at)
	if at == nil {
		at = sequence(nil, r.base, len(r.buf)+1)
	}
	return &reading{
		set: r.set, seg: r.seg, using: r.using, base: r.base, buf: slices.Clone(r.buf), at: at,
		heads: slices.Clone(r.heads), marks: slices.Clone(r.marks), depth: r.depth + 1,
	}
}

// opened returns where the first finding begins that is open in a reading which
// may come to be: it may yet be longer than in the others.
func (r *reading) opened() uint64 {
	at := uint64(math.MaxUint64)
	if r == nil {
		return at
	}
	for n := range r.heads {
		if h := &r.heads[n]; h.mark.Open != 0 && h.holds {
			at = min(at, uint64(h.open.Start))
		}
	}
	return at
}

// join notes the findings that are open where a reading begins.
func (r *reading) join(l *lane) {
	for n := range r.heads {
		h := &r.heads[n]
		if h.mark.Open == 0 {
			continue
		}
		before := len(l.spans)
		l.note(h.open, n+r.depth*maxGuards, false, true, h.unsure)
		for k := before; k < len(l.spans); k++ {
			l.spans[k].begun = l.spans[k].start < l.upto
		}
	}
}
