package kubernetes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"outrider.dev/outrider/test/started"
)

const (
	startTime = 2 * time.Minute // until a part is ready, on a busy machine
	drainTime = 30 * time.Second
)

// process is a program that runs until it is stopped.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   started.Log
	ended chan error
}

func startProcess(name string, args ...string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(name, args...), ended: make(chan error, 1)}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.ended <- p.cmd.Wait() }()
	return p, nil
}

// stop asks the process to end, and ends it when it does not.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.ended:
		p.ended <- err
		return err
	case <-time.After(drainTime):
		_ = p.cmd.Process.Kill()
		err := <-p.ended
		p.ended <- err
		return fmt.Errorf("%s did not end within %s\n%s", p.name, drainTime, &p.log)
	}
}

// until asks again and again until ready answers nil. A process that ended, if one is
// given, will not get ready.
func until(what string, p *process, ready func() error) error {
	deadline := time.Now().Add(startTime)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		if p != nil {
			select {
			case end := <-p.ended:
				p.ended <- end
				return fmt.Errorf("%s ended: %w\n%s", what, errors.Join(end, err), &p.log)
			default:
			}
		}
		if time.Now().After(deadline) {
			if p != nil {
				err = fmt.Errorf("%w\n%s", err, &p.log)
			}
			return fmt.Errorf("%s is not ready within %s: %w", what, startTime, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// mustUntil is until in a test.
func mustUntil(t *testing.T, what string, p *process, ready func() error) {
	t.Helper()
	if err := until(what, p, ready); err != nil {
		t.Fatal(err)
	}
}

// command runs a program to its end.
func command(ctx context.Context, stdin []byte, name string, args ...string) (stdout, stderr string, err error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &problems
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("%s %v: %w\n%s%s", name, args, err, out.String(), problems.String())
	}
	return out.String(), problems.String(), err
}
