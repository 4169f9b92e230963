package route

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// maxKeyFile bounds a key file, in bytes.
const maxKeyFile = 64 << 10

// credential is a bearer key, or a text such as a private key. One from a file
// is read again when the file changes, so that a rotated secret needs no restart.
type credential struct {
	file  string // empty: value never changes
	clean func([]byte) (decision.Secret, error)

	mu    sync.Mutex
	value decision.Secret
	mtime time.Time
	size  int64
}

// newCredential reads the key once, so that a missing one is told at load.
// A nil source is a target without a key.
func newCredential(owner string, src *configv1.KeySource) (*credential, error) {
	return readCredential(owner, src, cleanKey)
}

func readCredential(owner string, src *configv1.KeySource, clean func([]byte) (decision.Secret, error)) (*credential, error) {
	switch {
	case src == nil:
		return &credential{}, nil
	case src.GetEnv() != "":
		v, err := clean([]byte(os.Getenv(src.GetEnv())))
		if err != nil {
			return nil, fmt.Errorf("%s: the environment variable %s %w", owner, src.GetEnv(), err)
		}
		return &credential{value: v}, nil
	default:
		c := &credential{file: src.GetFile(), clean: clean}
		if _, err := c.bearer(); err != nil {
			return nil, fmt.Errorf("%s: %w", owner, err)
		}
		return c, nil
	}
}

// Key returns what reads a key from where the configuration says. A key that
// is missing now is an error now; owner says in it whose the key is.
func Key(owner string, src *configv1.KeySource) (func() (decision.Secret, error), error) {
	c, err := newCredential(owner, src)
	if err != nil {
		return nil, err
	}
	return c.bearer, nil
}

// Text is [Key] of what may have several lines and travels in no header, such as
// a private key.
func Text(owner string, src *configv1.KeySource) (func() (decision.Secret, error), error) {
	c, err := readCredential(owner, src, cleanText)
	if err != nil {
		return nil, err
	}
	return c.bearer, nil
}

// bearer returns the key, empty for a target without one.
func (c *credential) bearer() (decision.Secret, error) {
	if c.file == "" {
		return c.value, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.file)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if c.value != nil && info.ModTime().Equal(c.mtime) && info.Size() == c.size {
		return c.value, nil
	}
	if info.Size() > maxKeyFile {
		return nil, fmt.Errorf("key file %s: larger than %d bytes", c.file, maxKeyFile)
	}
	raw, err := os.ReadFile(c.file)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	v, err := c.clean(raw)
	if err != nil {
		return nil, fmt.Errorf("key file %s %w", c.file, err)
	}
	c.value, c.mtime, c.size = v, info.ModTime(), info.Size()
	return c.value, nil
}

// cleanText drops white space around a text and refuses an empty one.
func cleanText(raw []byte) (decision.Secret, error) {
	v := bytes.TrimSpace(raw)
	if len(v) == 0 {
		return nil, errors.New("is empty: it must hold the key")
	}
	return v, nil
}

// cleanKey drops white space around a key and refuses what is no key: a header
// carries visible ASCII, and nothing else reaches a data plane as it was meant.
func cleanKey(raw []byte) (decision.Secret, error) {
	v, err := cleanText(raw)
	if err != nil {
		return nil, err
	}
	if bytes.ContainsAny(v, "\r\n") {
		return nil, errors.New("holds more than one line: it must hold the key alone")
	}
	for _, c := range v {
		if c <= ' ' || c > '~' {
			return nil, errors.New("holds white space or characters that no header can carry: it must hold the key alone")
		}
	}
	return v, nil
}
