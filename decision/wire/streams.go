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
)

// stream is one Exchange stream, which carries one exchange after the other.
type stream struct {
	decisionv1.DecisionService_ExchangeClient
	cancel context.CancelFunc
	opened time.Time
}

// left is how long the stream may yet take exchanges.
func (s *stream) left() time.Duration { return streamAge - time.Since(s.opened) }

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
		if one.left() > 0 {
			return one
		}
		one.cancel()
	}
	return nil
}

// put keeps a stream whose last exchange is over until it is too old.
func (s *streams) put(one *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := one.left()
	if len(s.idle) >= maxIdle || left <= 0 {
		one.cancel()
		return
	}
	s.idle = append(s.idle, one)
	if s.clock == nil {
		s.clock = time.AfterFunc(left, s.expire)
	}
}

// expire ends the streams that have become too old, and comes back for the others.
func (s *streams) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = nil
	next := streamAge
	s.idle = slices.DeleteFunc(s.idle, func(one *stream) bool {
		left := one.left()
		if left <= 0 {
			one.cancel()
			return true
		}
		next = min(next, left)
		return false
	})
	if len(s.idle) > 0 {
		s.clock = time.AfterFunc(next, s.expire)
	}
}
