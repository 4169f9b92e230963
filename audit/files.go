package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Names of the two files in the state directory.
const (
	newer = "decisions.jsonl"
	older = "decisions.1.jsonl"
)

// files appends to the newer file and, when that is full, makes it the older.
type files struct {
	dir  string
	max  int64
	file *os.File // nil after an error; opened again by the next write
	size int64
}

func (f *files) path(name string) string { return filepath.Join(f.dir, name) }

// open opens the newer file for appending. A line that a crash cut short is
// ended, so that the next one stands by itself.
func (f *files) open() error {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path(newer), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	size, err := prepare(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.file, f.size = file, size
	return nil
}

func prepare(file *os.File) (int64, error) {
	if err := file.Chmod(0o600); err != nil {
		return 0, err
	}
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return 0, err
	}
	last := make([]byte, 1)
	if _, err := file.ReadAt(last, info.Size()-1); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if last[0] == '\n' {
		return info.Size(), nil
	}
	n, err := file.WriteString("\n")
	return info.Size() + int64(n), err
}

// write appends whole lines. After an error some of them may be in the file.
func (f *files) write(lines []byte) error {
	if f.file == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	if f.size > 0 && f.size+int64(len(lines)) > f.max {
		if err := f.rotate(); err != nil {
			return err
		}
	}
	n, err := f.file.Write(lines)
	f.size += int64(n)
	if err != nil {
		return errors.Join(err, f.drop())
	}
	return nil
}

func (f *files) rotate() error {
	if err := f.drop(); err != nil {
		return err
	}
	if err := os.Rename(f.path(newer), f.path(older)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rotating: %w", err)
	}
	return f.open()
}

func (f *files) drop() error {
	err := f.file.Close()
	f.file = nil
	return err
}

// close makes what was written durable.
func (f *files) close() error {
	if f.file == nil {
		return nil
	}
	return errors.Join(f.file.Sync(), f.drop())
}
