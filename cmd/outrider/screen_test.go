package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/telemetry"
)

func TestScreenKeepsTheOrder(t *testing.T) {
	var out bytes.Buffer
	s := newScreen(&out)
	var want strings.Builder
	for i := range maxWaiting {
		line := fmt.Sprintln(i)
		want.WriteString(line)
		s.say(line)
	}
	s.close()
	s.say("too late\n")
	if out.String() != want.String() {
		t.Errorf("%d bytes, want %d", out.Len(), want.Len())
	}
}

// TestAScreenThatStandsStill: calls go on while nobody reads the lines, and the
// reader learns how many are missing.
func TestAScreenThatStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, out := io.Pipe()
		p := newCallPrinter(newScreen(out), false)
		for range maxWaiting + 10 {
			p.print(request("deny", func(r *audit.Record) { r.ID = "0123456789" }))
			synctest.Wait()
		}
		read := make(chan string)
		go func() {
			text, _ := io.ReadAll(in)
			read <- string(text)
		}()
		synctest.Wait()
		p.say("the last\n")
		p.close()
		_ = out.Close()
		lines := strings.SplitAfter(<-read, "\n")
		// One line was on its way to the screen, the others waited.
		tail := strings.Join(lines[maxWaiting+1:], "")
		if tail != "… 9 lines are missing: the screen stood still\nthe last\n" {
			t.Errorf("%d lines, the last of them %q", len(lines), tail)
		}
	})
}

// TestCloseWaitsAMoment: a screen that stands still does not hold the end.
func TestCloseWaitsAMoment(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		in, out := io.Pipe()
		s := newScreen(out)
		s.say("nobody reads it\n")
		s.close()
		_ = in.Close() // so that the writer ends
	})
}

// TestLogsGoByTheScreen: a log uses its buffer again at once, and writes for a
// terminal only where one is.
func TestLogsGoByTheScreen(t *testing.T) {
	var out bytes.Buffer
	s := newScreen(&out)
	tel, err := telemetry.New(telemetry.Options{Service: "test", Log: s})
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Close(t.Context())
	for i := range 100 {
		tel.Log.Info("line", "n", i)
	}
	s.close()
	n := 0
	for line := range strings.Lines(out.String()) {
		var said struct{ N int }
		if err := json.Unmarshal([]byte(line), &said); err != nil || said.N != n {
			t.Errorf("line %d is %q: %v", n, line, err)
		}
		n++
	}
	if n != 100 {
		t.Errorf("%d lines", n)
	}
	if f, err := os.Open(os.DevNull); err != nil || newScreen(f).Fd() != f.Fd() {
		t.Errorf("a screen hides its file: %v", err)
	}
}
