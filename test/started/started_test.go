package started

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

type standIn struct{ closed *bool }

func (s standIn) Close() error {
	*s.closed = true
	return nil
}

func TestByClosesWithItsTest(t *testing.T) {
	var closed bool
	t.Run("test", func(t *testing.T) {
		By(t, func() (standIn, error) { return standIn{&closed}, nil })
		if closed {
			t.Error("closed while its test runs")
		}
	})
	if !closed {
		t.Error("not closed when its test ended")
	}
}

// failing is a test whose failure is seen instead of reported.
type failing struct {
	testing.TB
	fatal []any
}

func (f *failing) Helper()           {}
func (f *failing) Fatal(args ...any) { f.fatal = args }

func TestByFailsItsTest(t *testing.T) {
	f := &failing{TB: t}
	By(f, func() (standIn, error) { return standIn{new(bool)}, errors.New("no stand-in") })
	if fmt.Sprint(f.fatal...) != "no stand-in" {
		t.Errorf("the test failed with %v", f.fatal)
	}
}

func TestLogHoldsWhatAllWrote(t *testing.T) {
	var log Log
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 100 {
				_, _ = fmt.Fprintln(&log, i)
				_ = log.String()
			}
		})
	}
	wg.Wait()
	if n := len(log.String()); n != 8*100*len("0\n") {
		t.Errorf("%d bytes", n)
	}
}
