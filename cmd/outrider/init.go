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

	"outrider.dev/outrider/deploy/envoy"
)

//go:embed starter
var starter embed.FS

// initCommand is two commands of which the first needs no name. A folder of the
// name of the second is written as ./envoy.
type initCommand struct {
	Agent initAgent `cmd:"" default:"withargs" help:"For one agent, behind the data plane."`
	Envoy initEnvoy `cmd:"" help:"For an Envoy that asks about every call, with the decision service beside it."`
}

// Help implements kong.HelpProvider.
func (initCommand) Help() string {
	return "Files that exist are never touched: where one is in the way, nothing is written.\n\n" +
		"Example: outrider init my-agent"
}

// newFile is a file to be written, and why.
type newFile struct{ name, why, text string }

type initAgent struct {
	Dir string `arg:"" optional:"" default:"." help:"Where to write; made if it is not there."`
}

// Run writes the files and says what to do next.
func (c initAgent) Run(context.Context) error {
	list := []newFile{
		{name: "outrider.yaml", why: "where the agent connects, and which providers and servers there are"},
		{name: "policies/policy.yaml", why: "what the agent may do"},
		{name: "policies/tests.yaml", why: "what must stay so"},
	}
	for i := range list {
		text, err := starter.ReadFile("starter/" + list[i].name)
		if err != nil {
			return err
		}
		list[i].text = string(text)
	}
	if err := writeAll(c.Dir, list); err != nil {
		return err
	}
	fmt.Printf("\nNext:\n  outrider check %[1]s\n  outrider test %[2]s\n  OPENAI_API_KEY=... outrider run -c %[1]s\n",
		filepath.Join(c.Dir, "outrider.yaml"), filepath.Join(c.Dir, "policies"))
	return nil
}

type initEnvoy struct {
	Dir string `arg:"" optional:"" default:"." help:"Where to write; made if it is not there."`
	TCP bool   `name:"tcp" help:"Envoy and the decision service meet over TCP with mutual TLS, not on a unix socket."`
}

// Help implements kong.HelpProvider.
func (initEnvoy) Help() string {
	return "Writes an Envoy configuration in which ext_authz and ext_proc ask the decision service about every call, and " +
		"the configuration and policy of that service.\n\n" +
		"Example: outrider init envoy my-gateway"
}

// Run writes the files and says what to do next.
func (c initEnvoy) Run(context.Context) error {
	files, err := envoy.Files(c.TCP)
	if err != nil {
		return err
	}
	var list []newFile
	for _, f := range files {
		list = append(list, newFile{f.Name, f.Why, f.Text})
	}
	if err := writeAll(c.Dir, list); err != nil {
		return err
	}
	before := `sudo install -d -o "$USER" /run/outrider /var/lib/outrider`
	if c.TCP {
		before = `sudo install -d -o "$USER" /etc/outrider/tls /var/lib/outrider  # and put the certificates there`
	}
	fmt.Printf("\nNext:\n  %[4]s\n  outrider check --envoy %[1]s %[2]s\n  outrider test %[3]s\n  OPENAI_API_KEY=... GITHUB_TOKEN=... outrider-pdp -c %[2]s\n  envoy -c %[1]s\n",
		filepath.Join(c.Dir, "envoy.yaml"), filepath.Join(c.Dir, "outrider.yaml"), filepath.Join(c.Dir, "policies"), before)
	return nil
}

// writeAll writes files that must not exist yet, or none of them.
func writeAll(dir string, list []newFile) error {
	if err := free(dir, list); err != nil {
		return err
	}
	width := 0
	for _, f := range list {
		width = max(width, len(filepath.Join(dir, filepath.FromSlash(f.name))))
	}
	for _, f := range list {
		path := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := writeNew(path, []byte(f.text)); err != nil {
			return fmt.Errorf("init: %w", err)
		}
		fmt.Printf("wrote  %-*s  %s\n", width, path, f.why)
	}
	return nil
}

// free refuses a folder where one of the files, or something else of its
// name, is already.
func free(dir string, list []newFile) error {
	var taken []string
	for _, f := range list {
		path := filepath.Join(dir, filepath.FromSlash(f.name))
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			taken = append(taken, path)
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
