package pool

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
)

// bubble runs a test whose clock is its own.
func bubble(t *testing.T, run func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, run)
}

// TestAnotherAnswers: whatever one service does instead of answering, a call of
// every kind is answered by the other one, in time.
func TestAnotherAnswers(t *testing.T) {
	for name, spoil := range map[string]func(*place){
		"killed":       func(p *place) { p.stop(false) },
		"stopped":      func(p *place) { p.stop(true) },
		"hung":         func(p *place) { p.ice.freeze(true) },
		"silent":       func(p *place) { p.set(silent, nil) },
		"slow":         func(p *place) { p.set(slowly(3*timeout/4), nil) },
		"failing":      func(p *place) { p.set(failing(status.Error(codes.Internal, "broken")), nil) },
		"unavailable":  func(p *place) { p.set(failing(status.Error(codes.Unavailable, "leaving")), nil) },
		"overloaded":   func(p *place) { p.set(failing(status.Error(codes.ResourceExhausted, "full")), nil) },
		"without role": func(p *place) { p.set(failing(status.Error(codes.PermissionDenied, "who?")), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newField(t, "a", "b")
				f.call(t)
				spoil(f.places["a"])
				for range 2 * ejectAfter {
					f.call(t)
					if v, ex, err := f.ask(t, bad); err != nil || ex != nil || v.Reason.Code != decision.CodeModelNotAllowed {
						t.Fatalf("a denial: got %+v, %v, %v", v, ex, err)
					}
					ctx, cancel := context.WithTimeout(t.Context(), timeout)
					if v, err := f.Check(ctx, question(good)); err != nil || !v.Allowed() {
						t.Fatalf("check: got %+v, %v", v, err)
					}
					if v, err := f.FilterTools(ctx, question(good), make([]decision.Tool, 1)); err != nil || !v.Visible(0) {
						t.Fatalf("filter: got %+v, %v", v, err)
					}
					cancel()
				}
			})
		})
	}
}

// TestDenialsStand: a verdict of one service is not shopped for at another.
func TestDenialsStand(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		for range 10 {
			if v, ex, err := f.ask(t, bad); err != nil || ex != nil || v.Allowed() {
				t.Fatalf("got %+v, %v, %v", v, ex, err)
			}
		}
		a, _ := f.places["a"].told()
		b, _ := f.places["b"].told()
		if len(a)+len(b) != 10 || f.counted(Retried) != 0 || f.counted(Answered) != 10 {
			t.Errorf("asked %d and %d times, retried %d", len(a), len(b), f.counted(Retried))
		}
	})
}

// TestBadQuestions are nobody's fault but the asker's.
func TestBadQuestions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		for _, p := range f.places {
			p.set(failing(status.Error(codes.InvalidArgument, "no surface")), nil)
		}
		for range 2 * ejectAfter {
			if _, _, err := f.ask(t, good); status.Code(err) != codes.InvalidArgument || errors.Is(err, decision.ErrAway) {
				t.Fatalf("got %v", err)
			}
		}
		if f.counted(Retried)+f.counted(Ejected) > 0 {
			t.Errorf("retried %d, ejected %d", f.counted(Retried), f.counted(Ejected))
		}
	})
}

// TestQuestionsRefusedByStatus: services refuse questions by a verdict. What says it
// otherwise, such as a proxy in between, is left alone, and is no reason to let a call pass.
func TestQuestionsRefusedByStatus(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		synctest.Wait()
		refusal := failing(status.Error(codes.PermissionDenied, "not here"))
		f.places["a"].set(refusal, nil)
		for f.counted(Ejected) == 0 {
			f.call(t)
		}
		f.places["b"].set(refusal, nil)
		for range 2 * ejectAfter {
			if _, _, err := f.ask(t, good); status.Code(err) != codes.PermissionDenied || errors.Is(err, decision.ErrAway) {
				t.Fatalf("got %v", err)
			}
		}
	})
}

// TestRoomless: a refusal for want of room goes on to another service, and
// stands where none has room: it says when to ask again. It ejects nobody.
func TestRoomless(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		synctest.Wait()
		f.places["a"].full = true
		for range 2 * ejectAfter {
			f.call(t)
			if v, err := f.Check(t.Context(), question(good)); err != nil || !v.Allowed() {
				t.Fatalf("check: got %+v, %v", v, err)
			}
		}
		f.places["b"].full = true
		for range 2 * ejectAfter {
			v, ex, err := f.ask(t, good)
			if err != nil || ex != nil || v.Reason.Code != decision.CodeOverloaded || v.Reason.RetryAfter != time.Second {
				t.Fatalf("got %+v, %v, %v", v, ex, err)
			}
			if v, err := f.Check(t.Context(), question(good)); err != nil || v.Reason.Code != decision.CodeOverloaded {
				t.Fatalf("check: got %+v, %v", v, err)
			}
		}
		if f.counted(Ejected) > 0 || f.counted(Failed) > 0 {
			t.Errorf("%d are ejected, %d attempts failed", f.counted(Ejected), f.counted(Failed))
		}
	})
}

