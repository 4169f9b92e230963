package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFileBytes bounds one file.
const maxFileBytes = 1 << 20

// readSource returns the text of a file: UTF-8 without byte order mark and
// without control characters. On a problem it reports and returns false.
func (p *problems) readSource() (string, bool) {
	raw, err := readBounded(p.file, maxFileBytes)
	if err != nil {
		p.add(Position{File: p.file}, "", "cannot be read: "+cause(err), "check the path and its permissions")
		return "", false
	}
	return p.text(raw)
}

// text checks the bytes of a file before the parser sees them.
func (p *problems) text(raw []byte) (string, bool) {
	if len(raw) > maxFileBytes {
		p.add(Position{File: p.file}, "", "is larger than 1 MiB", "split it into several files")
		return "", false
	}
	src := string(bytes.ReplaceAll(bytes.TrimPrefix(raw, []byte("\uFEFF")), []byte("\r\n"), []byte("\n")))
	if i := badCharacter(src); i >= 0 {
		problem := "is not UTF-8"
		if r, size := utf8.DecodeRuneInString(src[i:]); r != utf8.RuneError || size > 1 {
			problem = fmt.Sprintf("holds the control character %U", r)
		}
		p.add(offsetPosition(p.file, src, i), "", problem, "save the file as UTF-8 text")
		return "", false
	}
	return src, true
}

// readBounded reads a file up to the first byte beyond a size.
func readBounded(path string, most int) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	if info, err := f.Stat(); err == nil && info.Mode()&fs.ModeDevice != 0 {
		return nil, errors.New("it is a device") // and may never end
	}
	return io.ReadAll(io.LimitReader(f, int64(most)+1))
}

// cause is the operating system's word without the path, which stands in the
// message already.
func cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// badCharacter returns the offset of the first byte that is no text, or -1.
func badCharacter(src string) int {
	for i, r := range src {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(src[i:]); size == 1 {
				return i
			}
		}
		if control(r) || r == '\uFEFF' {
			return i
		}
	}
	return -1
}

// control reports the characters that are neither text nor its layout.
func control(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

func offsetPosition(file, src string, offset int) Position {
	before := src[:offset]
	line := strings.LastIndexByte(before, '\n') + 1
	return Position{file, strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[line:]) + 1}
}
