package dialect

import (
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/sse"
)

// ChunkReader reads the data of one event of a stream.
type ChunkReader func(data []byte) (Chunk, error)

// Chunk is what a dialect reads of one event.
type Chunk struct {
	Pieces  []Piece
	Usage   *decision.Usage   // nil when the event tells no figures
	Ended   []string          // lanes that end with this event: each with every lane below it ("c0" with "c0.tool1")
	Splices []decision.Splice // what must go whatever the guards say
	Failed  bool              // the event reports an error of the provider
}

// Piece is the text that an event adds to a lane.
type Piece struct {
	Lane  string
	Start uint32 // raw offsets in the event's data, between the quotes
	End   uint32
}

const (
	// maxLanes bounds the lanes of one stream.
	maxLanes = 256
	// eventCost is what a held event weighs besides its bytes.
	eventCost = 256
	// maxSpare is how many events leave their memory to later ones, and maxSpace
	// the most of each, in bytes.
	maxSpare = 64
	maxSpace = 4 << 10
)

// Reframer holds the events of one stream until the text in them is released.
// An event leaves whole, once every piece of it is released, and never before
// an earlier one. An event that nothing touches leaves as it came; of a touched
// one, the texts are spliced. It is not safe for concurrent use.
type Reframer struct {
	read   ChunkReader
	limit  int
	held   int // bytes that the queue weighs, at most limit
	queue  []heldEvent
	lanes  map[string]*lane
	order  []*lane // as they appeared
	deltas []decision.Delta
	usage  *decision.Usage
	failed bool
}

// lane is the text of one lane so far, as offsets from its start.
// Invariant: gone ≤ released ≤ added, in what Next has let out.
type lane struct {
	name     string
	added    uint64
	released uint64
	ended    bool
	replace  []decision.Replacement // ordered; those that held events still need
}

type heldEvent struct {
	event   sse.Event
	space   []byte // of the event
	pieces  []heldPiece
	splices []decision.Splice
}

type heldPiece struct {
	lane     *lane
	piece    Piece
	from, to uint64 // in the lane
}

// NewReframer returns a Reframer that holds at most maxHeld bytes.
func NewReframer(read ChunkReader, maxHeld int) *Reframer {
	return &Reframer{read: read, limit: maxHeld, lanes: make(map[string]*lane)}
}

// Add takes the next event and returns the text in it that must be judged. The
// event is copied; the slice is good until the next call. After an error the
// stream cannot go on.
func (r *Reframer) Add(ev sse.Event) ([]decision.Delta, error) {
	cost := eventCost + len(ev.Raw)
	if r.held+cost > r.limit {
		return nil, decision.Refuse(decision.CodeOverloaded, "the stream holds more text than may wait for its release")
	}
	r.deltas = r.deltas[:0]
	held := r.next()
	held.event, held.space = ev.CopyTo(held.space)
	if len(ev.Data) > 0 {
		chunk, err := r.read(held.event.Data)
		if err == nil {
			err = r.addChunk(held, chunk)
		}
		if err != nil {
			r.queue = r.queue[:len(r.queue)-1]
			return nil, err
		}
	}
	r.held += cost
	return r.deltas, nil
}

// next makes a place at the end of the queue. It uses the memory of an event
// that has left.
func (r *Reframer) next() *heldEvent {
	if n := len(r.queue); n < cap(r.queue) {
		r.queue = r.queue[:n+1]
	} else {
		r.queue = append(r.queue, heldEvent{})
	}
	held := &r.queue[len(r.queue)-1]
	*held = heldEvent{space: held.space, pieces: held.pieces[:0]}
	return held
}

func (r *Reframer) addChunk(held *heldEvent, chunk Chunk) error {
	held.splices = chunk.Splices
	r.failed = r.failed || chunk.Failed
	if chunk.Usage != nil {
		r.usage = chunk.Usage
	}
	for _, p := range chunk.Pieces {
		if err := r.addPiece(held, p); err != nil {
			return err
		}
	}
	for _, name := range chunk.Ended {
		for _, l := range r.order {
			if l.name == name || strings.HasPrefix(l.name, name) && l.name[len(name)] == '.' {
				r.end(l)
			}
		}
	}
	return nil
}

func (r *Reframer) addPiece(held *heldEvent, p Piece) error {
	text := Text(held.event.Data, decision.Segment{Start: p.Start, End: p.End})
	if len(text) == 0 {
		return nil
	}
	l, err := r.lane(p.Lane)
	if err != nil {
		return err
	}
	if l.ended {
		return decision.Refuse(decision.CodeUpstreamInvalid, "the stream goes on with text that it had ended")
	}
	from := l.added
	l.added += uint64(len(text))
	held.pieces = append(held.pieces, heldPiece{l, p, from, l.added})
	r.deltas = append(r.deltas, decision.Delta{Lane: l.name, Text: string(text)})
	return nil
}

func (r *Reframer) lane(name string) (*lane, error) {
	if l := r.lanes[name]; l != nil {
		return l, nil
	}
	if len(r.order) == maxLanes {
		return nil, decision.Refuse(decision.CodeOverloaded, "the stream has too many lanes")
	}
	l := &lane{name: strings.Clone(name)}
	r.lanes[l.name] = l
	r.order = append(r.order, l)
	return l, nil
}

// end says Last on the lane: with its delta of this call when there is one.
func (r *Reframer) end(l *lane) {
	if l.ended {
		return
	}
	l.ended = true
	for i := len(r.deltas) - 1; i >= 0; i-- {
		if r.deltas[i].Lane == l.name {
			r.deltas[i].Last = true
			return
		}
	}
	r.deltas = append(r.deltas, decision.Delta{Lane: l.name, Last: true})
}

