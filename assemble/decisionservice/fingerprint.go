package decisionservice

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// maxLooked bounds what is read of one file to see whether it changed; larger
// ones do not load.
const maxLooked = 2 << 20

// fingerprint sums up the configuration file and the policies that it names.
// A file that cannot be read counts as changed content, not as a failure.
func fingerprint(file string, cfg *configv1.Config) [sha256.Size]byte {
	sum := sha256.New()
	addFile(sum, file)
	for _, path := range cfg.GetPolicies() {
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(file), path)
		}
		addPath(sum, path)
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

func addPath(sum io.Writer, path string) {
	entries, err := os.ReadDir(path)
	if err != nil {
		addFile(sum, path)
		return
	}
	for _, e := range entries {
		if !e.IsDir() {
			addFile(sum, filepath.Join(path, e.Name()))
		}
	}
}

func addFile(sum io.Writer, path string) {
	f, err := os.Open(path) //nolint:gosec // a path of the operator's configuration
	if err != nil {
		fmt.Fprintf(sum, "%q cannot be read\n", path)
		return
	}
	defer func() { _ = f.Close() }()
	content := sha256.New()
	_, err = io.Copy(content, io.LimitReader(f, maxLooked))
	fmt.Fprintf(sum, "%q %x %v\n", path, content.Sum(nil), err)
}
