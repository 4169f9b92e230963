package decisionservice

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxLooked bounds what is read of one file to see whether it changed; larger
// ones do not load.
const maxLooked = 16 << 20

// fingerprint sums up the files at paths, and in them where they are folders.
// A file that cannot be read counts as changed content, not as a failure.
func fingerprint(paths []string) [sha256.Size]byte {
	sum := sha256.New()
	for _, path := range paths {
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
