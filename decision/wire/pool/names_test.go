package pool

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/decision"
)

// book is a name service.
type book struct {
	mu    sync.Mutex
	found []string
	err   error
	asked int
}

func (b *book) set(err error, found ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.found, b.err = found, err
}

func (b *book) lookup(_ context.Context, host string) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	if host != "pdp" {
		return nil, errors.New("another name was asked for: " + host)
	}
	return slices.Clone(b.found), b.err
}

// named is a pool behind a name.
func named(t *testing.T, b *book, addresses ...string) *field {
	t.Helper()
	f := &field{places: map[string]*place{}, counts: map[Event]int{}}
	for _, a := range addresses {
		f.places[a+":9191"] = &place{}
		f.places[a+":9191"].start()
	}
	f.Pool = f.pool(t, []string{"dns:///pdp:9191"}, b.lookup)
	return f
}

func (f *field) asked(address string) int {
	opened, _ := f.places[address+":9191"].told()
	return len(opened)
}

// TestNames: each address of a name is a service; addresses that come and go are
// followed, and exchanges at one that has gone stay there to their end.
func TestNames(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &book{found: []string{"10.0.0.2", "10.0.0.1", "10.0.0.1"}}
		f := named(t, b, "10.0.0.1", "10.0.0.2", "10.0.0.3")
		synctest.Wait()
		for range 10 {
			f.call(t)
		}
		if f.asked("10.0.0.1") != 5 || f.asked("10.0.0.2") != 5 {
			t.Errorf("asked %d and %d times", f.asked("10.0.0.1"), f.asked("10.0.0.2"))
		}
		var exchanges []decision.Exchange
		for range 2 { // one at each
			exchanges = append(exchanges, f.opens(t))
		}
		b.set(nil, "10.0.0.2", "10.0.0.3")
		time.Sleep(2 * lookAgain)
		before := f.asked("10.0.0.1")
		for range 10 {
			f.call(t)
		}
		if f.asked("10.0.0.1") != before || f.asked("10.0.0.3") != 5 {
			t.Errorf("asked the old one %d times more, the new one %d times", f.asked("10.0.0.1")-before, f.asked("10.0.0.3"))
		}
		for _, ex := range exchanges {
			if err := judge(t, ex); err != nil {
				t.Errorf("judge: %v", err)
			}
			if err := ex.Settle(t.Context(), decision.Outcome{End: decision.EndCompleted}); err != nil {
				t.Errorf("settle: %v", err)
			}
		}
	})
}

// TestMoved: when the services of a name have moved, the new ones are asked soon.
func TestMoved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &book{found: []string{"10.0.0.1", "10.0.0.2"}}
		f := named(t, b, "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4")
		f.call(t)
		synctest.Wait()
		time.Sleep(lookAgain / 2)
		b.set(nil, "10.0.0.3", "10.0.0.4")
		f.places["10.0.0.1:9191"].stop(false)
		f.places["10.0.0.2:9191"].stop(false)
		time.Sleep(lookSoon * 5 / 4)
		synctest.Wait()
		f.call(t)
		b.mu.Lock()
		before := b.asked
		b.mu.Unlock()
		time.Sleep(10 * lookAgain)
		b.mu.Lock()
		defer b.mu.Unlock()
		if n := b.asked - before; n < 8 || n > 14 {
			t.Errorf("the name was looked up %d times in %v", n, 10*lookAgain)
		}
	})
}

// TestNamesThatFail: what cannot be looked up stays as it was, and the log says
// so once.
func TestNamesThatFail(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &book{found: []string{"10.0.0.1"}}
		f := named(t, b, "10.0.0.1")
		f.call(t)
		for _, found := range [][]string{nil, {}} {
			b.set(errors.New("the name service is away"), found...)
			time.Sleep(5 * lookAgain)
			b.set(nil)
			time.Sleep(5 * lookAgain)
			f.call(t)
		}
		if n := len(f.lines("cannot be looked up")); n != 2 {
			t.Errorf("the log says so %d times: %s", n, f.log.String())
		}
	})
}

// TestNamesThatComeLate: a question waits for the first address, and in vain for
// no longer than it may.
func TestNamesThatComeLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &book{err: errors.New("the name service is away")}
		f := named(t, b, "10.0.0.1")
		begun := time.Now()
		if _, _, err := f.ask(t, good); !errors.Is(err, decision.ErrAway) || time.Since(begun) != timeout {
			t.Errorf("got %v after %v", err, time.Since(begun))
		}
		if err := f.Ready(shortly(t)); err == nil {
			t.Error("ready without a service")
		}
		b.set(nil, "10.0.0.1")
		f.call(t)
	})
}

func shortly(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestLostOfTheRemoved: an outcome that is owed to a service which has gone is
// told of, whenever it comes.
func TestLostOfTheRemoved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &book{found: []string{"10.0.0.1"}}
		f := named(t, b, "10.0.0.1", "10.0.0.2")
		ex := f.opens(t)
		f.places["10.0.0.1:9191"].stop(false)
		b.set(nil, "10.0.0.2")
		time.Sleep(2 * lookAgain)
		_ = judge(t, ex)
		_ = ex.Settle(t.Context(), decision.Outcome{ExchangeID: "x"})
		if f.counted(Unsettled) != 1 {
			t.Errorf("%d are lost", f.counted(Unsettled))
		}
		f.call(t)
	})
}
