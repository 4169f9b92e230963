package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// Open implements decision.Decider. The exchange outlives ctx: it ends with
// Settle, or when one of its own calls fails.
func (c *Client) Open(ctx context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	question := RequestProto(r)
	question.Timeout = timeout(ctx)
	m := &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Ask{Ask: question}}
	if c.Trace != nil {
		m.Traceparent, m.Tracestate = c.Trace(ctx)
	}
	e, resp, err := c.ask(ctx, m)
	if err != nil {
		return nil, nil, err
	}
	v, err := Verdict(resp.GetVerdict(), len(r.Body.Raw))
	if err == nil && decision.ValidID(r.ExchangeID) && v.ID != r.ExchangeID {
		err = outOfTurn("verdict on this call") // streams carry many
	}
	switch {
	case err != nil:
		e.end()
		return nil, nil, err
	case !v.Allowed():
		e.release()
		return v, nil, nil
	default:
		return v, e, nil
	}
}

// timeout is how long an answer is waited for. The stream outlives that, so that
// gRPC does not tell it.
func timeout(ctx context.Context) *durationpb.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return nil
	}
	return durationpb.New(max(time.Until(deadline), time.Nanosecond))
}

// ask opens an exchange: on a stream whose last one is settled, where there is
// such, else on its own. A stream may have ended meanwhile; if it certainly ended
// before the question, that is asked again, once.
func (c *Client) ask(ctx context.Context, m *decisionv1.ExchangeRequest) (*exchange, *decisionv1.ExchangeResponse, error) {
	if err := ctx.Err(); err != nil { // an outcome that waits on a stream is left to go by itself
		return nil, nil, fmt.Errorf("ask the decision service: %w", err)
	}
	if s := c.idle.take(); s != nil {
		e := &exchange{client: c, stream: s}
		resp, err := e.roundTrip(ctx, m)
		if !errors.As(err, new(unasked)) {
			return e, resp, err
		}
	}
	s, err := c.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	e := &exchange{client: c, stream: s}
	resp, err := e.roundTrip(ctx, m)
	return e, resp, err
}

// exchange is one that a stream carries. One caller at a time; the mutex only
// keeps a Settle on the way out from meeting a call that was given up.
type exchange struct {
	client *Client
	mu     sync.Mutex
	stream *stream // nil: the exchange has ended
}

var (
	errClosed = errors.New("the exchange has ended")
	errUnread = errors.New("an answer came before its question")
)

// unasked is the error of a question that the service certainly has not heard:
// its stream ended before, or ended in peace in the place of an answer.
type unasked struct{ error }

// Unwrap returns why the stream ended.
func (u unasked) Unwrap() error { return u.error }

// roundTrip sends one message and waits for its answer. Any failure, and the
// end of ctx, ends the exchange: after a lost message its state is unknown. An
// outcome that goes ahead of the message is another call's, so that the end of ctx
// leaves it settleGrace to be acknowledged before the stream is cut.
func (e *exchange) roundTrip(ctx context.Context, m *decisionv1.ExchangeRequest) (*decisionv1.ExchangeResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stream == nil {
		return nil, errClosed
	}
	stop := context.AfterFunc(ctx, e.stream.cutter())
	resp, err := e.stream.ask(m)
	if !stop() {
		err = ctx.Err() // the stream is cut, whether or not the answer was quicker
	}
	if err != nil {
		e.stream.cancel()
		e.stream = nil
		return nil, fmt.Errorf("ask the decision service: %w", err)
	}
	return resp, nil
}

// ask sends one message and waits for its answer. An outcome that is owed goes
// ahead of it.
func (s *stream) ask(m *decisionv1.ExchangeRequest) (*decisionv1.ExchangeResponse, error) {
	owed := s.owed
	s.owed = nil
	if owed != nil {
		if err := s.Send(owed.message); err != nil {
			err = s.status(err)
			owed.end(err)
			return nil, err
		}
	}
	sent := s.Send(m)
	if owed != nil {
		err := s.settled()
		owed.end(err)
		if err != nil && sent != nil {
			err = unasked{err}
		}
		if err != nil {
			return nil, err
		}
	}
	if sent != nil {
		return nil, s.status(sent)
	}
	return s.receive()
}

