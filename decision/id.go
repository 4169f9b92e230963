package decision

import (
	"crypto/rand"
	"encoding/binary"
)

// IDHeader is the HTTP header by which every answer names its decision.
const IDHeader = "Outrider-Decision"

// digits are those of an id: without i, l, o and u, which people misread.
const digits = "0123456789abcdefghjkmnpqrstvwxyz"

// NewID returns an exchange id: 128 random bits in 26 lower-case letters and
// digits. The first characters are random too, so that people may shorten it.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: the runtime ends the process instead
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	var id [26]byte
	for i := range id {
		id[i] = digits[low%32]
		low, high = low>>5|high<<59, high>>5
	}
	return string(id[:])
}

// ValidID reports whether s could be an exchange id: 8 to 64 of a-z, 0-9 and -.
func ValidID(s string) bool {
	if len(s) < 8 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
