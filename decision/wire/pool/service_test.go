package pool

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
)

// TestEjected: a service that is silent time and again is left alone until it
// answers a probe, so that calls take no longer than with the other one alone.
func TestEjected(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		synctest.Wait()
		f.places["a"].set(silent, nil)
		for f.counted(Ejected) == 0 {
			f.call(t)
		}
		if f.counted(Silent) != ejectAfter {
			t.Errorf("ejected after %d silences", f.counted(Silent))
		}
		begun := time.Now()
		f.call(t)
		if took := time.Since(begun); took != 0 {
			t.Errorf("a call took %v", took)
		}
		time.Sleep(2 * firstProbe) // the probe is answered: only questions are not
		synctest.Wait()
		if len(f.lines("it answers a probe")) != 1 || len(f.lines("is left alone")) != 1 {
			t.Errorf("the log says %s", f.log.String())
		}
		f.places["a"].set(nil, nil)
		for range 4 {
			f.call(t)
		}
		if opened, _ := f.places["a"].told(); len(opened) == 0 {
			t.Error("the service is not asked again")
		}
	})
}

// TestThawed: a service that hung is ejected, and asked again soon after it goes
// on; what it was asked meanwhile is settled there, not left open.
func TestThawed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		synctest.Wait()
		f.places["a"].ice.freeze(true)
		for range 10 {
			f.call(t)
		}
		if f.counted(Ejected) != 1 || f.counted(Silent) != ejectAfter {
			t.Errorf("ejected %d times after %d silences", f.counted(Ejected), f.counted(Silent))
		}
		time.Sleep(10 * time.Second)
		f.places["a"].ice.freeze(false)
		time.Sleep(lastProbe * 5 / 4)
		before, _ := f.places["a"].told()
		for range 10 {
			f.call(t)
		}
		time.Sleep(time.Second) // the last outcome has waited for a question to go with
		opened, settled := f.places["a"].told()
		if len(opened) != len(before)+5 || len(settled) != len(opened) {
			t.Errorf("asked %d times after %d, settled %d", len(opened), len(before), len(settled))
		}
	})
}

// TestFlapping: one that answers probes and no question is tried ever more seldom.
func TestFlapping(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		synctest.Wait()
		f.places["a"].set(failing(status.Error(codes.Internal, "broken")), nil)
		const seconds = 20
		for end := time.Now().Add(seconds * time.Second); time.Now().Before(end); {
			f.call(t)
			time.Sleep(20 * time.Millisecond)
		}
		if n, most := f.counted(Ejected), int(seconds*time.Second/lastProbe*5/4)+8; n < seconds/4 || n > most {
			t.Errorf("ejected %d times in %d s, want at most %d", n, seconds, most)
		}
	})
}

// TestSlowOnce: one question that takes long is no reason to leave a service.
func TestSlowOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a")
		for range 4 * ejectAfter {
			for range ejectAfter - 1 {
				f.places["a"].set(silent, nil)
				_, _, _ = f.ask(t, good)
			}
			f.places["a"].set(nil, nil)
			f.call(t)
		}
		if f.counted(Ejected) > 0 {
			t.Error("the service was ejected")
		}
	})
}

// TestTheLast: ejected or not, the only service is asked.
func TestTheLast(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a")
		synctest.Wait() // a service that has just been connected is none that failed
		f.places["a"].set(failing(status.Error(codes.Internal, "broken")), nil)
		for range 2 * ejectAfter {
			if _, _, err := f.ask(t, good); err == nil || errors.Is(err, decision.ErrAway) {
				t.Fatalf("got %v", err)
			}
		}
		if f.counted(Ejected) != 1 {
			t.Fatalf("ejected %d times", f.counted(Ejected))
		}
		f.places["a"].set(nil, nil)
		f.call(t)
		if len(f.lines("it answers again")) != 1 {
			t.Errorf("the log says %s", f.log.String())
		}
	})
}

// TestBackAgain: a service that was away is connected again within a bounded
// time, and the log says so once for each change.
func TestBackAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a")
		f.call(t)
		synctest.Wait()
		f.places["a"].stop(false)
		for range 100 {
			if _, _, err := f.ask(t, good); !errors.Is(err, decision.ErrAway) {
				t.Fatalf("got %v", err)
			}
			time.Sleep(time.Second)
		}
		f.places["a"].start()
		const longest = 2500 * time.Millisecond // between two tries to connect
		time.Sleep(longest)
		synctest.Wait()
		f.call(t)
		if f.counted(Ejected) > 0 {
			t.Error("a service that is not connected was ejected as well")
		}
		if lost, back := len(f.lines("is not connected")), len(f.lines("is connected")); lost != 1 || back != 2 {
			t.Errorf("the log tells %d losses and %d connections: %s", lost, back, f.log.String())
		}
	})
}

// TestReady: some service is connected, whichever.
func TestReady(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Ready(ctx); err != nil { // it waits for the connection
			t.Errorf("both run: %v", err)
		}
		f.places["a"].stop(false)
		time.Sleep(time.Second)
		synctest.Wait()
		if err := f.Ready(t.Context()); err != nil {
			t.Errorf("one runs: %v", err)
		}
		if got := f.Services(); got != "a is not connected, b is connected" {
			t.Errorf("it says %q", got)
		}
		f.places["b"].stop(false)
		time.Sleep(time.Second)
		synctest.Wait()
		if err := f.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "a, b is not connected") {
			t.Errorf("none runs: %v", err)
		}
	})
}