// receive waits for one answer.
func (s *stream) receive() (*decisionv1.ExchangeResponse, error) {
	resp, err := s.Recv()
	if err == io.EOF { //nolint:errorlint // gRPC says so; a service that had heard the question would say more
		err = unasked{err}
	}
	return resp, err
}

// settled waits for the acknowledgement of an outcome.
func (s *stream) settled() error {
	resp, err := s.receive()
	if err == nil && resp.GetSettled() == nil {
		err = outOfTurn("acknowledgement")
	}
	return err
}

// status returns why a message could not be sent: a stream that has ended tells
// that to whoever receives.
func (s *stream) status(sent error) error {
	if !errors.Is(sent, io.EOF) {
		return sent
	}
	if _, err := s.Recv(); err != nil {
		return unasked{err}
	}
	return errUnread
}

// end ends the exchange with its stream.
func (e *exchange) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stream != nil {
		e.stream.cancel()
		e.stream = nil
	}
}

// release ends the exchange and leaves its stream to the next one. The service
// must have nothing more to say.
func (e *exchange) release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stream != nil {
		if !e.client.idle.put(e.stream) {
			e.stream.cancel()
		}
		e.stream = nil
	}
}

// Attempt implements decision.Exchange.
func (e *exchange) Attempt(ctx context.Context, a decision.Attempt) (*decision.Grant, error) {
	m := &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Attempt{
		Attempt: &decisionv1.Attempt{FailedProvider: a.FailedProvider, Error: a.Error},
	}, Timeout: timeout(ctx)}
	resp, err := e.roundTrip(ctx, m)
	if err != nil {
		return nil, err
	}
	if resp.GetGrant() == nil {
		return nil, outOfTurn("grant")
	}
	return Grant(resp.GetGrant()), nil
}

// Judge implements decision.Exchange. A page of tools is answered with their
// visibility, or with a ruling that denies all of them.
func (e *exchange) Judge(ctx context.Context, p decision.Part) (*decision.Ruling, error) {
	m := partProto(&p)
	m.Timeout = timeout(ctx)
	resp, err := e.roundTrip(ctx, m)
	if err != nil {
		return nil, err
	}
	if p.Tools != nil && resp.GetRuling() == nil {
		v, err := visibility(resp.GetVisible(), p.Tools)
		if err != nil {
			return nil, err
		}
		return &decision.Ruling{Effect: decision.Allow, Visibility: v}, nil
	}
	var body int
	if p.Whole != nil {
		body = len(p.Whole.Raw)
	}
	r, err := ruling(resp.GetRuling(), body)
	if err == nil && p.Tools != nil {
		r.Effect = decision.Deny // nothing was said of any tool
	}
	return r, err
}

// SettleLater is Settle for those who do not wait: the outcome goes ahead of the
// next question on the same stream, or by itself after a moment, and done is called
// once, with what became of it. It reports false where that is not possible, and
// nothing has happened.
func (e *exchange) SettleLater(o decision.Outcome, done func(error)) bool {
	if !e.mu.TryLock() { // a call that was given up is on its way out
		return false
	}
	defer e.mu.Unlock()
	if e.stream == nil {
		return false
	}
	e.stream.owed = &debt{message: outcomeMessage(&o), done: done, over: make(chan struct{})}
	if !e.client.idle.put(e.stream) {
		e.stream.owed = nil
		return false
	}
	e.stream = nil
	return true
}

// Settle implements decision.Exchange. A second call does nothing.
func (e *exchange) Settle(ctx context.Context, o decision.Outcome) error {
	resp, err := e.roundTrip(ctx, outcomeMessage(&o))
	switch {
	case errors.Is(err, errClosed):
		return nil
	case err != nil:
		return err
	case resp.GetSettled() == nil:
		e.end()
		return nil
	default:
		e.release()
		return nil
	}
}

func outcomeMessage(o *decision.Outcome) *decisionv1.ExchangeRequest {
	return &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Outcome{Outcome: outcomeProto(o)}}
}
