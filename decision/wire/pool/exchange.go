package pool

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"outrider.dev/outrider/decision"
)

const (
	// maxOwed bounds the outcomes that wait for one service to come back.
	maxOwed = 1024
	// maxOwing bounds how long they do.
	maxOwing = time.Minute
	// settleTime bounds the report of an outcome, and settlePatience how long
	// the call waits for it.
	settleTime     = 5 * time.Second
	settlePatience = 50 * time.Millisecond
)

// exchange is one that stays at its service. One caller at a time, but for
// Settle, which may meet a call that was given up.
type exchange struct {
	service *service
	inner   decision.Exchange

	mu      sync.Mutex
	lost    bool // a question failed, and the stream with it
	settled bool
}

func newExchange(s *service, inner decision.Exchange) *exchange {
	s.hold()
	return &exchange{service: s, inner: inner}
}

// ask asks the exchange's own service: no other one knows of it.
func (x *exchange) ask(ctx context.Context, question func(context.Context) error) error {
	err := x.service.ask(ctx, question)
	if err != nil {
		x.mu.Lock()
		x.lost = true
		x.mu.Unlock()
	}
	return err
}

// Attempt implements decision.Exchange.
func (x *exchange) Attempt(ctx context.Context, a decision.Attempt) (g *decision.Grant, err error) {
	err = x.ask(ctx, func(ctx context.Context) (err error) {
		g, err = x.inner.Attempt(ctx, a)
		return err
	})
	return g, err
}

// Judge implements decision.Exchange.
func (x *exchange) Judge(ctx context.Context, p decision.Part) (r *decision.Ruling, err error) {
	err = x.ask(ctx, func(ctx context.Context) (err error) {
		r, err = x.inner.Judge(ctx, p)
		return err
	})
	return r, err
}

// later is an exchange whose outcome can go with the next question to its service.
type later interface {
	SettleLater(o decision.Outcome, done func(error)) bool
}

// settleLater reports whether the outcome is on its way without anybody waiting.
func (x *exchange) settleLater(o decision.Outcome) bool {
	inner, ok := x.inner.(later)
	if !ok {
		return false
	}
	settling := &x.service.pool.settling
	settling.Add(1)
	taken := inner.SettleLater(o, func(err error) {
		defer settling.Done()
		defer x.service.release()
		if err != nil {
			x.service.owe(o)
		}
	})
	if !taken {
		settling.Done()
	}
	return taken
}

// Settle implements decision.Exchange. It waits for a moment only: an agent does
// not care whether its outcome has been heard, and a service that hangs must not
// hold its connection. The outcome of an exchange whose stream was lost is
// reported by its handle once the service is back.
func (x *exchange) Settle(ctx context.Context, o decision.Outcome) error {
	x.mu.Lock()
	lost, again := x.lost, x.settled
	x.settled = true
	x.mu.Unlock()
	if again || !lost && x.settleLater(o) {
		return nil
	}
	heard := make(chan struct{})
	x.service.pool.settling.Go(func() {
		defer close(heard)
		defer x.service.release()
		report, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
		defer cancel()
		err := x.service.ask(report, func(ctx context.Context) error { return x.inner.Settle(ctx, o) })
		if lost || err != nil {
			x.service.owe(o)
		}
	})
	patience := time.NewTimer(x.service.patience())
	defer patience.Stop()
	select {
	case <-heard:
	case <-patience.C:
	}
	return nil
}

// patience is how long an outcome is waited for: with too many on their way, to
// the end.
func (s *service) patience() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asking > maxOwed {
		return settleTime
	}
	return settlePatience
}

// owe keeps an outcome for repay.
func (s *service) owe(o decision.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		s.unsettled(&o, gone)
		return
	}
	select {
	case s.owed <- o:
	default:
		s.unsettled(&o, "too many outcomes wait for the service")
	}
}

const gone = "the service is no longer asked"

// repay reports the outcomes of lost exchanges to the service that knows of
// them, as soon as it can be reached.
func (s *service) repay(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			s.forgive()
			return
		case o := <-s.owed:
			report, cancel := context.WithTimeout(ctx, maxOwing)
			late, err := s.client.Settle(report, o)
			cancel()
			switch {
			case err != nil:
				s.unsettled(&o, err.Error())
			case late:
				s.pool.cfg.Count(Late)
			default:
				s.pool.cfg.Count(Settled)
			}
		}
	}
}

// forgive tells of what nobody will report any more.
func (s *service) forgive() {
	for {
		select {
		case o := <-s.owed:
			s.unsettled(&o, gone)
		default:
			return
		}
	}
}

func (s *service) unsettled(o *decision.Outcome, why string) {
	s.pool.cfg.Count(Unsettled)
	s.pool.cfg.Log.Warn("an outcome is lost: its service counts the call as cut off, or not at all",
		slog.String("service", s.address.Name), slog.String("decision", o.ExchangeID), slog.String("error", why))
}
