package kubernetes

import (
	"fmt"
	"os"
	"testing"
)

// imagesDir is where the images lie that all tests share.
var imagesDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "outrider-images")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	imagesDir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}
