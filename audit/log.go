package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// How records are written together.
const (
	batchBytes = 64 << 10
	gatherTime = 2 * time.Millisecond // in which records come together after others were written
)

// Sizes of one of the two files.
const (
	defaultFileBytes = 16 << 20
	minFileBytes     = 1 << 20
)

// Config is what [New] needs.
type Config struct {
	Dir       string // state directory; made if absent
	FileBytes int64  // bound of each of the two files; 0: 16 MiB, at least 1 MiB
	Log       *slog.Logger
}

// Log takes records and writes them. One process at a time writes to a
// directory.
type Log struct {
	files *files
	log   *slog.Logger
	queue *queue
	lost  atomic.Uint64
}

// New opens the files, so that a directory that cannot be written shows at
// start. [Log.Run] closes them.
func New(cfg Config) (*Log, error) {
	if cfg.Dir == "" {
		return nil, errors.New("the record of decisions has no directory: set pdp.state")
	}
	if cfg.FileBytes == 0 {
		cfg.FileBytes = defaultFileBytes
	}
	if cfg.FileBytes < minFileBytes {
		return nil, fmt.Errorf("the record of decisions may take %d bytes a file: allow at least %d", cfg.FileBytes, minFileBytes)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	f := &files{dir: cfg.Dir, max: cfg.FileBytes}
	if err := f.open(); err != nil {
		return nil, fmt.Errorf("the record of decisions cannot be opened: %w: make the state directory writable or set pdp.state to another", err)
	}
	return &Log{files: f, log: cfg.Log, queue: newQueue()}, nil
}

// Add hands a record over. While the queue is full it waits up to a quarter of
// a second; a record that finds no place then, or comes after the end of Run,
// is counted as lost.
func (l *Log) Add(r Record) {
	if !l.queue.put(&r) && l.lost.Add(1) == 1 {
		l.log.Warn("a record of a decision is lost: the disk is too slow or the service is ending")
	}
}

// Lost returns how many records could not be kept.
func (l *Log) Lost() uint64 { return l.lost.Load() }

// Run writes records until ctx ends, then writes those still queued, closes
// the files and returns. It is called once.
func (l *Log) Run(ctx context.Context) error {
	w := &writer{files: l.files, log: l.log, lost: &l.lost}
	for {
		select {
		case <-l.queue.wake:
			w.write(l.queue)
			gather(ctx)
		case <-ctx.Done():
			l.queue.end()
			w.write(l.queue)
			return l.files.close()
		}
	}
}

// gather lets records come together: to wake the writer for each would cost
// calls more than the record does. The queue holds what comes in the meantime.
func gather(ctx context.Context) {
	timer := time.NewTimer(gatherTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// writer gathers lines and writes them together.
type writer struct {
	files   *files
	log     *slog.Logger
	lost    *atomic.Uint64
	batch   []byte
	records uint64 // in the batch
	failing bool
	explain allowance
}

// write writes what is queued now.
func (w *writer) write(q *queue) {
	for list := q.take(nil); list != nil; list = q.take(list) {
		for i := range list {
			w.add(&list[i])
		}
	}
	w.flush()
}

func (w *writer) add(r *Record) {
	w.explain.explain(r)
	batch, err := appendLine(w.batch, r)
	if err != nil { // a time beyond the year 9999
		w.lost.Add(1)
		w.log.Error("a record of a decision cannot be rendered", "error", err)
		return
	}
	w.batch = batch
	w.records++
	if len(w.batch) >= batchBytes {
		w.flush()
	}
}

// flush writes the batch or counts its records as lost: keeping them would
// need memory without bound while the disk is full.
func (w *writer) flush() {
	if w.records == 0 {
		return
	}
	err := w.files.write(w.batch)
	switch {
	case err != nil:
		lost := w.lost.Add(w.records)
		if !w.failing {
			w.log.Error("records of decisions cannot be written and are lost; free space or mend the state directory", "error", err, "lost", lost)
		}
	case w.failing:
		w.log.Info("records of decisions are written again", "lost", w.lost.Load())
	}
	w.failing = err != nil
	w.batch, w.records = w.batch[:0], 0
}
