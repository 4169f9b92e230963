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

// tell tells a service of one call, again and again while none answers.
func (p *Pool) tell(ctx, until context.Context, o decision.Outcome) {
	for {
		err := p.Ready(ctx)
		if err == nil {
			err = p.settle(ctx, o)
		}
		switch {
		case err == nil:
			p.cfg.Count(Settled)
			return
		case ctx.Err() == nil && transient(err) && pause(until, reportPause):
		default:
			p.unrecorded(&o, err)
			return
		}
	}
}

func (p *Pool) settle(ctx context.Context, o decision.Outcome) error {
	late := false
	_, err := p.ask(ctx, func(ctx context.Context, s *service) (err error) {
		late, err = s.client.Settle(ctx, o)
		return err
	})
	if err == nil && late {
		return errNoRecord
	}
	return err
}

// transient reports whether the same may be answered otherwise later.
func transient(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented:
		return false
	default:
		return !errors.Is(err, errNoRecord)
	}
}

func (p *Pool) unrecorded(o *decision.Outcome, why error) {
	p.cfg.Count(Unsettled)
	p.cfg.Log.Warn("a call that passed without a decision is not recorded",
		slog.String("decision", o.ExchangeID), slog.String("error", why.Error()))
}
