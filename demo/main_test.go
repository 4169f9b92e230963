package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outrider.dev/outrider/assemble/dataplane"
	"outrider.dev/outrider/assemble/decisionservice"
)

// partEnv makes the test binary behave as a part of the road.
const partEnv = "OUTRIDER_DEMO_TEST_PART"

func TestMain(m *testing.M) {
	if mode := os.Getenv(partEnv); mode != "" {
		if mode == string(PDP) || mode == string(Sidecar) {
			os.Exit(runPart(Part(mode), os.Args[1]))
		}
		os.Exit(playPart(mode, os.Args[1]))
	}
	goleak.VerifyTestMain(m)
}

// runPart runs a real part, as `outrider-pdp` and `outrider-sidecar` do.
func runPart(which Part, config string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var err error
	switch which {
	case PDP:
		err = decisionservice.Run(ctx, config, "test")
	case Sidecar:
		err = dataplane.Run(ctx, dataplane.RunOptions{Config: config, Version: "test"})
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// playPart is a part of which only its life is of interest: it says that it is
// ready at the address, ends by itself, or does not listen.
func playPart(mode, address string) int {
	fmt.Println("part", mode)
	switch mode {
	case "ends":
		return 3
	case "never ready":
		address = "127.0.0.1:0"
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	}
	server := &http.Server{Addr: address, ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			http.NotFound(w, r)
		}
	})}
	if mode != "stubborn" {
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		go func() {
			<-stop
			_ = server.Close()
		}()
	}
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return 1
	}
	if mode == "ends badly" {
		return 4
	}
	return 0
}

// part returns a command that plays the part in the mode.
func part(t *testing.T, mode, argument string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, argument)
	cmd.Env = append(os.Environ(), partEnv+"="+mode)
	return cmd
}
