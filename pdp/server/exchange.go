package server

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// streamAge is how long an Exchange stream takes new exchanges. Whoever asks has
// proven who they are when it was opened.
const streamAge = time.Minute

// errUnused ends a stream that was opened ahead and never asked anything.
var errUnused = status.Error(codes.Unavailable, "nothing was asked: open another stream")

// Exchange accompanies forwarded calls, one after the other. Whatever ends the
// stream, an exchange that is open is settled: without an outcome, as a
// disconnect. A stream that carries no exchange ends when it is too old and when
// the service stops: in peace, which tells its peer that nothing was asked, or,
// where that never asked anything, with an error. After a stop an open exchange
// has drainTime left.
func (s *service) Exchange(stream decisionv1.DecisionService_ExchangeServer) error {
	x := &exchanges{service: s, stream: stream}
	ended := make(chan error, 1)
	s.reading.Go(func() { ended <- x.run(stream.Context()) })
	age := time.NewTimer(streamAge)
	defer age.Stop()
	unused := errUnused
	select {
	case err := <-ended:
		return err
	case <-age.C:
	case <-s.stopping:
		unused = errStopping
	}
	switch x.finish() {
	case open:
		return s.drained(ended)
	case never:
		return unused
	default:
		return nil
	}
}

// drained waits for the end of the exchange that is open, after a stop for drainTime
// alone: its peer may have fallen silent.
func (s *service) drained(ended <-chan error) error {
	select {
	case err := <-ended:
		return err
	case <-s.stopping:
	}
	left := time.NewTimer(drainTime)
	defer left.Stop()
	select {
	case err := <-ended:
		return err
	case <-left.C:
		return errStopping
	}
}

// exchanges are those of one stream.
type exchanges struct {
	*service
	stream decisionv1.DecisionService_ExchangeServer

	mu   sync.Mutex
	at   progress
	last bool // no exchange is begun any more
}

// progress is how far a stream has come.
type progress uint8

const (
	never   progress = iota // nothing was asked on it
	open                    // an exchange is
	between                 // the last one is over
)

// run carries one exchange after the other, until the stream ends.
func (x *exchanges) run(ctx context.Context) (err error) {
	defer fault(ctx, x.log, decisionv1.DecisionService_Exchange_FullMethodName, &err)
	later := metadata.NewIncomingContext(ctx, nil) // it is about the first call
	for more := true; more; more = x.over() {
		m, err := x.stream.Recv()
		switch {
		case hasLeft(err):
			return nil
		case err != nil:
			return err
		case !x.begin(ctx):
			return nil
		}
		if err := x.traced(ctx, m); err != nil {
			return err
		}
		ctx = later
	}
	return nil
}

// hasLeft reports whether what Recv says is that the peer has nothing more to send.
// Of other errors it means nothing: their causes may look the same.
func hasLeft(err error) bool { return errors.Is(err, io.EOF) }

// begin reports whether the stream may carry one more exchange. The first one is
// proven once more too: its stream may have been opened long before.
func (x *exchanges) begin(ctx context.Context) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.last || !stands(ctx) {
		return false
	}
	x.at = open
	return true
}

// over ends an exchange and reports whether another one may follow.
func (x *exchanges) over() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.at = between
	return !x.last
}

// finish lets no further exchange begin, and returns how far the stream is.
func (x *exchanges) finish() progress {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.last = true
	return x.at
}

// traced carries one exchange to its end, in a span of its own, which tells of a fault too.
func (x *exchanges) traced(ctx context.Context, m *decisionv1.ExchangeRequest) (err error) {
	if x.trace != nil {
		var end func(error)
		ctx, end = x.trace(ctx, decisionv1.DecisionService_Exchange_FullMethodName, m.GetTraceparent(), m.GetTracestate())
		defer func() { end(err) }()
	}
	defer fault(ctx, x.log, decisionv1.DecisionService_Exchange_FullMethodName, &err)
	return x.carry(ctx, m.GetAsk())
}

