package road

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"outrider.dev/outrider/assemble/dataplane"
	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/demo/issuer"
)

// partEnv makes the test binary behave as one part of the road, with the
// configuration file that its only argument names.
const partEnv = "OUTRIDER_ROAD_PART"

// The parts that run as processes of their own.
const (
	partPDP     = "pdp"
	partSidecar = "sidecar"
)

// believed is the issuer of good tokens. Making its key takes longer than
// starting a road, so all roads share one.
var believed *issuer.Issuer

func TestMain(m *testing.M) {
	if part := os.Getenv(partEnv); part != "" {
		os.Exit(play(part, os.Args[1]))
	}
	goleak.VerifyTestMain(withIssuer{m})
}

// withIssuer runs the tests while the issuer stands, so that the search for
// leaks comes after its end.
type withIssuer struct{ m *testing.M }

// Run implements goleak.TestingM.
func (w withIssuer) Run() int {
	i, err := issuer.Start(clients()...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	believed = i
	code := w.m.Run()
	if err := i.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func play(part, file string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var err error
	switch part {
	case partPDP:
		err = decisionservice.Run(ctx, file, "test")
	case partSidecar:
		err = dataplane.Run(ctx, dataplane.RunOptions{Config: file, Version: "test"})
	default:
		err = fmt.Errorf("no part is called %q", part)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