// TestShares: the first attempt leaves the second one as much time as it had.
func TestShares(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		synctest.Wait()
		f.places["a"].set(silent, nil)
		f.places["b"].set(silent, nil)
		begun := time.Now()
		if _, _, err := f.ask(t, good); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		if took := time.Since(begun); took < timeout || took > timeout+probeTime {
			t.Errorf("it took %v", took)
		}
		if f.counted(Silent) != 2 || f.counted(Retried) != 1 {
			t.Errorf("silent %d times, retried %d times", f.counted(Silent), f.counted(Retried))
		}
	})
}

// TestAway: only where no service answers anything at all may a call pass that
// nobody judged.
func TestAway(t *testing.T) {
	gone := func(p *place) { p.stop(false) }
	hung := func(p *place) { p.ice.freeze(true) }
	slow := func(p *place) { p.set(silent, nil) } // but alive
	broken := func(p *place) { p.set(failing(status.Error(codes.Internal, "broken")), nil) }
	full := func(p *place) { p.set(failing(status.Error(codes.ResourceExhausted, "full")), nil) }
	well := func(*place) {}
	for name, c := range map[string]struct {
		a, b func(*place)
		away bool
	}{
		"both gone":            {gone, gone, true},
		"one gone, one slow":   {gone, slow, false},
		"both slow":            {slow, slow, false},
		"one gone, one broken": {gone, broken, false},
		"one gone, one full":   {gone, full, false},
		"one slow, one broken": {slow, broken, false},
		"both hung":            {hung, hung, true},
		"one gone, one hung":   {gone, hung, true},
		"one hung, one slow":   {hung, slow, false},
		"one well":             {gone, well, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newField(t, "a", "b")
				f.call(t)
				c.a(f.places["a"])
				c.b(f.places["b"])
				synctest.Wait()
				for range 2 * ejectAfter {
					begun := time.Now()
					_, _, err := f.ask(t, good)
					if errors.Is(err, decision.ErrAway) != c.away {
						t.Fatalf("got %v", err)
					}
					if took := time.Since(begun); took > timeout+probeTime+settlePatience { // the outcome of the first call goes ahead
						t.Errorf("it took %v", took)
					}
				}
			})
		})
	}
}

// TestAgentGone: a question that its asker gave up says nothing of the service.
func TestAgentGone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		f.call(t)
		for _, p := range f.places {
			p.set(silent, nil)
		}
		for range 2 * ejectAfter {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			time.AfterFunc(time.Millisecond, cancel)
			if _, _, err := f.Open(ctx, question(good)); !errors.Is(err, context.Canceled) || errors.Is(err, decision.ErrAway) {
				t.Fatalf("got %v", err)
			}
		}
		if n := f.counted(Silent) + f.counted(Failed) + f.counted(Ejected) + f.counted(Retried); n > 0 {
			t.Errorf("%d events: %s", n, f.log.String())
		}
	})
}

// TestTurns: services are asked in turns, and one with questions out gets fewer.
func TestTurns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b", "c")
		synctest.Wait()
		const rounds = 30
		for range rounds {
			f.call(t)
		}
		for name, p := range f.places {
			if opened, _ := p.told(); len(opened) != rounds/3 {
				t.Errorf("%s was asked %d times", name, len(opened))
			}
		}
		f.places["a"].set(slowly(time.Second), nil)
		done := make(chan struct{}, 3)
		for range 3 { // one of them goes to a, and stays there for a while
			go func() {
				_, _, _ = f.ask(t, good)
				done <- struct{}{}
			}()
			synctest.Wait()
		}
		before, _ := f.places["a"].told()
		for range rounds {
			f.call(t)
		}
		if after, _ := f.places["a"].told(); len(after) != len(before) {
			t.Errorf("the busy service was asked %d times more", len(after)-len(before))
		}
		for range 3 {
			<-done
		}
	})
}

// TestAbandoned: an attempt that was given up is settled at its service, and the
// call is open at the other one alone.
func TestAbandoned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		synctest.Wait()
		f.places["a"].set(slowly(3*timeout/4), nil)
		var exchanges []decision.Exchange
		for range 2 { // one of them begins at a
			exchanges = append(exchanges, f.opens(t))
		}
		time.Sleep(timeout)
		synctest.Wait()
		opened, settled := f.places["a"].told()
		if len(opened) != 1 || len(settled) != 1 || settled[0] != opened[0]+" cut off" {
			t.Errorf("opened %v, settled %v", opened, settled)
		}
		opened, settled = f.places["b"].told()
		if len(opened) != 2 || len(settled) != 0 {
			t.Errorf("opened %v, settled %v", opened, settled)
		}
		for _, ex := range exchanges {
			_ = ex.Settle(t.Context(), decision.Outcome{End: decision.EndCompleted})
		}
	})
}

// TestNew refuses half a pool.
func TestNew(t *testing.T) {
	if p, err := New(Config{}); err == nil || p != nil {
		t.Errorf("got %v", p)
	}
}

// lines returns the lines of the log that hold the text.
func (f *field) lines(text string) []string {
	return slices.DeleteFunc(strings.Split(f.log.String(), "\n"), func(line string) bool { return !strings.Contains(line, text) })
}
