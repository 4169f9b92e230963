package dialect

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"
)

// Opaque reports whether base64 holds something other than text, by its first
// bytes: whatever it is called, a file of text is read as text by models, so
// guards must see it. Its slashes may be escaped, as in raw JSON.
func Opaque(encoded []byte) bool {
	const seen = 64 // characters
	head := encoded[:min(len(encoded), 2*seen)]
	if bytes.IndexByte(head, '\\') >= 0 {
		head = bytes.ReplaceAll(head, []byte(`\/`), []byte("/"))
	}
	head = bytes.TrimRight(head[:min(len(head), seen)], "=\\")
	if len(head)%4 == 1 {
		head = head[:len(head)-1]
	}
	alphabet := base64.RawStdEncoding
	if bytes.ContainsAny(head, "-_") {
		alphabet = base64.RawURLEncoding
	}
	var plain [seen]byte
	n, err := alphabet.Decode(plain[:], head)
	return err != nil || !text(plain[:n], len(encoded) > len(head))
}

// text reports whether bytes are printable UTF-8, or the beginning of such.
func text(b []byte, cut bool) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			return cut && !utf8.FullRune(b)
		case r < ' ' && r != '\n' && r != '\t' && r != '\r', r == 0x7f:
			return false
		}
		b = b[n:]
	}
	return true
}
