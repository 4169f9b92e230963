package llm

import (
	"io"
	"net/http"
	"sync"
)

// Failure is a way to fail: an HTTP status, or Drop or Hang.
type Failure int

// Failures that are not an HTTP status.
const (
	Drop Failure = -1 // cut the connection without a byte of an answer
	Hang Failure = -2 // send nothing until the caller goes away
)

const maxFailures = 1000

// failures is the queue of how the next calls fail.
type failures struct {
	mu    sync.Mutex
	queue []Failure
}

// FailNext makes the next n calls fail. A second FailNext stands behind the first.
func (p *Provider) FailNext(n int, f Failure) {
	p.failures.mu.Lock()
	defer p.failures.mu.Unlock()
	for range min(n, maxFailures-len(p.failures.queue)) {
		p.failures.queue = append(p.failures.queue, f)
	}
}

func (f *failures) next() (Failure, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) == 0 {
		return 0, false
	}
	first := f.queue[0]
	f.queue = f.queue[1:]
	return first, true
}

// before lets a call fail if its turn has come.
func (f *failures) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		failure, ok := f.next()
		switch {
		case !ok:
			next.ServeHTTP(w, r)
		case failure == Drop:
			panic(http.ErrAbortHandler) // the server's own way to cut a connection
		case failure == Hang:
			// The connection is watched for its end only once the body is read.
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		default:
			writeError(w, int(failure), "told_to_fail", "The provider was told to fail.")
		}
	})
}
