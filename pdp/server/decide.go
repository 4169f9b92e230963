package server

import (
	"context"
	"errors"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

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
	for ctx.Err() == nil {
		m, err := stream.Recv()
		if err != nil {
			if waited := work.Wait(); waited != nil {
				return asStatus(waited)
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		work.Go(func() error { return s.answer(ctx, stream, &sending, m) })
	}
	return asStatus(work.Wait())
}

func (s *service) answer(ctx context.Context, stream decisionv1.DecisionService_DecideServer, sending *sync.Mutex, m *decisionv1.DecideRequest) error {
	v, err := s.check(ctx, m.GetRequest())
	if err != nil {
		return err
	}
	sending.Lock()
	defer sending.Unlock()
	return stream.Send(&decisionv1.DecideResponse{Id: m.GetId(), Verdict: v})
}
