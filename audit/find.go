package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of one search.
const (
	minPrefix = 8
	maxFound  = 1000
	maxLine   = 1 << 20
)

// ErrNotFound says that no record of the decision is kept, or none any more.
var ErrNotFound = errors.New("no such decision is recorded")

// Find returns the records of one decision, newest first, at most the newest
// thousand. The first eight or more characters of its id are enough where no
// other decision begins with them.
func Find(dir, id string) ([]Record, error) {
	if len(id) < minPrefix {
		return nil, fmt.Errorf("decision id %q is too short: give at least %d characters", id, minPrefix)
	}
	open, err := openBoth(dir)
	if err != nil {
		return nil, fmt.Errorf("the record of decisions cannot be read: %w", err)
	}
	s, err := newSearch(id)
	for _, f := range open {
		err = errors.Join(err, s.read(f), f.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("the record of decisions in %s cannot be read: %w", dir, err)
	}
	return s.result(dir)
}

// openBoth opens the files, the older first in the list. The newer is opened
// first: where a rotation comes between, both are the same file, not a gap.
func openBoth(dir string) ([]*os.File, error) {
	now, err := openIfThere(dir, newer)
	if err != nil {
		return nil, err
	}
	before, err := openIfThere(dir, older)
	if err != nil {
		if now != nil {
			err = errors.Join(err, now.Close())
		}
		return nil, err
	}
	if now == nil || before == nil {
		return slices.DeleteFunc([]*os.File{before, now}, func(f *os.File) bool { return f == nil }), nil
	}
	if same, err := sameFile(now, before); err != nil || same {
		return []*os.File{now}, errors.Join(err, before.Close())
	}
	return []*os.File{before, now}, nil
}

func openIfThere(dir, name string) (*os.File, error) {
	f, err := os.Open(filepath.Join(dir, name)) //nolint:gosec // the operator names the state directory
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

func sameFile(a, b *os.File) (bool, error) {
	infoA, err := a.Stat()
	if err != nil {
		return false, err
	}
	infoB, err := b.Stat()
	if err != nil {
		return false, err
	}
	return os.SameFile(infoA, infoB), nil
}

// search gathers matching records in the order of the files.
type search struct {
	id     string
	quoted []byte // as it begins in a line
	exact  []Record
	prefix []Record
}

func newSearch(id string) (*search, error) {
	quoted, err := json.Marshal(id)
	return &search{id: id, quoted: bytes.TrimSuffix(quoted, []byte{'"'})}, err
}

// read skips lines that are no records: a crash may have cut one short.
func (s *search) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, batchBytes), maxLine)
	for lines.Scan() {
		if !bytes.Contains(lines.Bytes(), s.quoted) {
			continue // most lines, without the cost of reading them
		}
		var rec Record
		if json.Unmarshal(lines.Bytes(), &rec) != nil {
			continue
		}
		switch {
		case rec.ID == s.id:
			s.exact = keep(s.exact, rec)
		case strings.HasPrefix(rec.ID, s.id):
			s.prefix = keep(s.prefix, rec)
		}
	}
	return lines.Err()
}

// keep appends and forgets the oldest beyond the bound.
func keep(list []Record, r Record) []Record {
	if len(list) == maxFound {
		list = slices.Delete(list, 0, 1)
	}
	return append(list, r)
}

func (s *search) result(dir string) ([]Record, error) {
	found := s.exact
	if len(found) == 0 {
		found = s.prefix
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: %q in %s: older ones are dropped, and a service with another state directory keeps its own", ErrNotFound, s.id, dir)
	}
	for _, r := range found {
		if r.ID != found[0].ID {
			return nil, fmt.Errorf("decision id %q fits several decisions, such as %s and %s: give more characters", s.id, found[0].ID, r.ID)
		}
	}
	slices.Reverse(found)
	return found, nil
}