// carry carries one exchange to its end.
func (x *exchanges) carry(ctx context.Context, ask *decisionv1.Request) error {
	r, err := wire.Request(ask)
	if err != nil {
		return asStatus(err)
	}
	opening, cancel := inTime(ctx, ask)
	v, ex, err := x.open(opening, r)
	cancel()
	if err != nil {
		return asStatus(err)
	}
	if ex != nil {
		defer func() {
			_ = ex.Settle(context.WithoutCancel(ctx), decision.Outcome{ExchangeID: v.ID, End: decision.EndDisconnected})
		}()
	}
	err = x.stream.Send(&decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Verdict{Verdict: wire.VerdictProto(v)}})
	if err != nil || ex == nil || !v.Allowed() { // after a denial the peer does not settle
		return err
	}
	return accompany(ctx, x.stream, ex)
}

// open asks the engine, unless the peer may not speak for the agent.
func (s *service) open(ctx context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	if reason := s.admitGrants(ctx, &r.Caller); reason != nil {
		return denied(r, reason), nil, nil
	}
	return s.engine.Open(ctx, r)
}

// accompany answers the messages of an open exchange until its outcome, or until
// the peer leaves without one.
func accompany(ctx context.Context, stream decisionv1.DecisionService_ExchangeServer, ex decision.Exchange) error {
	for {
		m, err := stream.Recv()
		if hasLeft(err) {
			return nil
		}
		if err != nil {
			return err
		}
		answer, done, err := reply(ctx, ex, m)
		if err != nil {
			return asStatus(err)
		}
		if err := stream.Send(answer); err != nil || done {
			return err
		}
	}
}

func reply(ctx context.Context, ex decision.Exchange, m *decisionv1.ExchangeRequest) (answer *decisionv1.ExchangeResponse, done bool, err error) {
	ctx, cancel := inTime(ctx, m)
	defer cancel()
	switch m := m.GetMessage().(type) {
	case *decisionv1.ExchangeRequest_Attempt:
		grant, err := ex.Attempt(ctx, decision.Attempt{FailedProvider: m.Attempt.GetFailedProvider(), Error: m.Attempt.GetError()})
		if err != nil {
			return nil, false, err
		}
		return &decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Grant{Grant: wire.GrantProto(grant)}}, false, nil
	case *decisionv1.ExchangeRequest_Outcome:
		err := ex.Settle(context.WithoutCancel(ctx), wire.Outcome(m.Outcome))
		return &decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Settled{Settled: &decisionv1.Settled{}}}, true, err
	case *decisionv1.ExchangeRequest_Ask:
		return nil, false, decision.Refuse(decision.CodeBodyInvalid, "ask: an exchange has one question; send its outcome before the question of another call, or open another stream")
	default:
		return rule(ctx, ex, m)
	}
}

// rule answers a part of an answer. A page of tools without a visibility was
// denied as a whole, which is a ruling.
func rule(ctx context.Context, ex decision.Exchange, m any) (*decisionv1.ExchangeResponse, bool, error) {
	part, err := partOf(m)
	if err != nil {
		return nil, false, err
	}
	ruling, err := ex.Judge(ctx, part)
	if err != nil {
		return nil, false, err
	}
	if part.Tools != nil && ruling.Visibility != nil {
		return &decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Visible{Visible: wire.VisibilityProto(ruling.Visibility)}}, false, nil
	}
	return &decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Ruling{Ruling: wire.RulingProto(ruling)}}, false, nil
}

func partOf(m any) (decision.Part, error) {
	switch m := m.(type) {
	case *decisionv1.ExchangeRequest_Whole:
		body, err := wire.Body(m.Whole)
		return decision.Part{Whole: body}, err
	case *decisionv1.ExchangeRequest_Deltas:
		deltas, err := wire.Deltas(m.Deltas)
		return decision.Part{Deltas: deltas}, err
	case *decisionv1.ExchangeRequest_Tools:
		tools, err := wire.Tools(m.Tools)
		return decision.Part{Tools: tools}, err
	default:
		return decision.Part{}, decision.Refuse(decision.CodeBodyInvalid, "an exchange message of an unknown kind")
	}
}
