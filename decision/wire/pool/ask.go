package pool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
)

const (
	// maxAttempts bounds how many services one question may go to.
	maxAttempts = 3
	// unhurried bounds an attempt of a question that has no deadline.
	unhurried = 5 * time.Second
)

var errNobody = errors.New("no decision service is known yet")

// overloaded is a refusal for want of room, which another service may not make.
type overloaded struct{ verdict *decision.Verdict }

func (o *overloaded) Error() string { return "the decision service is overloaded" }

// Check implements decision.Decider.
func (p *Pool) Check(ctx context.Context, r *decision.Request) (v *decision.Verdict, err error) {
	_, err = p.ask(ctx, func(ctx context.Context, s *service) (err error) {
		if v, err = s.client.Check(ctx, r); err == nil {
			err = roomless(v)
		}
		return err
	})
	return v, refusal(err)
}

// FilterTools implements decision.Decider.
func (p *Pool) FilterTools(ctx context.Context, r *decision.Request, tools []decision.Tool) (v *decision.Visibility, err error) {
	_, err = p.ask(ctx, func(ctx context.Context, s *service) (err error) {
		v, err = s.client.FilterTools(ctx, r, tools)
		return err
	})
	return v, err
}

// Open implements decision.Decider. An attempt that is given up is cancelled,
// so that its service settles what it may have opened.
func (p *Pool) Open(ctx context.Context, r *decision.Request) (v *decision.Verdict, _ decision.Exchange, err error) {
	var inner decision.Exchange
	s, err := p.ask(ctx, func(ctx context.Context, s *service) (err error) {
		if v, inner, err = s.client.Open(ctx, r); err == nil {
			err = roomless(v)
		}
		return err
	})
	if err != nil || inner == nil {
		return v, nil, refusal(err)
	}
	return v, newExchange(s, inner), nil
}

// roomless returns a refusal for want of room as an error.
func roomless(v *decision.Verdict) error {
	if !v.Allowed() && v.Reason.Code == decision.CodeOverloaded {
		return &overloaded{v}
	}
	return nil
}

// refusal lets the last refusal for want of room stand: it is a verdict.
func refusal(err error) error {
	if errors.As(err, new(*overloaded)) {
		return nil
	}
	return err
}

// ask puts a question to one service after the other until one answers it, and
// returns which. The error is a decision.ErrAway where none answers anything.
func (p *Pool) ask(ctx context.Context, question func(context.Context, *service) error) (*service, error) {
	if len(p.list()) == 0 {
		p.named(ctx)
	}
	before := p.answers.Load()
	var tried []*service
	err := errNobody
	for len(tried) < maxAttempts && ctx.Err() == nil {
		s, others := p.pick(tried)
		if s == nil {
			break
		}
		if tried = append(tried, s); len(tried) > 1 {
			p.cfg.Count(Retried)
		}
		if err = s.attempt(ctx, min(others, maxAttempts-len(tried)), question); err == nil {
			return s, nil
		}
		if status.Code(err) == codes.InvalidArgument { // which others would say as well
			return nil, err
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) || busy(err) || p.answers.Load() != before || p.someoneAnswers(ctx) {
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w", decision.ErrAway, err)
}

// named waits until some service is known: names may not be looked up yet.
func (p *Pool) named(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, unhurried)
	defer cancel()
	for ctx.Err() == nil {
		p.mu.Lock()
		known, changed := len(p.services) > 0, p.changed
		p.mu.Unlock()
		if known {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// attempt asks the service for its share of the time: as long as each of
// those has that could be asked after it.
func (s *service) attempt(ctx context.Context, others int, question func(context.Context, *service) error) error {
	share := unhurried
	if end, ok := ctx.Deadline(); ok {
		share = time.Until(end) / time.Duration(others+1)
	}
	ctx, cancel := context.WithTimeout(ctx, share)
	defer cancel()
	return s.ask(ctx, func(ctx context.Context) error { return question(ctx, s) })
}

// someoneAnswers asks every connected service for its health: a question that
// nobody answered may have been one that takes too long.
func (p *Pool) someoneAnswers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTime)
	defer cancel()
	list := p.list()
	answers := make(chan bool, len(list))
	for _, s := range list {
		go func() { answers <- s.answers(ctx) }()
	}
	some := false
	for range list {
		if <-answers {
			some = true
			cancel() // the others need not
		}
	}
	return some
}
