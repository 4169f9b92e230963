package envoy

import (
	"context"
	"net"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"outrider.dev/outrider/test/started"
)

const (
	startTime = 20 * time.Second // until a process is ready
	drainTime = 15 * time.Second // from SIGTERM to the end
)

// process is one that a test started, and that ends with it.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   *started.Log
	ended chan struct{}
	err   error // of its end, once ended is closed
}

// start starts a program in a folder. Its log is shown when the test fails.
func start(t *testing.T, name, dir, program string, args ...string) *process {
	t.Helper()
	p := &process{name: name, log: &started.Log{}, ended: make(chan struct{})}
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), program, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			t.Logf("%s said:\n%.20000s", name, p.log)
		}
	})
	return p
}

// stop asks the process to end and waits. A second time it does nothing.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(drainTime):
		_ = p.cmd.Process.Kill()
		<-p.ended
		t.Errorf("%s did not end within %s", p.name, drainTime)
	}
}

// listens waits until the process takes connections.
func (p *process) listens(t *testing.T, network, address string) {
	t.Helper()
	for end := time.Now().Add(startTime); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial(network, address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-p.ended:
			t.Fatalf("%s ended with %v", p.name, p.err)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen at %s: %v", p.name, address, err)
		}
	}
}
