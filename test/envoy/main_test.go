package envoy

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// built is where the decision service was built, once for all tests.
var built struct {
	once sync.Once
	dir  string
	err  error
}

// pdpBinary builds the real command, with the race detector.
func pdpBinary(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "pdp"); built.err != nil {
			return
		}
		out, err := exec.CommandContext(context.Background(), "go", "build", "-race", "-o", built.dir, "../../cmd/outrider-pdp").CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("build the decision service: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "outrider-pdp")
}

var install = sync.OnceValues(func() (string, error) {
	cmd := exec.CommandContext(context.Background(), "./install")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
})

// envoyBinary is the Envoy of ./install.
func envoyBinary(t *testing.T) string {
	t.Helper()
	program, err := install()
	if err != nil {
		t.Fatalf("install Envoy: %v", err)
	}
	return program
}
