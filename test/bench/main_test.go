package bench

import (
	"fmt"
	"os"
	"testing"
)

// The benchmark starts itself again for what stands beside the road, so that
// each part has a CPU clock of its own.
const (
	roleVariable  = "OUTRIDER_BENCH_ROLE"
	roleAddress   = "OUTRIDER_BENCH_ADDRESS"
	roleTarget    = "OUTRIDER_BENCH_TARGET"
	roleProxy     = "proxy"
	roleFarSide   = "far side"
	exitWrongRole = 2
)

func TestMain(m *testing.M) {
	address := os.Getenv(roleAddress)
	var err error
	switch role := os.Getenv(roleVariable); role {
	case "":
		os.Exit(m.Run())
	case roleProxy:
		err = serveProxy(address, os.Getenv(roleTarget))
	case roleFarSide:
		err = serveFarSide(address)
	default:
		err = fmt.Errorf("no role is named %q", role)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(exitWrongRole)
}
