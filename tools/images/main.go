// Command images builds this module's commands for several platforms and writes one
// image of each as an OCI archive, without a daemon and without a base: the binary,
// certificate authorities, a user. The same sources and Go version give the same
// bytes. `make images` runs it; nobody imports it.
package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

const help = `Usage: images [-o FOLDER] [-platforms LIST] [-version V] PACKAGE...

Builds the commands of the module in the folder -root and writes FOLDER/NAME.tar for each.

Example: images -root ../.. -o bin/images ./cmd/outrider-pdp ./cmd/outrider-sidecar

Flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintf(os.Stderr, "images: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), help); flags.PrintDefaults() }
	root := flags.String("root", "../..", "the module's `folder`")
	out := flags.String("o", "bin/images", "`folder` of the archives, below -root unless absolute")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64", "comma-separated `list`")
	version := flags.String("version", "dev", "what the commands say of themselves, and the images' tag")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("name the packages to build, such as ./cmd/outrider-pdp")
	}
	if !filepath.IsAbs(*out) {
		*out = filepath.Join(*root, *out)
	}
	if err := os.MkdirAll(*out, 0o755); err != nil { //nolint:gosec // images are for everybody
		return err
	}
	for _, pkg := range flags.Args() {
		b := builder{root: *root, pkg: pkg, version: *version}
		file := filepath.Join(*out, path.Base(pkg)+".tar")
		if err := b.write(ctx, file, strings.Split(*platforms, ",")); err != nil {
			return fmt.Errorf("%s: %w", pkg, err)
		}
		fmt.Println(file)
	}
	return nil
}

// builder makes the image of one command.
type builder struct{ root, pkg, version string }

// write puts the archive in its place when all of it is written.
func (b builder) write(ctx context.Context, file string, platforms []string) error {
	img := image{name: path.Base(b.pkg), version: b.version}
	for _, p := range platforms {
		system, arch, ok := strings.Cut(p, "/")
		if !ok {
			return fmt.Errorf("platform %q: write it like linux/amd64", p)
		}
		binary, err := b.build(ctx, system, arch)
		if err != nil {
			return err
		}
		if err := img.add(platform{system, arch}, base(authorities()), []entry{{name: img.name, mode: 0o555, data: binary}}); err != nil {
			return err
		}
	}
	archive, err := img.archive()
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", archive, 0o644); err != nil { //nolint:gosec // images are for everybody
		return err
	}
	return os.Rename(file+".new", file)
}

// build links the command statically. Nothing of this machine gets into it.
func (b builder) build(ctx context.Context, system, arch string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "outrider-images")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "command")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version="+b.version, "-o", file, b.pkg) //nolint:gosec // a build tool builds what it is told
	cmd.Dir = b.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build for %s/%s: %w\n%s", system, arch, err, out)
	}
	return os.ReadFile(file) //nolint:gosec // it was made above
}

// authorities are the roots that may sign any certificate. Those with conditions that
// a file cannot state are left out.
func authorities() []byte {
	var all bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&all, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes everything
		}
	}
	return all.Bytes()
}
