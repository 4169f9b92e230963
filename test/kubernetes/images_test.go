package kubernetes

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// commands are all that images are made of.
var commands = []string{"outrider", "outrider-injector", "outrider-pdp", "outrider-sidecar"}

// built makes the images once for all tests, as `make images` does, and with them the
// image of the agent.
var built = sync.OnceValue(func() error {
	packages := make([]string, 0, len(commands))
	for _, c := range commands {
		packages = append(packages, "./cmd/"+c)
	}
	return makeImages(filepath.Join(workDir, "images"), "linux/amd64,linux/arm64", packages...)
})

// makeImages runs the tool that makes images.
func makeImages(dir, platforms string, packages ...string) error {
	args := append([]string{"run", "-C", "../../tools/images", ".", "-o", dir, "-platforms", platforms, "-version", "test"}, packages...)
	out, err := exec.CommandContext(context.Background(), "go", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make images: %w\n%s", err, out)
	}
	return nil
}

func images(t *testing.T) string {
	t.Helper()
	if err := built(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(workDir, "images")
}

// ociConfig is what these tests read of an image's configuration.
type ociConfig struct {
	OS, Architecture string
	Config           struct {
		User       string
		Entrypoint []string
		Env        []string
	}
	RootFS struct {
		DiffIDs []string `json:"diff_ids"`
	}
}

type ociDescriptor struct {
	Digest   string
	Size     int
	Platform struct{ OS, Architecture string }
}

type ociManifest struct {
	Manifests []ociDescriptor // of an index
	Config    ociDescriptor   // of a manifest
	Layers    []ociDescriptor
}

// ociArchive is an image as it lies on disk: a tar file of blobs.
type ociArchive map[string]file

type file struct {
	tar.Header
	data []byte
}

// unpack reads a whole tar file.
func unpack(r io.Reader) (map[string]file, error) {
	files := map[string]file{}
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		files[h.Name] = file{*h, data}
	}
}

// blob returns what the descriptor names, after checking digest and size.
func (a ociArchive) blob(t *testing.T, d ociDescriptor) []byte {
	t.Helper()
	data := a["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")].data
	if sum := sha256.Sum256(data); "sha256:"+hex.EncodeToString(sum[:]) != d.Digest || len(data) != d.Size {
		t.Fatalf("blob %s of %d bytes is not what it says", d.Digest, d.Size)
	}
	return data
}

func (a ociArchive) read(t *testing.T, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

// instance reads configuration and files of one platform.
func (a ociArchive) instance(t *testing.T, d ociDescriptor) (ociConfig, map[string]file) {
	t.Helper()
	var m ociManifest
	a.read(t, a.blob(t, d), &m)
	var cfg ociConfig
	a.read(t, a.blob(t, m.Config), &cfg)
	all := map[string]file{}
	for i, l := range m.Layers {
		zip, err := gzip.NewReader(bytes.NewReader(a.blob(t, l)))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(zip)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(plain); "sha256:"+hex.EncodeToString(sum[:]) != cfg.RootFS.DiffIDs[i] {
			t.Errorf("layer %d is not what the configuration says", i)
		}
		files, err := unpack(bytes.NewReader(plain))
		if err != nil {
			t.Fatal(err)
		}
		for name, f := range files {
			all[name] = f
		}
	}
	return cfg, all
}

// openArchive reads the image of a command and the descriptors of its platforms.
func openArchive(t *testing.T, command string) (ociArchive, []ociDescriptor) {
	t.Helper()
	files, err := unpack(strings.NewReader(read(t, filepath.Join(images(t), command+".tar"))))
	if err != nil {
		t.Fatal(err)
	}
	archive := ociArchive(files)
	var top, platforms ociManifest
	archive.read(t, archive["index.json"].data, &top)
	archive.read(t, archive.blob(t, top.Manifests[0]), &platforms)
	return archive, platforms.Manifests
}

// commandOf takes the binary for this machine out of its image.
func commandOf(t *testing.T, command string) []byte {
	t.Helper()
	archive, platforms := openArchive(t, command)
	for _, d := range platforms {
		if d.Platform.Architecture == runtime.GOARCH {
			_, files := archive.instance(t, d)
			return files[command].data
		}
	}
	t.Fatalf("no image of %s for %s", command, runtime.GOARCH)
	return nil
}

func TestImages(t *testing.T) {
	for _, command := range commands {
		t.Run(command, func(t *testing.T) {
			archive, platforms := openArchive(t, command)
			var found []string
			for _, d := range platforms {
				cfg, files := archive.instance(t, d)
				found = append(found, d.Platform.Architecture)
				if cfg.Architecture != d.Platform.Architecture || cfg.OS != "linux" {
					t.Errorf("the image for %s says that it is for %s/%s", d.Platform.Architecture, cfg.OS, cfg.Architecture)
				}
				checkImage(t, command, cfg, files)
			}
			if want := []string{"amd64", "arm64"}; !slices.Equal(found, want) {
				t.Errorf("platforms %v, want %v", found, want)
			}
		})
	}
}

// checkImage looks at one platform's image: nothing but a static binary, certificate
// authorities, and a user that is not root.
func checkImage(t *testing.T, command string, cfg ociConfig, files map[string]file) {
	t.Helper()
	if cfg.Config.User != "65532:65532" || !slices.Equal(cfg.Config.Entrypoint, []string{"/" + command}) {
		t.Errorf("runs %v as %q", cfg.Config.Entrypoint, cfg.Config.User)
	}
	for name, f := range files {
		if mode := fs.FileMode(f.Mode); mode&0o022 != 0 && name != "tmp/" {
			t.Errorf("%s is writable for others: %o", name, mode)
		}
		if f.Mode&0o6000 != 0 || !f.ModTime.IsZero() && f.ModTime.Unix() != 0 {
			t.Errorf("%s: mode %o, time %s", name, f.Mode, f.ModTime)
		}
	}
	if !strings.Contains(string(files["etc/passwd"].data), "nonroot:x:65532:65532:") {
		t.Error("etc/passwd does not know the user")
	}
	if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(files["etc/ssl/certs/ca-certificates.crt"].data) {
		t.Error("no certificate authorities")
	}
	checkStatic(t, cfg.Architecture, files[command].data)
	if want := 10; len(files) != want {
		t.Errorf("%d files and folders, want %d", len(files), want)
	}
}

// checkStatic reads the binary: for which machine it is, and that no loader is asked for.
func checkStatic(t *testing.T, arch string, binary []byte) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[arch]; f.Machine != want {
		t.Errorf("a binary for %s in the image for %s", f.Machine, arch)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary is linked dynamically: %s", p.Type)
		}
	}
}

// TestImagesAreReproducible makes an image again and compares every byte.
func TestImagesAreReproducible(t *testing.T) {
	again := t.TempDir()
	if err := makeImages(again, "linux/amd64,linux/arm64", "./cmd/outrider-sidecar"); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(filepath.Join(images(t), "outrider-sidecar.tar"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(filepath.Join(again, "outrider-sidecar.tar"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the same sources gave two different images")
	}
}
