package demo

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func freeAddress(t *testing.T) string {
	t.Helper()
	var address string
	if err := freePorts(&address); err != nil {
		t.Fatal(err)
	}
	return address
}

// started starts a part and returns how it came to be ready.
func started(ctx context.Context, t *testing.T, mode string) (*process, error) {
	t.Helper()
	address := freeAddress(t)
	p, err := start(PDP, part(t, mode, address), filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	return p, p.ready(ctx, client, address)
}

func TestAPartIsAwaitedAndStopped(t *testing.T) {
	p, err := started(t.Context(), t, "good")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if log, err := os.ReadFile(p.log); err != nil || string(log) != "part good\n" {
		t.Errorf("the log holds %q, %v", log, err)
	}
}

func TestAPartThatEndsEarlyShowsItsLog(t *testing.T) {
	p, err := started(t.Context(), t, "ends")
	if err == nil || !strings.Contains(err.Error(), "part ends") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v, want the exit status and the log", err)
	}
	if err := p.stop(); err == nil || !strings.Contains(err.Error(), "ended badly (exit status 3)") {
		t.Errorf("stop: %v", err)
	}
}

func TestAPartThatIsNeverReady(t *testing.T) {
	address := freeAddress(t)
	p, err := start(PDP, part(t, "never ready", address), filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	for len(p.tail()) == 0 {
		time.Sleep(readyPoll)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*readyPoll)
	defer cancel()
	err = p.ready(ctx, &http.Client{Transport: &http.Transport{}}, address)
	if err == nil || !strings.Contains(err.Error(), "part never ready") {
		t.Errorf("got %v, want an error with the log", err)
	}
	if err := p.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestAPartThatEndsBadlyIsReported(t *testing.T) {
	p, err := started(t.Context(), t, "ends badly")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.stop(); err == nil || !strings.Contains(err.Error(), "exit status 4") {
		t.Errorf("stop: %v", err)
	}
}

func TestAStubbornPartIsKilled(t *testing.T) {
	p, err := started(t.Context(), t, "stubborn")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.stop(); err == nil || !strings.Contains(err.Error(), "was killed") {
		t.Errorf("stop: %v", err)
	}
	select {
	case <-p.done:
	default:
		t.Error("the process still runs")
	}
}

func TestACommandThatCannotStart(t *testing.T) {
	_, err := start(Sidecar, exec.Command(filepath.Join(t.TempDir(), "absent")), filepath.Join(t.TempDir(), "log"))
	if err == nil || !strings.Contains(err.Error(), "start the sidecar") {
		t.Errorf("got %v", err)
	}
}

func TestPartsStopInReverseWhenOneFails(t *testing.T) {
	s := stage(t)
	a := newAgent(s.AgentURL())
	defer a.http.CloseIdleConnections()
	_, err := startParts(t.Context(), s, a, func(which Part, _ string) *exec.Cmd {
		if which == Sidecar {
			return part(t, "ends", s.AdminAddress)
		}
		return part(t, "good", s.PDPAddress)
	})
	if err == nil || !strings.Contains(err.Error(), "the sidecar ended before it was ready") {
		t.Fatalf("got %v", err)
	}
	if isReady(t.Context(), a.http, s.PDPAddress) {
		t.Error("the decision service still runs")
	}
}
