package pool

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/decision"
)

func judge(t *testing.T, ex decision.Exchange) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	r, err := ex.Judge(ctx, decision.Part{Deltas: []decision.Delta{{Text: "x"}}})
	if err == nil && r.Effect != decision.Allow {
		t.Fatalf("got %+v", r)
	}
	return err
}

// outcome is the end of a call with the handle that its verdict gave.
func outcome(v *decision.Verdict) decision.Outcome {
	return decision.Outcome{ExchangeID: v.ID, Settlement: v.Settlement, End: decision.EndCompleted}
}

// opened is an exchange at a.
func (f *field) opened(t *testing.T) (*decision.Verdict, decision.Exchange) {
	t.Helper()
	for {
		v, ex, err := f.ask(t, good)
		if err != nil {
			t.Fatal(err)
		}
		if ids, _ := f.places["a"].told(); slices.Contains(ids, v.ID) {
			return v, ex
		}
		_ = ex.Settle(t.Context(), outcome(v))
	}
}

// TestExchangesStay: an exchange asks the service that opened it, and no other.
func TestExchangesStay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		synctest.Wait()
		v, ex := f.opened(t)
		for range 10 {
			if err := judge(t, ex); err != nil {
				t.Fatal(err)
			}
			f.call(t)
		}
		f.places["a"].stop(false)
		if err := judge(t, ex); err == nil {
			t.Fatal("another service ruled on it")
		}
		if err := ex.Settle(t.Context(), outcome(v)); err != nil {
			t.Errorf("settle: %v", err)
		}
		if err := ex.Settle(t.Context(), outcome(v)); err != nil {
			t.Errorf("settle again: %v", err)
		}
	})
}

// TestDrained: a service that stops with grace finishes what it has begun, and
// nothing new goes to it.
func TestDrained(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		synctest.Wait()
		v, ex := f.opened(t)
		stopped := make(chan struct{})
		go func() {
			f.places["a"].stop(true)
			close(stopped)
		}()
		synctest.Wait()
		before, _ := f.places["a"].told()
		for range 20 {
			f.call(t)
		}
		if after, _ := f.places["a"].told(); len(after) != len(before) {
			t.Errorf("%d calls went to a service that stops", len(after)-len(before))
		}
		if err := judge(t, ex); err != nil {
			t.Errorf("judge: %v", err)
		}
		if err := ex.Settle(t.Context(), outcome(v)); err != nil {
			t.Errorf("settle: %v", err)
		}
		<-stopped
		if _, settled := f.places["a"].told(); !slices.Contains(settled, v.ID+" completed") {
			t.Errorf("settled %v", settled)
		}
		if n := f.counted(Failed) + f.counted(Silent) + f.counted(Retried); n > 0 {
			t.Errorf("%d attempts failed", n)
		}
	})
}

// streams is how many streams of exchanges the service has seen.
func (p *place) seen() int {
	p.scripted.mu.Lock()
	defer p.scripted.mu.Unlock()
	return p.streams
}

// TestStreamsStayInUse: one call after the other takes the same stream of its
// service, and the streams of a service that was lost cost no call when it is back.
func TestStreamsStayInUse(t *testing.T) {
	for _, names := range [][]string{{"a"}, {"a", "b"}} {
		bubble(t, func(t *testing.T) {
			f := newField(t, names...)
			synctest.Wait()
			for range 20 {
				f.call(t)
			}
			for _, name := range names {
				if n := f.places[name].seen(); n != 1 {
					t.Errorf("%s: %d streams for one call after the other", name, n)
				}
			}
			for _, grace := range []bool{false, true} {
				f.places["a"].stop(grace)
				synctest.Wait()
				if len(names) > 1 {
					f.call(t)
				}
				f.places["a"].start()
				time.Sleep(5 * time.Second)
				synctest.Wait()
				for range 4 {
					f.call(t)
				}
			}
			if n := f.counted(Failed) + f.counted(Silent) + f.counted(Retried) + f.counted(Unsettled); n > 0 {
				t.Errorf("%d attempts failed", n)
			}
			if n := f.places["a"].seen(); n != 3 {
				t.Errorf("%d streams over two restarts", n)
			}
		})
	}
}

// TestSettledByHandle: the outcome of an exchange whose service went away is
// reported when that comes back, and nobody waits for it.
func TestSettledByHandle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		synctest.Wait()
		v, ex := f.opened(t)
		f.places["a"].stop(false)
		_ = judge(t, ex)
		begun := time.Now()
		if err := ex.Settle(t.Context(), outcome(v)); err != nil || time.Since(begun) > 0 {
			t.Errorf("settle: %v after %v", err, time.Since(begun))
		}
		time.Sleep(maxOwing / 2)
		f.places["a"].start()
		time.Sleep(10 * time.Second)
		if _, settled := f.places["a"].told(); !slices.Contains(settled, v.ID+" by handle") {
			t.Errorf("settled %v", settled)
		}
		// This service had noticed the loss by itself, as a restarted one would
		// not know the handle.
		if f.counted(Late)+f.counted(Settled) != 1 || f.counted(Unsettled) != 0 {
			t.Errorf("late %d, settled %d, lost %d", f.counted(Late), f.counted(Settled), f.counted(Unsettled))
		}
	})
}

