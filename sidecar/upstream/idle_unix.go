//go:build unix

package upstream

import (
	"errors"
	"syscall"
)

// silent reports whether the server said nothing since the last answer. One
// that hung up cannot answer; bytes that nobody asked for would be taken for the
// answer to the next call.
func (c *conn) silent() bool {
	if c.raw == nil {
		return false
	}
	var said error
	err := c.raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, said = syscall.Read(int(fd), b[:]) // the descriptor does not block; a connection with bytes is dropped
		return true
	})
	return err == nil && errors.Is(said, syscall.EAGAIN)
}
