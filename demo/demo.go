package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// storyTimeout bounds the story; it normally takes a few seconds.
const storyTimeout = 2 * time.Minute

// Options say how the story is played.
type Options struct {
	Out   io.Writer
	Color bool // Out is a terminal
	Keep  bool // listen on the standard ports, and stay until the context ends

	// State is the decision service's folder, where `outrider why` looks by
	// itself. Empty: in the demo's own folder.
	State string

	// Command returns the command, not yet started, that runs a part with the
	// configuration file. `outrider demo` names its own executable.
	Command func(part Part, config string) *exec.Cmd
}

// Run starts everything, plays the story and stops everything. The error is a
// [*Mismatch] if a step came out otherwise than expected.
func Run(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp("", "outrider-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	stage, err := NewStage(dir, o.State, o.Keep)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.Close()) }()
	out := &printer{out: o.Out, color: o.Color}
	player := newPlayer(stage, out)
	defer player.agent.http.CloseIdleConnections()

	stop, err := startParts(ctx, stage, player.agent, o.Command)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	out.opening(stage)

	story, cancel := context.WithTimeoutCause(ctx, storyTimeout, fmt.Errorf("it took longer than %v", storyTimeout))
	defer cancel()
	err = player.play(story, scenes())
	out.closing(stage, player.lastID, o.State != "")
	if o.Keep && ctx.Err() == nil {
		out.keeping(stage)
		<-ctx.Done()
	}
	return err
}

// startParts starts the decision service and the data plane, waits until each
// is ready, and returns what stops them in reverse.
func startParts(ctx context.Context, s *Stage, a *agent, command func(Part, string) *exec.Cmd) (func() error, error) {
	var running []*process
	stop := func() error {
		var errs []error
		for _, p := range slices.Backward(running) {
			errs = append(errs, p.stop())
		}
		return errors.Join(errs...)
	}
	health := map[Part]string{PDP: s.PDPAddress, Sidecar: s.AdminAddress}
	for _, part := range []Part{PDP, Sidecar} {
		p, err := start(part, command(part, s.Config(part)), filepath.Join(s.Dir, string(part)+".log"))
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		running = append(running, p)
		if err := p.ready(ctx, a.http, health[part]); err != nil {
			return nil, errors.Join(err, stop())
		}
	}
	return stop, nil
}
