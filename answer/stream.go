package answer

import (
	"context"
	"errors"
	"io"
	"strings"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/dialect/sse"
)

// Bounds of one stream, in bytes.
const (
	maxEvent = 1 << 20
	maxHeld  = 4 << 20
)

// Stream lets a streamed answer of an LLM call through, event by event, as its
// text is released. While a ruling is out, events gather in its source; the
// next question carries all of them.
type Stream struct {
	*LLM
	events *sse.Reader
	chunks openai.Chunks
	held   *dialect.Reframer
	asked  bool // somebody was asked about the answer
	done   bool // the provider said that nothing follows
	out    []byte
	deltas []decision.Delta // what gather returned last
	text   uint64           // bytes of decoded text, for an estimate of tokens
}

// Stream returns the stream that src brings.
func (l *LLM) Stream(src io.Reader) *Stream {
	s := &Stream{LLM: l, events: sse.NewReader(src, maxEvent)}
	s.held = dialect.NewReframer(s.read, maxHeld)
	return s
}

// read reads one chunk.
func (s *Stream) read(data []byte) (dialect.Chunk, error) {
	chunk, err := s.chunks.Read(data)
	s.done = s.done || string(data) == "[DONE]"
	if !s.Judged {
		chunk.Splices = nil // nothing is dropped where nobody judges
	}
	return chunk, err
}

// Run reads to the end of the stream and calls write with what may go, which
// is good until write returns. The error is a [Denial], a *decision.Error, or
// the one of write. A source that broke off has
// [decision.CodeUpstreamUnavailable], unless its own error is a refusal.
func (s *Stream) Run(ctx context.Context, write func([]byte) error) error {
	for {
		deltas, end, err := s.gather()
		if err != nil {
			return err
		}
		if err := s.release(ctx, deltas); err != nil {
			return err
		}
		if s.out, err = s.held.Next(s.out[:0]); err != nil {
			return err
		}
		if len(s.out) > 0 {
			if err := write(s.out); err != nil {
				return err
			}
		}
		switch {
		case end && s.held.Held() > 0:
			return decision.Refuse(decision.CodeInternal, "the stream has ended, and not all of its text was released")
		case end:
			return nil
		}
	}
}

// gather waits for one event and takes all further ones that have arrived.
// The deltas are good until the next call.
func (s *Stream) gather() (deltas []decision.Delta, end bool, err error) {
	defer func() { s.deltas = deltas[:0] }()
	deltas = s.deltas
	for {
		ev, err := s.events.Next()
		switch {
		case errors.Is(err, io.EOF), err != nil && s.done: // whoever leaves after the last event misses nothing
			return append(deltas, s.held.End()...), true, nil
		case err != nil: // one that ends within an event, or whose source broke off
			return nil, true, cutShort("the provider's stream broke off", err)
		}
		more, err := s.held.Add(ev)
		if err != nil {
			return nil, true, err
		}
		deltas = append(deltas, more...)
		if !s.events.Buffered() {
			return deltas, false, nil
		}
	}
}

// cutShort names the loss of an answer under way; a refusal stays what it is.
func cutShort(what string, err error) error {
	if errors.As(err, new(*decision.Error)) {
		return err
	}
	return &decision.Error{Code: decision.CodeUpstreamUnavailable, Message: what, Err: err}
}

// release has the gathered text judged, or lets it go where nobody judges. The
// first question comes before the first event, even if that has no text: rules
// may refuse an answer whatever it says.
func (s *Stream) release(ctx context.Context, deltas []decision.Delta) error {
	if len(deltas) == 0 && (s.asked || !s.Judged) {
		return nil
	}
	s.asked = true
	deltas = joined(deltas)
	for i := range deltas {
		s.text += uint64(len(deltas[i].Text))
	}
	if !s.Judged {
		s.held.ReleaseAll()
		return nil
	}
	ruling := s.Asker.Judge(ctx, decision.Part{Deltas: deltas})
	if ruling.Effect == decision.Deny {
		return &Denial{ruling.Reason}
	}
	return s.held.Release(ruling.Releases)
}

// joined makes one delta of those that follow one another in a lane: what is
// judged is the lane's text, however it came.
func joined(deltas []decision.Delta) []decision.Delta {
	out := deltas[:0]
	for len(deltas) > 0 {
		one, n, size := deltas[0], 1, len(deltas[0].Text)
		for ; n < len(deltas) && deltas[n].Lane == one.Lane && !deltas[n-1].Last; n++ {
			size += len(deltas[n].Text)
		}
		if n > 1 {
			var text strings.Builder
			text.Grow(size)
			for _, d := range deltas[:n] {
				text.WriteString(d.Text)
			}
			one.Text, one.Last = text.String(), deltas[n-1].Last
		}
		out, deltas = append(out, one), deltas[n:]
	}
	return out
}

// Told reports whether the stream brought text.
func (s *Stream) Told() bool { return s.text > 0 }

// Usage returns what the stream used so far. Without the provider's figures the
// text is counted at four bytes a token.
func (s *Stream) Usage() decision.Usage {
	if usage := s.held.Usage(); usage != nil {
		return *usage
	}
	return decision.Usage{Input: s.Sent / 4, Output: (s.text + 3) / 4, Estimated: true}
}
