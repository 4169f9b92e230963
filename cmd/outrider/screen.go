package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// maxWaiting is how many lines wait for a screen that stands still.
	maxWaiting = 1024
	// lastLines is how long the end waits for lines that were not written yet.
	lastLines = time.Second
)

// screen writes lines one after the other, apart from who says them, which are the
// calls: a terminal that stands still, or a pipe that nobody reads, holds none.
type screen struct {
	out   io.Writer
	ended chan struct{}

	mu     sync.Mutex
	lines  chan string // nil once the screen is closed
	missed int         // since the last line that found a place
}

func newScreen(out io.Writer) *screen {
	s := &screen{out: out, lines: make(chan string, maxWaiting), ended: make(chan struct{})}
	go s.write(s.lines)
	return s
}

// write writes until there are no more lines. Where they cannot be written
// there is nobody to tell.
func (s *screen) write(lines <-chan string) {
	defer close(s.ended)
	for line := range lines {
		_, _ = io.WriteString(s.out, line)
	}
}

// say hands over a line, or counts it as missed if too many wait.
func (s *screen) say(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.missed > 0 {
		line = fmt.Sprintf("… %d lines are missing: the screen stood still\n%s", s.missed, line)
	}
	select {
	case s.lines <- line:
		s.missed = 0
	default:
		s.missed++
	}
}

// Write says what a log writes: one line each time.
func (s *screen) Write(line []byte) (int, error) {
	s.say(string(line))
	return len(line), nil
}

// Fd is the file that the lines go to, so that a log may know a terminal.
func (s *screen) Fd() uintptr {
	if f, ok := s.out.(*os.File); ok {
		return f.Fd()
	}
	return ^uintptr(0)
}

// close waits a moment for the last lines. Nothing is said afterwards.
func (s *screen) close() {
	s.mu.Lock()
	if s.lines != nil {
		close(s.lines)
		s.lines = nil
	}
	s.mu.Unlock()
	select {
	case <-s.ended:
	case <-time.After(lastLines):
	}
}
