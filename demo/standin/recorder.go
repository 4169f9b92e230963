package standin

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
)

// Bounds of one Recorder.
const (
	maxKept = 256      // requests remembered; the oldest go first
	maxBody = 16 << 20 // bytes read of one body; larger ones are answered 413
)

// Received is one request as it arrived.
type Received struct {
	Method string
	Path   string
	Header http.Header
	Body   []byte
}

// Recorder remembers the requests that pass through it on their way to a
// handler. It is safe for concurrent use.
type Recorder struct {
	next http.Handler

	mu    sync.Mutex
	total uint64
	ring  []Received // ring[i] is the request with number n where n % maxKept == i
}

// NewRecorder returns a Recorder in front of next.
func NewRecorder(next http.Handler) *Recorder {
	return &Recorder{next: next}
}

// ServeHTTP reads the whole body, remembers the request and passes it on.
func (r *Recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	r.add(Received{Method: req.Method, Path: req.URL.Path, Header: req.Header.Clone(), Body: body})
	if err != nil {
		status := http.StatusBadRequest
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, "the body cannot be read", status)
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	r.next.ServeHTTP(w, req)
}

func (r *Recorder) add(rec Received) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ring) < maxKept {
		r.ring = append(r.ring, rec)
	} else {
		r.ring[r.total%maxKept] = rec
	}
	r.total++
}

// Total returns how many requests have arrived so far. It is the mark that
// [Recorder.Since] takes.
func (r *Recorder) Total() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total
}

// Since returns the requests that arrived after the mark, oldest first. Those
// that are no longer remembered are left out.
func (r *Recorder) Since(mark uint64) []Received {
	r.mu.Lock()
	defer r.mu.Unlock()
	mark = max(mark, r.total-uint64(len(r.ring)))
	var out []Received
	for n := mark; n < r.total; n++ {
		out = append(out, r.ring[n%maxKept])
	}
	return out
}
