package shed

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/decision"
)

// counted counts what is refused, by reason.
type counted struct {
	mu    sync.Mutex
	by    map[string]int
	total int
}

func (c *counted) told(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[string]int{}
	}
	c.by[why]++
	c.total++
}

// take takes a turn that must be free.
func take(t *testing.T, l *line) (leave func()) {
	t.Helper()
	leave, err := l.enter(t.Context(), fresh, 0)
	if err != nil {
		t.Fatal(err)
	}
	return leave
}

func wantShed(t *testing.T, err error) *decision.Error {
	t.Helper()
	var refusal *decision.Error
	if !errors.As(err, &refusal) || refusal.Code != decision.CodeOverloaded || refusal.RetryAfter < time.Second {
		t.Fatalf("got %v", err)
	}
	return refusal
}

// TestFreeTurnsAreTaken: while turns are free nobody waits, whatever the
// deadline is.
func TestFreeTurnsAreTaken(t *testing.T) {
	l := newLine(2, func(string) { t.Error("shed") })
	l.took = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	for range 3 {
		var leave [2]func()
		for i := range leave {
			var err error
			if leave[i], err = l.enter(ctx, fresh, 1<<30); err != nil {
				t.Fatal(err)
			}
		}
		for _, l := range leave {
			l()
		}
	}
	if l.free != 2 {
		t.Errorf("%d turns are free", l.free)
	}
}

// TestLate: a question whose asker would give up first is refused at once, and
// one that only seemed to come in time, when its time is over.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counted
		l := newLine(1, c.told)
		leave := take(t, l)
		l.took = 100 * time.Millisecond
		ask := func(patience time.Duration) (time.Duration, error) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			began := time.Now()
			_, err := l.enter(ctx, fresh, 0)
			return time.Since(began), err
		}
		took, err := ask(150 * time.Millisecond) // a turn before it and its own take 200
		if wantShed(t, err); took != 0 {
			t.Errorf("it was refused after %v", took)
		}
		took, err = ask(300 * time.Millisecond)
		if wantShed(t, err); took != 300*time.Millisecond {
			t.Errorf("it was refused after %v", took)
		}
		if c.by[Late] != 2 || l.length() != 0 || l.bytes != 0 {
			t.Errorf("counted %v, %d wait", c.by, l.length())
		}
		leave()
		if l.free != 1 {
			t.Error("the turn is lost")
		}
	})
}

// TestNoDeadline: without one a question waits for a second.
func TestNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counted
		l := newLine(1, c.told)
		defer take(t, l)()
		began := time.Now()
		_, err := l.enter(t.Context(), fresh, 0)
		if wantShed(t, err); time.Since(began) != patience {
			t.Errorf("after %v", time.Since(began))
		}
	})
}

// TestGone: an asker that goes away is not counted as refused.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(1, func(string) { t.Error("shed") })
		defer take(t, l)()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		if _, err := l.enter(ctx, fresh, 7); !errors.Is(err, context.Canceled) || l.length() != 0 || l.bytes != 0 {
			t.Errorf("got %v, %d wait", err, l.length())
		}
	})
}

// TestFull: what waits is bounded by number and by bytes.
func TestFull(t *testing.T) {
	for name, bytes := range map[string]int{"number": 0, "bytes": maxBytes / 4} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var c counted
				l := newLine(1, c.told)
				leave := take(t, l)
				room := maxWaiting
				if bytes > 0 {
					room = maxBytes / bytes
				}
				var waiting sync.WaitGroup
				for range room {
					waiting.Go(func() {
						leave, err := l.enter(t.Context(), fresh, bytes)
						if err != nil {
							t.Error(err)
							return
						}
						leave()
					})
				}
				synctest.Wait()
				_, err := l.enter(t.Context(), begun, bytes+1)
				if wantShed(t, err); c.by[Full] != 1 || l.length() != room {
					t.Errorf("counted %v, %d wait", c.by, l.length())
				}
				leave()
				waiting.Wait()
				if l.free != 1 || l.bytes != 0 {
					t.Errorf("%d turns, %d bytes", l.free, l.bytes)
				}
			})
		})
	}
}

// TestOrder: parts of what was begun go first, and each in its order.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(1, func(string) { t.Error("shed") })
		leave := take(t, l)
		var mu sync.Mutex
		var order []int
		var waiting sync.WaitGroup
		for i, u := range []urgency{fresh, fresh, begun, fresh, begun} {
			waiting.Go(func() {
				leave, err := l.enter(t.Context(), u, 0)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				leave()
			})
			synctest.Wait()
		}
		leave()
		waiting.Wait()
		want := []int{2, 4, 0, 1, 3}
		for i := range want {
			if len(order) != len(want) || order[i] != want[i] {
				t.Fatalf("the order is %v, want %v", order, want)
			}
		}
	})
}

// TestLoad: far more than can be answered is asked at once. No turn is lost or
// given twice, whatever gives up when, and nobody waits longer than its
// deadline.
func TestLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const turns = 4
		var c counted
		l := newLine(turns, c.told)
		var now, most, answered, shed, gone atomic.Int64
		var askers sync.WaitGroup
		for i := range 2000 {
			askers.Go(func() {
				time.Sleep(time.Duration(i%97) * time.Millisecond)
				wait := time.Duration(1+i%50) * time.Millisecond
				ctx, cancel := context.WithTimeout(t.Context(), wait)
				defer cancel()
				if i%7 == 0 {
					time.AfterFunc(wait/2, cancel)
				}
				began := time.Now()
				leave, err := l.enter(ctx, urgency(i%2), i)
				if time.Since(began) > wait {
					t.Errorf("waited for %v with a deadline of %v", time.Since(began), wait)
				}
				switch {
				case errors.Is(err, context.Canceled):
					gone.Add(1)
				case err != nil:
					shed.Add(1)
				default:
					if n := now.Add(1); n > most.Load() {
						most.Store(n)
					}
					time.Sleep(time.Duration(1+i%5) * time.Millisecond)
					now.Add(-1)
					answered.Add(1)
					leave()
				}
			})
		}
		askers.Wait()
		if most.Load() > turns || l.free != turns || l.length() != 0 || l.bytes != 0 {
			t.Errorf("at most %d at once; %d turns, %d waiting, %d bytes are left", most.Load(), l.free, l.length(), l.bytes)
		}
		if int64(c.total) != shed.Load() || answered.Load() == 0 || shed.Load() == 0 || answered.Load()+shed.Load()+gone.Load() != 2000 {
			t.Errorf("%d answered, %d shed (%d counted), %d gone", answered.Load(), shed.Load(), c.total, gone.Load())
		}
	})
}

func BenchmarkTurn(b *testing.B) {
	l := newLine(Turns(), func(string) {})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			leave, err := l.enter(b.Context(), fresh, 0)
			if err != nil {
				b.Fatal(err)
			}
			leave()
		}
	})
}
