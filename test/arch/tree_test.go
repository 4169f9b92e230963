package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const modulePath = "outrider.dev/outrider"

// pkg is what the tests read of `go list -json`.
type pkg struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Doc        string
	Name       string
	GoFiles    []string
}

// rel is the package's path within the module.
func (p pkg) rel() string { return strings.TrimPrefix(p.ImportPath, modulePath+"/") }

// root is the module's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// goTool runs the go command in the module's folder.
func goTool(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// list returns the packages that match, as `go list` sees them.
func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	out := goTool(t, append([]string{"list", "-json=ImportPath,Standard,Imports,Doc,Name,GoFiles"}, args...)...)
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return pkgs
		case err != nil:
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}
