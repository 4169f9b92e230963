package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

//go:embed starter
var starter embed.FS

type initCommand struct {
	Dir string `arg:"" optional:"" default:"." help:"Where to write; made if it is not there."`
}

// Help implements kong.HelpProvider.
func (initCommand) Help() string {
	return "Files that exist are never touched: where one is in the way, nothing is written.\n\n" +
		"Example: outrider init my-agent"
}

// starterFiles are what is written, in the order of reading, and why.
func starterFiles() [][2]string {
	return [][2]string{
		{"outrider.yaml", "where the agent connects, and which providers and servers there are"},
		{"policies/policy.yaml", "what the agent may do"},
		{"policies/tests.yaml", "what must stay so"},
	}
}

// Run writes the files and says what to do next.
func (c initCommand) Run(context.Context) error {
	if err := c.free(); err != nil {
		return err
	}
	for _, f := range starterFiles() {
		text, err := starter.ReadFile("starter/" + f[0])
		if err != nil {
			return err
		}
		path := c.path(f[0])
		if err := writeNew(path, text); err != nil {
			return fmt.Errorf("init: %w", err)
		}
		fmt.Printf("wrote  %-*s  %s\n", len(c.path("policies/policy.yaml")), path, f[1])
	}
	fmt.Printf("\nNext:\n  outrider check %[1]s\n  outrider test %[2]s\n  OPENAI_API_KEY=... outrider run -c %[1]s\n",
		c.path("outrider.yaml"), c.path("policies"))
	return nil
}

func (c initCommand) path(name string) string { return filepath.Join(c.Dir, filepath.FromSlash(name)) }

// free refuses a folder where one of the files, or something else of its
// name, is already.
func (c initCommand) free() error {
	var taken []string
	for _, f := range starterFiles() {
		if _, err := os.Lstat(c.path(f[0])); !errors.Is(err, fs.ErrNotExist) {
			taken = append(taken, c.path(f[0]))
		}
	}
	if len(taken) == 0 {
		return nil
	}
	return fmt.Errorf("init: nothing was written, because of what is there: %s; name another folder, as in outrider init my-agent", strings.Join(taken, ", "))
}

// writeNew writes a file that must not exist yet.
func writeNew(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // configuration without secrets
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // the user names the folder
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
