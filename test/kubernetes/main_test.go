package kubernetes

import (
	"fmt"
	"os"
	"testing"
)

// workDir holds what all tests share: images, the cluster, podman's storage.
var workDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "outrider-kubernetes")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	workDir = dir
	code := m.Run()
	if running != nil {
		running.stop()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}
