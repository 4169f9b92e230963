package audit

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func ids(records []Record) (out []string) {
	for _, r := range records {
		out = append(out, r.ID)
	}
	return out
}

func put(t *testing.T, q *queue, id string) {
	t.Helper()
	if !q.put(&Record{ID: id}) {
		t.Errorf("%s found no place", id)
	}
}

// Records come out once, in their order, whatever list they stand in.
func TestQueueGivesEachRecordOnce(t *testing.T) {
	q := newQueue()
	var used []Record
	for round := range 3 {
		a, b := fmt.Sprint(round, "a"), fmt.Sprint(round, "b")
		put(t, q, a)
		put(t, q, b)
		select {
		case <-q.wake:
		default:
			t.Fatal("the writer is not woken")
		}
		used = q.take(used)
		if got := ids(used); len(got) != 2 || got[0] != a || got[1] != b {
			t.Errorf("round %d: %q", round, got)
		}
	}
	if left := q.take(used); len(left) != 0 {
		t.Errorf("%q came twice", ids(left))
	}
}

// A token that nobody fetched keeps no one from adding records.
func TestQueueWakesWithoutWaiting(t *testing.T) {
	q := newQueue()
	put(t, q, "a")
	used := q.take(nil) // without having been woken
	put(t, q, "b")
	if got := ids(q.take(used)); len(got) != 1 || got[0] != "b" {
		t.Errorf("%q", got)
	}
}

// Those that wait for room all get in once the writer comes, or all leave at
// the end.
func TestQueueFull(t *testing.T) {
	for _, ends := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue()
			for i := range queueLength {
				put(t, q, fmt.Sprint(i))
			}
			var waiting sync.WaitGroup
			placed := make(chan bool, 8)
			for range cap(placed) {
				waiting.Go(func() { placed <- q.put(&Record{ID: "late"}) })
			}
			synctest.Wait()
			begun := time.Now()
			if ends {
				q.end()
			} else if got := q.take(nil); len(got) != queueLength {
				t.Errorf("%d are taken", len(got))
			}
			waiting.Wait()
			for range cap(placed) {
				if ok := <-placed; ok == ends {
					t.Errorf("the end: %v, a place: %v", ends, ok)
				}
			}
			if waited := time.Since(begun); waited != 0 {
				t.Errorf("they wait %s longer", waited)
			}
			if want := map[bool]int{false: cap(placed), true: queueLength}[ends]; len(q.take(nil)) != want {
				t.Errorf("the end: %v, another number than %d is left", ends, want)
			}
		})
	}
}
