package pool

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
)

const (
	// maxUnjudged bounds the calls that wait to be recorded.
	maxUnjudged = 1024
	// reportPause is how long the next attempt waits where nobody could be told, and
	// reportTime how long the end of Run waits for those that are left.
	reportPause = time.Second
	reportTime  = time.Second
)

// errNoRecord is said of a service of a version that does not know of such calls.
var errNoRecord = errors.New("the decision service keeps no record of such calls")

// Report has a call recorded that passed without a verdict, by whichever service
// answers first. It does not wait for that.
func (p *Pool) Report(o decision.Outcome) {
	select {
	case p.unjudged <- o:
	default:
		p.unrecorded(&o, errors.New("too many calls wait for a decision service"))
	}
}

// report tells services of such calls, until the context has ended and nobody can
// be told any more.
func (p *Pool) report(until context.Context) {
	ctx, end := context.WithCancel(context.WithoutCancel(until))
	defer end()
	stop := context.AfterFunc(until, func() {
		if pause(ctx, reportTime) {
			end()
		}
	})
	defer stop()
	for {
		select {
		case o := <-p.unjudged:
			p.tell(ctx, until, o)
			continue
		default:
		}
		select {
		case o := <-p.unjudged:
			p.tell(ctx, until, o)
		case <-until.Done():
			return
		}
	}
}

// tell tells a service of one call, again and again while all are away or full: the
// others wait behind it.
func (p *Pool) tell(ctx, until context.Context, o decision.Outcome) {
	for {
		again, err := p.settle(ctx, o)
		switch {
		case err == nil:
			p.cfg.Count(Settled)
			return
		case again && ctx.Err() == nil && pause(until, reportPause):
		default:
			p.unrecorded(&o, err)
			return
		}
	}
}

// settle tells one service after the other until one answers. Again reports whether
// the error may be another one, or none, later.
func (p *Pool) settle(ctx context.Context, o decision.Outcome) (again bool, err error) {
	if err := p.Ready(ctx); err != nil {
		return true, err
	}
	var refusal error // which is an answer
	_, err = p.ask(ctx, func(ctx context.Context, s *service) error {
		late, err := s.client.Settle(ctx, o)
		switch {
		case refused(err):
			refusal, err = err, nil
		case err == nil && late:
			refusal = errNoRecord
		}
		return err
	})
	if err != nil {
		return busy(err) || lost(err) || errors.Is(err, decision.ErrAway) || errors.Is(err, errNobody), err
	}
	return false, refusal
}

// refused reports whether a service that is well refuses a report, as others would. Of
// questions it is not said: services refuse those by a verdict, so that such a status
// comes from one that is not set up, or from something in between.
func refused(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unimplemented:
		return true
	default:
		return false
	}
}

func (p *Pool) unrecorded(o *decision.Outcome, why error) {
	p.cfg.Count(Unsettled)
	p.cfg.Log.Warn("a call that passed without a decision is not recorded",
		slog.String("decision", o.ExchangeID), slog.String("error", why.Error()))
}