// TestNobodyWaitsForOutcomes: they go with the next question or by themselves, and
// those that a lost service did not acknowledge are reported when it is back.
func TestNobodyWaitsForOutcomes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a")
		for range 5 {
			f.call(t)
		}
		if _, settled := f.places["a"].told(); len(settled) != 4 {
			t.Errorf("%d of five calls in a row are settled", len(settled))
		}
		v, ex := f.opened(t)
		_ = ex.Settle(t.Context(), outcome(v))
		f.places["a"].stop(false)
		time.Sleep(time.Second)
		f.places["a"].start()
		time.Sleep(10 * time.Second)
		if _, settled := f.places["a"].told(); !slices.Contains(settled, v.ID+" by handle") {
			t.Errorf("settled %v", settled)
		}
		if n := f.counted(Late) + f.counted(Settled); n != 1 || f.counted(Unsettled) != 0 {
			t.Errorf("reported %d, lost %d", n, f.counted(Unsettled))
		}
	})
}

// TestTheEndWaitsForOutcomes: Run returns once they have been heard, and a service
// that is asked no more keeps its connection until then.
func TestTheEndWaitsForOutcomes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		synctest.Wait()
		v, ex := f.opened(t)
		f.remove(f.service(t, "a"))
		_ = ex.Settle(t.Context(), outcome(v))
		time.Sleep(time.Second)
		if _, settled := f.places["a"].told(); !slices.Contains(settled, v.ID+" completed") {
			t.Errorf("settled at a service that went: %v", settled)
		}
		v, ex, err := f.ask(t, good)
		if err != nil {
			t.Fatal(err)
		}
		_ = ex.Settle(t.Context(), outcome(v))
		f.settling.Wait() // as Run does
		if _, settled := f.places["b"].told(); !slices.Contains(settled, v.ID+" completed") {
			t.Errorf("settled at the end: %v", settled)
		}
	})
}

func (f *field) service(t *testing.T, name string) *service {
	t.Helper()
	for _, s := range f.list() {
		if s.address.Name == name {
			return s
		}
	}
	t.Fatalf("no service is %s", name)
	return nil
}

// TestSettledWhileItHangs: nobody waits long for a service to hear of an outcome,
// and it hears of it once it goes on.
func TestSettledWhileItHangs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a")
		v, ex := f.opened(t)
		f.places["a"].ice.freeze(true)
		begun := time.Now()
		if err := ex.Settle(t.Context(), outcome(v)); err != nil || time.Since(begun) > settlePatience {
			t.Errorf("settle: %v after %v", err, time.Since(begun))
		}
		time.Sleep(settleTime / 2)
		f.places["a"].ice.freeze(false)
		synctest.Wait()
		if _, settled := f.places["a"].told(); !slices.Contains(settled, v.ID+" completed") {
			t.Errorf("settled %v", settled)
		}
	})
}

// TestOutcomesLost: what nobody can be told is counted and logged, with the
// call's name.
func TestOutcomesLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		synctest.Wait()
		v, ex := f.opened(t)
		f.places["a"].stop(false)
		_ = judge(t, ex)
		_ = ex.Settle(t.Context(), outcome(v))
		time.Sleep(2 * maxOwing)
		synctest.Wait()
		if f.counted(Unsettled) != 1 {
			t.Fatalf("counted %d", f.counted(Unsettled))
		}
		if lines := f.lines("an outcome is lost"); len(lines) != 1 || !strings.Contains(lines[0], v.ID) {
			t.Errorf("the log says %v", lines)
		}
	})
}

// TestOwedIsBounded: outcomes that wait take a bounded room, and those beyond
// it are lost at once.
func TestOwedIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a")
		f.call(t)
		f.places["a"].stop(false)
		synctest.Wait()
		s := f.list()[0]
		for range maxOwed + 100 {
			s.owe(decision.Outcome{ExchangeID: "x"})
		}
		if n := f.counted(Unsettled); n < 99 || n > 100 { // one is being reported
			t.Errorf("%d are lost", n)
		}
	})
	// The end of the pool tells of the rest.
}

// TestLateRulings: a ruling that takes longer than the question may is a loss of
// the exchange, and its service settles it.
func TestLateRulings(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a")
		v, ex := f.opened(t)
		f.places["a"].set(nil, silent)
		_, ex2 := f.opened(t)
		if err := judge(t, ex2); err == nil {
			t.Fatal("a silent service ruled")
		}
		if err := judge(t, ex); err != nil {
			t.Errorf("the other exchange: %v", err)
		}
		_ = ex.Settle(t.Context(), outcome(v))
		if f.counted(Silent) != 1 {
			t.Errorf("counted %d silences", f.counted(Silent))
		}
		_ = ex2.Settle(t.Context(), decision.Outcome{})
	})
}