// End ends every lane that is still open: the stream is over.
func (r *Reframer) End() []decision.Delta {
	r.deltas = r.deltas[:0]
	for _, l := range r.order {
		r.end(l)
	}
	return r.deltas
}

// Usage returns the last figures that the stream told, nil when it told none.
func (r *Reframer) Usage() *decision.Usage { return r.usage }

// Failed reports whether the stream held an error of the provider.
func (r *Reframer) Failed() bool { return r.failed }

// Held reports how many events wait.
func (r *Reframer) Held() int { return len(r.queue) }

// Release takes what a ruling lets go. Offsets must not go back nor beyond what
// was added, replacements must be ordered and lie in what this release lets go:
// anything else is an error, and the stream must end.
func (r *Reframer) Release(rel []decision.Release) error {
	for _, one := range rel {
		l := r.lanes[one.Lane]
		if l == nil {
			return refuseRelease("a lane that the stream does not have")
		}
		if one.Upto < l.released || one.Upto > l.added {
			return refuseRelease("an offset that goes back or beyond the text")
		}
		at := l.released
		for _, p := range one.Replace {
			if p.Start < at || p.End <= p.Start || p.End > one.Upto {
				return refuseRelease("replacements that are not ordered within it")
			}
			at = p.End
		}
		l.replace = append(l.replace, one.Replace...)
		l.released = one.Upto
	}
	return nil
}

func refuseRelease(what string) error {
	return decision.Refuse(decision.CodeInternal, "a ruling releases "+what)
}

// Next appends every event that may go now, in order.
func (r *Reframer) Next(dst []byte) ([]byte, error) {
	gone, size := 0, 0
	for ; gone < len(r.queue) && r.queue[gone].released(); gone++ {
		size += len(r.queue[gone].event.Raw)
	}
	dst = slices.Grow(dst, size)
	for i := range gone {
		var err error
		if dst, err = r.queue[i].append(dst); err != nil {
			return dst, err
		}
		r.held -= eventCost + len(r.queue[i].event.Raw)
	}
	r.forget(gone)
	return dst, nil
}

// forget takes the first events out of the queue. Those that stay change places
// with them, so that each keeps a memory of its own.
func (r *Reframer) forget(gone int) {
	rest := len(r.queue) - gone
	for i := range rest {
		r.queue[i], r.queue[gone+i] = r.queue[gone+i], r.queue[i]
	}
	for i := rest; i < len(r.queue); i++ {
		if left := &r.queue[i]; i >= maxSpare || cap(left.space) > maxSpace {
			*left = heldEvent{}
		}
	}
	r.queue = r.queue[:rest]
}

func (h *heldEvent) released() bool {
	for _, p := range h.pieces {
		if p.lane.released < p.to {
			return false
		}
	}
	return true
}

// append writes the event as it leaves.
func (h *heldEvent) append(dst []byte) ([]byte, error) {
	splices := h.splices
	for i := range h.pieces {
		s, touched, err := h.pieces[i].splice(h.event.Data)
		if err != nil {
			return dst, err
		}
		if touched {
			splices = insertSplice(splices, s)
		}
	}
	if len(splices) == 0 {
		return append(dst, h.event.Raw...), nil
	}
	if err := Check(h.event.Data, splices); err != nil {
		return dst, err
	}
	return sse.AppendWithData(dst, h.event, Apply(nil, h.event.Data, splices)), nil
}

// insertSplice returns the list with s at its place. The list that it got stays
// as it is.
func insertSplice(list []decision.Splice, s decision.Splice) []decision.Splice {
	out := make([]decision.Splice, 0, len(list)+1)
	for len(list) > 0 && list[0].Start < s.Start {
		out = append(out, list[0])
		list = list[1:]
	}
	return append(append(out, s), list...)
}

// splice gives the piece its new text. Replacements that end within the piece
// are used up: events leave in order, so nothing before it is held any more.
func (p *heldPiece) splice(data []byte) (decision.Splice, bool, error) {
	l := p.lane
	n := 0
	for n < len(l.replace) && l.replace[n].Start < p.to {
		n++
	}
	if n == 0 {
		return decision.Splice{}, false, nil
	}
	text := Text(data, decision.Segment{Start: p.piece.Start, End: p.piece.End})
	with, err := escape(string(replaceText(text, p.from, l.replace[:n])))
	if err != nil {
		return decision.Splice{}, false, err
	}
	for n > 0 && l.replace[n-1].End > p.to {
		n-- // it goes on in a later event
	}
	l.replace = l.replace[n:]
	return decision.Splice{Start: p.piece.Start, End: p.piece.End, With: with}, true, nil
}

// replaceText returns the text of a piece that begins at base in its lane, with
// the replacements made. With stands where its replacement begins; a rune that
// is only partly replaced goes whole, since half a rune is no text.
func replaceText(text []byte, base uint64, replace []decision.Replacement) []byte {
	out := make([]byte, 0, len(text))
	at := uint32(0)
	for _, p := range replace {
		start := uint32(max(p.Start, base) - base)
		end := uint32(min(p.End, base+uint64(len(text))) - base)
		start = max(at, runeStart(text, start))
		out = append(out, text[at:start]...)
		if p.Start >= base {
			out = append(out, p.With...)
		}
		at = max(at, runeEnd(text, end))
	}
	return append(out, text[at:]...)
}
