package llm

import (
	"context"
	"errors"
	"io"
	"net/http"

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

// stream lets a streamed answer through, event by event, as its text is
// released. While a ruling is out, events gather in the connection; the next
// question carries all of them.
type stream struct {
	*exchange
	resp   *http.Response
	asked  bool // somebody was asked about the answer
	begun  bool // the header is written
	done   bool // the provider said that nothing follows
	events *sse.Reader
	held   *dialect.Reframer
	flush  *http.ResponseController
	out    []byte
	deltas []decision.Delta // what gather returned last
	text   uint64           // bytes of decoded text, for an estimate of tokens
}

// stream's error is a stream that broke off before its first content byte.
func (x *exchange) stream(resp *http.Response) error {
	s := &stream{
		exchange: x,
		resp:     resp,
		events:   sse.NewReader(resp.Body, maxEvent),
		flush:    http.NewResponseController(x.w),
	}
	s.held = dialect.NewReframer(s.read, maxHeld)
	err := s.run()
	var refusal *decision.Error
	refused := errors.As(err, &refusal)
	if refused && refusal.Code == decision.CodeUpstreamUnavailable && !s.begun && s.text == 0 {
		return err
	}
	s.account()
	switch {
	case err == nil:
		s.start()
		x.result.End = decision.EndCompleted
	case refused:
		s.end(refusal.Reason())
	}
	return nil
}

// start writes the header before the first byte that may pass.
func (s *stream) start() {
	if s.begun {
		return
	}
	s.begun = true
	s.w.Header().Set("X-Accel-Buffering", "no")
	s.begin(s.resp)
}

// read reads one chunk.
func (s *stream) read(data []byte) (dialect.Chunk, error) {
	chunk, err := openai.ReadChunk(data)
	s.done = s.done || string(data) == "[DONE]"
	if !s.duty.JudgeResponse {
		chunk.Splices = nil // nothing is dropped where nobody judges
	}
	return chunk, err
}

// run reads to the end of the stream. A *decision.Error ends it for a reason
// that the agent is told; any other error is a lost connection.
func (s *stream) run() error {
	for {
		deltas, end, err := s.gather()
		if err != nil {
			return err
		}
		if err := s.release(deltas); err != nil {
			return err
		}
		if s.out, err = s.held.Next(s.out[:0]); err != nil {
			return err
		}
		if err := s.write(); err != nil {
			return err
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
func (s *stream) gather() (deltas []decision.Delta, end bool, err error) {
	defer func() { s.deltas = deltas[:0] }()
	deltas = s.deltas
	for {
		ev, err := s.events.Next()
		switch {
		case errors.Is(err, io.EOF), err != nil && s.done: // whoever leaves after the last event misses nothing
			return append(deltas, s.held.End()...), true, nil
		case err != nil: // one that ends within an event, or whose connection broke off
			return nil, true, s.lost(err)
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

// lost tells a provider that broke off from an agent that went away.
func (s *stream) lost(err error) error {
	var refusal *decision.Error
	switch {
	case errors.Is(s.ctx.Err(), context.DeadlineExceeded):
		return decision.Refuse(decision.CodeUpstreamTimeout, "the call took longer than "+s.Deadline.String())
	case s.ctx.Err() != nil, errors.As(err, &refusal):
		return err
	}
	return &decision.Error{Code: decision.CodeUpstreamUnavailable, Message: "the provider's stream broke off", Err: err}
}

// release has the gathered text judged, or lets it go where nobody judges. The
// first question comes before the first event, even if that has no text: rules
// may refuse an answer whatever it says.
func (s *stream) release(deltas []decision.Delta) error {
	if len(deltas) == 0 && (s.asked || !s.duty.JudgeResponse) {
		return nil
	}
	s.asked = true
	for i := range deltas {
		s.text += uint64(len(deltas[i].Text))
	}
	if !s.duty.JudgeResponse {
		s.held.ReleaseAll()
		return nil
	}
	ruling := s.gate.Judge(s.ctx, decision.Part{Deltas: deltas})
	if ruling.Effect == decision.Deny {
		s.result.End = decision.EndDenied
		return &decision.Error{Code: ruling.Reason.Code, Message: ruling.Reason.Message}
	}
	return s.held.Release(ruling.Releases)
}

func (s *stream) write() error {
	if len(s.out) == 0 {
		return nil
	}
	s.start()
	if _, err := s.w.Write(s.out); err != nil {
		return err
	}
	return s.flush.Flush()
}

// end ends the stream in the dialect's own way.
func (s *stream) end(reason decision.Reason) {
	s.out = openai.ErrorEvent(reason, s.ask.ExchangeID)
	_ = s.write()
}

// account notes what the stream used. Without the provider's figures the text
// is counted at four bytes a token.
func (s *stream) account() {
	if usage := s.held.Usage(); usage != nil {
		s.result.Usage = *usage
		return
	}
	s.result.Usage = decision.Usage{
		Input:     uint64(len(s.ask.Body.Raw)) / 4,
		Output:    (s.text + 3) / 4,
		Estimated: true,
	}
}
