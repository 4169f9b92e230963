package sse

import "bytes"

// Buffered reports whether [Reader.Next] will return an event without reading
// from the source. It may miss one that ends in an unusual way, never promise
// one that is not there.
func (r *Reader) Buffered() bool {
	rest := r.buf[r.line:]
	return bytes.Contains(rest, []byte("\n\n")) || bytes.Contains(rest, []byte("\n\r\n"))
}
