package audit

import (
	"fmt"
	"slices"
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

// drained takes all records that wait.
func drained(q *queue) (out []Record) {
	for list := q.take(nil); list != nil; list = q.take(list) {
		out = append(out, list...)
	}
	return out
}

// Records come out once, in their order, whatever lists they stand in.
func TestQueueGivesEachRecordOnce(t *testing.T) {
	q := newQueue()
	for round, count := range []int{1, 2, listLength, listLength + 1, 3*listLength - 1, queueLength, 5} {
		var want []string
		for i := range count {
			want = append(want, fmt.Sprint(round, "-", i))
			put(t, q, want[i])
		}
		select {
		case <-q.wake:
		default:
			t.Fatal("the writer is not woken")
		}
		if got := ids(drained(q)); !slices.Equal(got, want) {
			t.Errorf("round %d: %d records in, %d out: %q", round, count, len(got), got)
		}
		if q.length != 0 || len(q.lists) != 0 || len(q.spare) > maxSpare {
			t.Errorf("round %d: %d left in %d lists, %d spare", round, q.length, len(q.lists), len(q.spare))
		}
	}
}

// While a writer takes its time over a list, others get the room of that one.
func TestQueueHasRoomForAListAtATime(t *testing.T) {
	q := newQueue()
	for i := range queueLength {
		put(t, q, fmt.Sprint(i))
	}
	taken := q.take(nil)
	if len(taken) != listLength || taken[0].ID != "0" {
		t.Fatalf("%d are taken, from %s on", len(taken), taken[0].ID)
	}
	for i := range taken {
		put(t, q, fmt.Sprint("next", i))
	}
	if placed, room := q.tryPut(&Record{}); placed || room == nil {
		t.Error("there is room for more than there is")
	}
	got := ids(drained(q))
	if len(got) != queueLength || got[0] != fmt.Sprint(listLength) || got[queueLength-1] != fmt.Sprint("next", listLength-1) {
		t.Errorf("%d come out, from %s to %s", len(got), got[0], got[len(got)-1])
	}
}

// A token that nobody fetched keeps no one from adding records.
func TestQueueWakesWithoutWaiting(t *testing.T) {
	q := newQueue()
	put(t, q, "a")
	drained(q) // without having been woken
	put(t, q, "b")
	if got := ids(drained(q)); len(got) != 1 || got[0] != "b" {
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
			} else if got := q.take(nil); len(got) != listLength {
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
			if want := map[bool]int{false: queueLength - listLength + cap(placed), true: queueLength}[ends]; len(drained(q)) != want {
				t.Errorf("the end: %v, another number than %d is left", ends, want)
			}
		})
	}
}
