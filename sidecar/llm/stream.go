package llm

import (
	"context"
	"errors"
	"net/http"

	"outrider.dev/outrider/answer"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/openai"
)

// stream lets a streamed answer through.
type stream struct {
	*exchange
	resp  *http.Response
	begun bool // the header is written
	flush *http.ResponseController
}

// stream's error is a stream that broke off before its first content byte.
func (x *exchange) stream(resp *http.Response) error {
	s := &stream{exchange: x, resp: resp, flush: http.NewResponseController(x.w)}
	judged := x.answers().Stream(resp.Body)
	err := judged.Run(x.ctx, s.write)
	var refusal *decision.Error
	lost := errors.As(err, &refusal) && refusal.Code == decision.CodeUpstreamUnavailable
	if lost && x.ctx.Err() == nil && !s.begun && !judged.Told() {
		return err
	}
	x.result.Usage = judged.Usage()
	switch {
	case err == nil:
		s.start()
		x.result.End = decision.EndCompleted
	case lost && errors.Is(x.ctx.Err(), context.DeadlineExceeded): // whatever broke because of it
		s.end(decision.Refuse(decision.CodeUpstreamTimeout, "the call took longer than "+x.Deadline.String()))
	case lost && x.ctx.Err() != nil: // the agent went away
	case refusal != nil, errors.As(err, new(*answer.Denial)):
		s.end(err)
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

func (s *stream) write(out []byte) error {
	s.start()
	if _, err := s.w.Write(out); err != nil {
		return err
	}
	return s.flush.Flush()
}

// end ends the stream in the dialect's own way.
func (s *stream) end(err error) {
	_ = s.write(openai.ErrorEvent(s.reasonOf(err), s.ask.ExchangeID))
}
