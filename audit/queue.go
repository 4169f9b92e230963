package audit

import (
	"slices"
	"sync"
	"time"
)

// Bounds of the queue between decisions and the file, in records.
const (
	queueLength = 4096
	listLength  = 128
	maxSpare    = 16 // lists that are kept for the next records
	maxBlock    = 250 * time.Millisecond
)

// queue is where records wait for the writer, who takes them a list at a time. A
// quiet service uses the same two or three lists over and over, so that they stay in
// the processor's cache.
type queue struct {
	wake chan struct{} // holds something once there are records

	mu      sync.Mutex
	lists   [][]Record // all but the last are full
	spare   [][]Record
	length  int // of all lists
	ended   bool
	awaited bool
	room    chan struct{} // closed with the next change for those that wait: there is room, or the end
}

func newQueue() *queue {
	return &queue{wake: make(chan struct{}, 1), room: make(chan struct{})}
}

// put adds a record. While the queue is full it waits up to maxBlock. It reports
// whether the record found a place.
func (q *queue) put(r *Record) bool {
	placed, room := q.tryPut(r)
	if room == nil {
		return placed
	}
	timer := time.NewTimer(maxBlock)
	defer timer.Stop()
	for room != nil {
		select {
		case <-room:
			placed, room = q.tryPut(r)
		case <-timer.C:
			return false
		}
	}
	return placed
}

// tryPut adds a record, or returns what to wait for.
func (q *queue) tryPut(r *Record) (placed bool, room <-chan struct{}) {
	q.mu.Lock()
	if q.ended || q.length == queueLength {
		defer q.mu.Unlock()
		if q.ended {
			return false, nil
		}
		q.awaited = true
		return false, q.room
	}
	if len(q.lists) == 0 || len(q.lists[len(q.lists)-1]) == listLength {
		q.grow()
	}
	last := &q.lists[len(q.lists)-1]
	*last = append(*last, *r)
	q.length++
	first := q.length == 1
	q.mu.Unlock()
	if first {
		select {
		case q.wake <- struct{}{}:
		default: // the writer has not come for the last one yet
		}
	}
	return true, nil
}

// grow appends an empty list. It expects the mutex held.
func (q *queue) grow() {
	if n := len(q.spare); n > 0 {
		q.lists, q.spare = append(q.lists, q.spare[n-1]), q.spare[:n-1]
		return
	}
	q.lists = append(q.lists, make([]Record, 0, listLength))
}

// take returns the records that have waited longest, none where nothing waits. The
// list that it gave before is used for others.
func (q *queue) take(used []Record) []Record {
	clear(used) // what they point to is wanted no more
	q.mu.Lock()
	defer q.mu.Unlock()
	if used != nil && len(q.spare) < maxSpare {
		q.spare = append(q.spare, used[:0])
	}
	if len(q.lists) == 0 {
		return nil
	}
	taken := q.lists[0]
	q.lists = slices.Delete(q.lists, 0, 1)
	q.length -= len(taken)
	q.changed()
	return taken
}

// end makes sure that nothing enters any more.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.changed()
}

// changed wakes those that wait for room. It expects the mutex held.
func (q *queue) changed() {
	if q.awaited {
		close(q.room)
		q.room, q.awaited = make(chan struct{}), false
	}
}
