package server

import (
	"context"
	"errors"
	"sync"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// maxQuestions bounds the open questions of one Decide stream. Beyond it the
// stream is not read, and HTTP/2 flow control holds the asker.
const maxQuestions = 256

// Decide answers many questions on one stream, each as soon as it is decided.
// A question that cannot be read ends the stream: its asker is broken. So does one
// that comes when what its peer proved holds no more, and a stop of the service,
// once what was asked before is answered.
func (s *service) Decide(stream decisionv1.DecisionService_DecideServer) error {
	q := &questions{service: s, stream: stream, slots: make(chan struct{}, maxQuestions)}
	ended := make(chan error, 1)
	s.reading.Go(func() { ended <- q.read() })
	select {
	case err := <-ended:
		q.close()
		return asStatus(err)
	case <-s.stopping:
		q.close()
		return errStopping
	}
}

// questions are those of one stream.
type questions struct {
	*service
	stream  decisionv1.DecisionService_DecideServer
	slots   chan struct{} // one for each open question
	sending sync.Mutex

	mu     sync.Mutex
	closed bool // no question is begun any more
	open   sync.WaitGroup
}

// read begins each question as it comes, until the stream ends.
func (q *questions) read() error {
	for {
		m, err := q.stream.Recv()
		if hasLeft(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if !stands(q.stream.Context()) {
			return errUnproven
		}
		r, err := wire.Request(m.GetRequest())
		if err != nil {
			return err
		}
		q.slots <- struct{}{}
		if !q.begin() {
			return nil
		}
		go func() {
			defer q.open.Done()
			defer func() { <-q.slots }()
			q.answer(m, r)
		}()
	}
}

// begin reports whether one more question may be worked on.
func (q *questions) begin() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.open.Add(1)
	}
	return !q.closed
}

// close waits for the questions that were begun.
func (q *questions) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.open.Wait()
}

// answer sends the answer to one question. Where it cannot be sent the stream
// has ended, which its reader hears of.
func (q *questions) answer(m *decisionv1.DecideRequest, r *decision.Request) {
	ctx, cancel := inTime(q.stream.Context(), m.GetRequest())
	defer cancel()
	answer := &decisionv1.DecideResponse{Id: m.GetId(), Verdict: q.decide(ctx, r)}
	q.sending.Lock()
	defer q.sending.Unlock()
	_ = q.stream.Send(answer)
}

// decide answers one of many questions. The stream has no room for an error of
// one of them, so that the asker hears of it as a denial.
func (s *service) decide(ctx context.Context, r *decision.Request) *decisionv1.Verdict {
	v, err := s.checked(ctx, r)
	if err == nil {
		return ungranted(v)
	}
	reason := decision.Reason{Code: decision.CodeInternal, Message: incomplete}
	var refusal *decision.Error
	if errors.As(err, &refusal) {
		reason = refusal.Reason()
	}
	return wire.VerdictProto(&decision.Verdict{ID: r.ExchangeID, Reason: reason})
}

// checked runs beside the stream's own goroutine, where nobody else would
// catch a fault.
func (s *service) checked(ctx context.Context, r *decision.Request) (v *decision.Verdict, err error) {
	defer fault(ctx, s.log, decisionv1.DecisionService_Decide_FullMethodName, &err)
	return s.check(ctx, r)
}
