package server

import (
	"context"
	"errors"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// maxQuestions bounds the open questions of one Decide stream. Beyond it the
// stream is not read, and HTTP/2 flow control holds the asker.
const maxQuestions = 256

// Decide answers many questions on one stream, each as soon as it is decided.
// A question that cannot be read ends the stream: its asker is broken.
func (s *service) Decide(stream decisionv1.DecisionService_DecideServer) error {
	work, ctx := errgroup.WithContext(stream.Context())
	work.SetLimit(maxQuestions)
	var sending sync.Mutex
	for {
		id, r, err := nextQuestion(stream)
		if err != nil {
			waited := work.Wait()
			if errors.Is(err, io.EOF) {
				err = waited
			}
			return asStatus(err)
		}
		work.Go(func() error {
			m := &decisionv1.DecideResponse{Id: id, Verdict: s.decide(ctx, r)}
			sending.Lock()
			defer sending.Unlock()
			return stream.Send(m)
		})
	}
}

func nextQuestion(stream decisionv1.DecisionService_DecideServer) (id uint64, r *decision.Request, err error) {
	m, err := stream.Recv()
	if err != nil {
		return 0, nil, err
	}
	r, err = wire.Request(m.GetRequest())
	return m.GetId(), r, err
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
	return s.engine.Check(ctx, r)
}
