package wire

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

const (
	// maxIdle bounds the streams that wait for their next exchange.
	maxIdle = 64
	// streamAge is how long a stream takes new exchanges: whoever asks has proven
	// who they are when it was opened. It is half of what services allow, so that
	// they hardly ever end one that is about to be used.
	streamAge = 30 * time.Second
	// settleDelay is how long an outcome waits for a question to go with, and
	// settleTime how long its acknowledgement is waited for. Whoever gives up the
	// question behind it waits for settleGrace at most: the service may hang.
	settleDelay = 5 * time.Millisecond
	settleTime  = 5 * time.Second
	settleGrace = 50 * time.Millisecond
)

// stream is one Exchange stream, which carries one exchange after the other.
type stream struct {
	decisionv1.DecisionService_ExchangeClient
	cancel context.CancelFunc
	opened time.Time
	owed   *debt // the outcome of the last exchange, if it was not sent yet
}

// debt is an outcome that nobody waits for.
type debt struct {
	message *decisionv1.ExchangeRequest
	done    func(error)   // called once
	over    chan struct{} // closed before that
}

// end tells what became of the outcome.
func (d *debt) end(err error) {
	close(d.over)
	d.done(err)
}

// await waits until that is known, or for so long.
func (d *debt) await(most time.Duration) {
	patience := time.NewTimer(most)
	defer patience.Stop()
	select {
	case <-d.over:
	case <-patience.C:
	}
}

// left is how long the stream may yet take exchanges.
func (s *stream) left() time.Duration { return streamAge - time.Since(s.opened) }

// cutter returns what cuts the stream in the middle of the exchange that begins on it.
func (s *stream) cutter() func() {
	owed := s.owed
	if owed == nil {
		return s.cancel
	}
	return func() {
		owed.await(settleGrace)
		s.cancel()
	}
}

// open opens a stream. That waits for a connection, at most until ctx ends.
func (c *Client) open(ctx context.Context) (*stream, error) {
	streamCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	opened, err := c.service.Exchange(streamCtx)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("open an exchange with the decision service: %w", err)
	}
	return &stream{DecisionService_ExchangeClient: opened, cancel: cancel, opened: time.Now()}, nil
}

// streams are those that carry no exchange at the time. The zero value is ready
// for use.
type streams struct {
	mu    sync.Mutex
	idle  []*stream // the one that was used last is the last
	clock *time.Timer
	dues  *time.Timer // set while an outcome waits
}

// take returns the stream that was used last, so that those that few calls need
// are left to age; nil: there is none. It may have ended.
func (s *streams) take() *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	for last := len(s.idle) - 1; last >= 0; last-- {
		one := s.idle[last]
		s.idle[last] = nil
		s.idle = s.idle[:last]
		if one.left() > 0 || one.owed != nil {
			return one
		}
		one.cancel()
	}
	return nil
}

// put keeps a stream whose last exchange is over until it is too old, and reports
// whether there is room for it.
func (s *streams) put(one *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := one.left()
	if len(s.idle) >= maxIdle || left <= 0 {
		return false
	}
	s.idle = append(s.idle, one)
	if s.clock == nil {
		s.clock = time.AfterFunc(left, s.expire)
	}
	if one.owed != nil && s.dues == nil {
		s.dues = time.AfterFunc(settleDelay, s.pay)
	}
	return true
}

// pay reports the outcomes that no question has come to go with.
func (s *streams) pay() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dues = nil
	s.idle = slices.DeleteFunc(s.idle, func(one *stream) bool {
		if one.owed == nil {
			return false
		}
		go s.payOne(one) // whoever owes it waits for done
		return true
	})
}

func (s *streams) payOne(one *stream) {
	owed := one.owed
	one.owed = nil
	late := time.AfterFunc(settleTime, one.cancel)
	err := one.Send(owed.message)
	if err == nil {
		err = one.settled()
	}
	if !late.Stop() || err != nil || !s.put(one) {
		one.cancel()
	}
	owed.end(err)
}

// expire ends the streams that have become too old, and comes back for the others.
func (s *streams) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = nil
	next := streamAge
	s.idle = slices.DeleteFunc(s.idle, func(one *stream) bool {
		left := one.left()
		if left <= 0 && one.owed == nil {
			one.cancel()
			return true
		}
		next = min(next, max(left, settleDelay))
		return false
	})
	if len(s.idle) > 0 {
		s.clock = time.AfterFunc(next, s.expire)
	}
}
