package shed

import (
	"container/list"
	"context"
	"runtime"
	"sync"
	"time"

	"outrider.dev/outrider/decision"
)

const (
	// turnsPerCore is how many questions are worked on at once, a core. It is
	// far above one, because some wait for services that guards ask or for an
	// issuer, and a core has nothing to do meanwhile.
	turnsPerCore = 64
	// maxWaiting and maxBytes bound what waits: questions, and their bodies.
	maxWaiting = 4096
	maxBytes   = 256 << 20
	// patience is how long a question waits whose asker names no deadline.
	patience = time.Second
	// smoothing is the weight of what is known of how long a turn takes against
	// one more turn.
	smoothing = 15
)

// Reasons why a question is not waited for, for counting.
const (
	Full = "full" // too much waits already
	Late = "late" // its asker would not wait so long
)

// line is where questions wait for their turn. Parts of open exchanges go
// before new questions: what was begun is brought to its end first.
type line struct {
	turns int
	told  func(why string)

	mu      sync.Mutex
	free    int
	waiting [2]list.List // of *waiter, by urgency
	bytes   int          // of all that wait
	took    time.Duration
}

// urgency orders what waits.
type urgency int

const (
	begun urgency = iota
	fresh
)

// waiter is a question that waits. ready is closed when the turn is its own.
type waiter struct {
	ready chan struct{}
	bytes int
}

func newLine(turns int, told func(why string)) *line {
	return &line{turns: turns, free: turns, told: told}
}

// Turns is how many questions are worked on at once.
func Turns() int { return turnsPerCore * runtime.GOMAXPROCS(0) }

// enter waits for a turn, at most until the deadline of ctx, and returns what
// ends it. A question that cannot be answered in time is refused at once. The
// error is a *decision.Error, or that of ctx.
func (l *line) enter(ctx context.Context, u urgency, bytes int) (leave func(), err error) {
	l.mu.Lock()
	if l.free > 0 {
		l.free--
		l.mu.Unlock()
		return l.turn(), nil
	}
	expected := l.expected()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(patience)
	}
	switch {
	case l.waiting[begun].Len()+l.waiting[fresh].Len() >= maxWaiting || l.bytes+bytes > maxBytes:
		l.mu.Unlock()
		return nil, l.refuse(Full, expected)
	case time.Until(deadline) < expected+l.took:
		l.mu.Unlock()
		return nil, l.refuse(Late, expected)
	}
	w := &waiter{ready: make(chan struct{}), bytes: bytes}
	l.bytes += bytes
	place := l.waiting[u].PushBack(w)
	l.mu.Unlock()
	return l.wait(ctx, time.Until(deadline), u, place)
}

func (l *line) wait(ctx context.Context, longest time.Duration, u urgency, place *list.Element) (func(), error) {
	w := place.Value.(*waiter)
	timer := time.NewTimer(longest)
	defer timer.Stop()
	var err error
	select {
	case <-w.ready:
		return l.turn(), nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = context.DeadlineExceeded
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-w.ready: // the turn came too late, and goes to the next
		l.pass()
	default:
		l.waiting[u].Remove(place)
		l.bytes -= w.bytes
	}
	if err == context.DeadlineExceeded {
		return nil, l.refuse(Late, l.expected())
	}
	return nil, err
}

// turn begins a turn, and returns what ends it.
func (l *line) turn() (leave func()) {
	began := time.Now()
	return func() {
		took := time.Since(began)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.took = (l.took*smoothing + took) / (smoothing + 1)
		l.pass()
	}
}

// pass gives a turn that has ended to whoever is next. It expects the mutex held.
func (l *line) pass() {
	for u := range l.waiting {
		if next := l.waiting[u].Front(); next != nil {
			w := l.waiting[u].Remove(next).(*waiter)
			l.bytes -= w.bytes
			close(w.ready)
			return
		}
	}
	l.free++
}

// expected is how long one more question would wait. It expects the mutex held.
func (l *line) expected() time.Duration {
	ahead := l.waiting[begun].Len() + l.waiting[fresh].Len() + 1
	return l.took * time.Duration(ahead) / time.Duration(l.turns)
}

func (l *line) refuse(why string, expected time.Duration) *decision.Error {
	l.told(why)
	return &decision.Error{
		Code:       decision.CodeOverloaded,
		Message:    "the decision service has more questions than it can answer in time: try again later",
		RetryAfter: max(time.Second, expected.Round(time.Second)),
	}
}

// length is how many questions wait.
func (l *line) length() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting[begun].Len() + l.waiting[fresh].Len()
}
