// Package started is what tests start beside themselves: stand-ins that end
// with the test, and the logs of processes. Tests alone import it.
package started

import (
	"bytes"
	"sync"
	"testing"
)

// By starts a stand-in and closes it at the end of the test.
func By[S interface{ Close() error }](tb testing.TB, start func() (S, error)) S {
	tb.Helper()
	s, err := start()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Log gathers what a process prints. Its zero value is an empty log.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is what was printed until now.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
