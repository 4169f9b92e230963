package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode"
)

// Bounds of a bundle.
const (
	MaxBytes    = 8 << 20  // of the archive
	maxUnpacked = 32 << 20 // of all files in it
	maxEntries  = 4096
	maxName     = 255
)

var errUnpacked = fmt.Errorf("the bundle holds more than %d bytes: take out what rules do not need", maxUnpacked)

// scan refuses what the library would read without bounds, pass over or take
// for something else: archives that unpack to more than they should, links,
// and two files of one name.
func scan(raw []byte) error {
	if len(raw) > MaxBytes {
		return fmt.Errorf("the bundle is larger than %d bytes: take out what rules do not need", MaxBytes)
	}
	unzip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return errors.New("the bundle is no gzipped archive")
	}
	bounded := &bounded{from: unzip, left: maxUnpacked + maxEntries*1024} // headers and padding beside the files
	archive := tar.NewReader(bounded)
	seen, total := map[string]bool{}, int64(0)
	for {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return damaged(err)
		}
		if total += entry.Size; total > maxUnpacked || entry.Size < 0 {
			return errUnpacked
		}
		if err := admit(entry, seen); err != nil {
			return err
		}
	}
	// The checksum stands behind the last file.
	if _, err := io.Copy(io.Discard, bounded); err != nil {
		return damaged(err)
	}
	return nil
}

// admit refuses an entry that is no file, or not the only one of its name.
func admit(entry *tar.Header, seen map[string]bool) error {
	switch entry.Typeflag {
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return nil
	case tar.TypeReg:
	default:
		return errors.New("the bundle holds a link or a device: put files into it")
	}
	name := strings.TrimPrefix(path.Clean("/"+entry.Name), "/")
	if len(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return errors.New("the bundle holds a file whose name is too long or not printable")
	}
	if seen[name] {
		return fmt.Errorf("the bundle holds %s twice", name)
	}
	if seen[name] = true; len(seen) > maxEntries {
		return fmt.Errorf("the bundle holds more than %d files", maxEntries)
	}
	return nil
}

func damaged(err error) error {
	if errors.Is(err, errUnpacked) {
		return err
	}
	return errors.New("the bundle is damaged or ends too early")
}

// bounded fails where more is read than was granted.
type bounded struct {
	from io.Reader
	left int
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p[:min(len(p), b.left+1)])
	if b.left -= n; b.left < 0 {
		return 0, errUnpacked
	}
	return n, err
}
