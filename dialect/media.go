package dialect

import (
	"bytes"
	"encoding/base64"
	"slices"
	"unicode/utf8"
)

// Opaque reports whether a string is base64 of something other than text, by
// its first bytes: whatever it is called, a file of text is read as text by
// models, so guards must see it. So they must what is not base64 as RFC 4648
// has it, in the standard alphabet and padded: some who decode leave out what
// they do not know, and read something else.
func Opaque(encoded []byte) bool {
	const seen = 64 // characters, in whole groups of four
	digits := bytes.TrimRight(encoded, "=")
	if len(encoded)%4 != 0 || len(encoded)-len(digits) > 2 || slices.ContainsFunc(digits, notBase64) {
		return false
	}
	head := digits[:min(len(digits), seen)]
	var plain [seen]byte
	n, err := base64.RawStdEncoding.Decode(plain[:], head)
	return err == nil && !text(plain[:n], len(digits) > len(head))
}

func notBase64(c byte) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '+' && c != '/'
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
