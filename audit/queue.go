package audit

import (
	"sync"
	"time"
)

// Bounds of the queue between decisions and the file.
const (
	queueLength = 2048 // records; as many more may be with the writer
	maxBlock    = 250 * time.Millisecond
)

// queue is where records wait for the writer, who takes all of them at once. It
// is two lists of which one is written while the other fills: each holds as many
// records as came together, so that a quiet service keeps little memory, and
// what it uses stays in the processor's cache.
type queue struct {
	wake chan struct{} // holds something once there are records

	mu      sync.Mutex
	records []Record
	ended   bool
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
	if q.ended || len(q.records) >= queueLength {
		defer q.mu.Unlock()
		if q.ended {
			return false, nil
		}
		return false, q.room
	}
	q.records = append(q.records, *r)
	first := len(q.records) == 1
	q.mu.Unlock()
	if first {
		select {
		case q.wake <- struct{}{}:
		default: // the writer has not come for the last one yet
		}
	}
	return true, nil
}

// take returns what waits, and lets the queue fill the list that it gave before.
func (q *queue) take(used []Record) []Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.records
	q.records = used[:0]
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
	close(q.room)
	q.room = make(chan struct{})
}
