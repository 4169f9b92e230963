package decision

import (
	"crypto/rand"
	"encoding/base32"
)

// NewID returns an exchange id: 128 random bits in 26 lower-case letters and
// digits. The first characters are random too, so that people may shorten it.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: the runtime ends the process instead
	return idEncoding().EncodeToString(b[:])
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

func idEncoding() *base32.Encoding {
	return base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
}
