package policytest

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// watching starts Watch on a folder with one file and returns how often it ran
// so far, and a way to write files.
func watching(t *testing.T, during func(run int, put func(name, text string))) (runs func() int, put func(name, text string)) {
	t.Helper()
	var count atomic.Int32
	dir := t.TempDir()
	put = func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	put("tests.yaml", "1")
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Watch(ctx, func() []string {
			run := int(count.Add(1))
			if during != nil {
				during(run, put)
			}
			return []string{dir, filepath.Join(dir, "absent", "policy.yaml")}
		})
	}()
	t.Cleanup(func() { stop(); <-done })
	return func() int { synctest.Wait(); return int(count.Load()) }, put
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs, put := watching(t, nil)
		steps := []struct {
			what string
			do   func()
			want int
		}{
			// From here on files are written between two looks, never at one.
			{"at once", func() { time.Sleep(Poll / 2) }, 1},
			{"nothing changes", func() { time.Sleep(10 * Poll) }, 1},
			{"a change", func() { put("tests.yaml", "22"); time.Sleep(3 * Poll) }, 2},
			{"a new file", func() { put("policy.yml", "x"); time.Sleep(3 * Poll) }, 3},
			{"other files", func() { put("notes.txt", "x"); put(".hidden.json", "x"); time.Sleep(3 * Poll) }, 3},
			{"one look is not enough", func() { put("tests.yaml", "333"); time.Sleep(Poll) }, 3},
			{"two are", func() { time.Sleep(Poll) }, 4},
			{"a file goes", func() { put("tests.yaml", ""); time.Sleep(3 * Poll) }, 5},
		}
		for _, s := range steps {
			s.do()
			if got := runs(); got != s.want {
				t.Fatalf("%s: ran %d times, want %d", s.what, got, s.want)
			}
		}
		for i := range 8 { // an editor that goes on writing
			put("tests.yaml", string(make([]byte, 10+i)))
			time.Sleep(Poll)
		}
		if got := runs(); got != 5 {
			t.Errorf("ran %d times while files changed with every look", got)
		}
		time.Sleep(2 * Poll)
		if got := runs(); got != 6 {
			t.Errorf("ran %d times when they had settled", got)
		}
	})
}

// TestWatchDuringARun: a change while the cases run is seen afterwards.
func TestWatchDuringARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs, put := watching(t, func(run int, put func(name, text string)) {
			if run == 2 {
				put("tests.yaml", "4444")
			}
		})
		if got := runs(); got != 1 {
			t.Fatalf("ran %d times", got)
		}
		put("tests.yaml", "333")
		time.Sleep(6 * Poll)
		if got := runs(); got != 3 {
			t.Errorf("ran %d times, want 3", got)
		}
	})
}
