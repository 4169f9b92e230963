package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Part is a process of the road.
type Part string

// The parts, in the order in which they start.
const (
	PDP     Part = "pdp"
	Sidecar Part = "sidecar"
)

const (
	readyTimeout = 10 * time.Second
	readyPoll    = 20 * time.Millisecond
	stopTimeout  = 3 * time.Second
	logTail      = 2000 // bytes of a part's log that an error shows
)

// process is a running part. Its output goes to a file in the stage's folder.
type process struct {
	part Part
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
	err  error         // how it ended; read only after done
}

// start starts the command of a part.
func start(part Part, cmd *exec.Cmd, log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // G304: a name of ours in the demo's own folder
	if err != nil {
		return nil, fmt.Errorf("open the log of the %s: %w", part, err)
	}
	defer func() { _ = out.Close() }() // the child has its own descriptor
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the %s (%s): %w", part, cmd.Path, err)
	}
	p := &process{part: part, cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// ready waits until the part says that it is ready.
func (p *process) ready(ctx context.Context, client *http.Client, address string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout,
		fmt.Errorf("not ready within %v", readyTimeout))
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for !isReady(ctx, client, address) {
		select {
		case <-p.done:
			return fmt.Errorf("the %s ended before it was ready (%w); its log %s says:\n%s", p.part, p.err, p.log, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("the %s at %s: %w; its log %s says:\n%s", p.part, address, context.Cause(ctx), p.log, p.tail())
		case <-tick.C:
		}
	}
	return nil
}

func isReady(ctx context.Context, client *http.Client, address string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// stop asks the process to end, and ends it after three seconds. One that had
// ended in peace before is no error: Ctrl-C on a terminal reaches the parts too,
// and a part that is missing shows in the story.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only if it has ended
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("the %s did not end within %v of SIGTERM and was killed", p.part, stopTimeout)
	}
	if exit := new(exec.ExitError); errors.As(p.err, &exit) && !exit.Exited() {
		return nil // ended by the signal itself, before it listened for it
	}
	if p.err != nil {
		return fmt.Errorf("the %s ended badly (%w); its log %s says:\n%s", p.part, p.err, p.log, p.tail())
	}
	return nil
}

func (p *process) tail() []byte {
	raw, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	if len(raw) > logTail {
		raw = raw[len(raw)-logTail:]
	}
	return bytes.TrimSpace(raw)
}
