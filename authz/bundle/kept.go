package bundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// Kept reads the last good bundle from disk and verifies it as if it had just
// come. It returns nil where none is kept, and since when the server has not
// said that it is the last.
func (s *Source) Kept() (*Bundle, time.Duration, error) {
	f, err := os.Open(s.cfg.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, 0, err
	}
	b, err := Read(raw, s.cfg.Signature)
	return b, max(time.Since(info.ModTime()), 0), err
}

// keep writes the archive so that a crash leaves this one or the one before.
func (s *Source) keep(raw []byte) error {
	if err := os.MkdirAll(filepath.Dir(s.cfg.File), 0o700); err != nil {
		return err
	}
	next := s.cfg.File + ".new"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // a name of our own in the state folder
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(next, s.cfg.File)
}

// confirm notes when the server said that the kept bundle is the last. That
// only tells people how old it is.
func (s *Source) confirm() {
	now := time.Now()
	_ = os.Chtimes(s.cfg.File, now, now)
}

// plain is a network error without the address, whose query may hold a key.
func plain(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return fmt.Errorf("the server cannot be reached: %w", at.Err)
	}
	return err
}
