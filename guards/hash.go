package guards

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// Key is the deployment's own. Hashes made with it mean nothing elsewhere, and
// nobody who lacks it finds values by trying them.
type Key []byte

// KeySize is the length of a key in bytes.
const KeySize = 32

// Hashes are as long as their use needs, in bytes.
const (
	exceptionLen = 16
	shownLen     = 4
)

// Hash returns what exceptions name a value by.
func (k Key) Hash(value []byte) string { return k.sum("exception", value, exceptionLen) }

// shown returns what stands for a value in text that goes on.
func (k Key) shown(value []byte) string { return k.sum("shown", value, shownLen) }

// sum keeps uses apart: what one shows does not help with another.
func (k Key) sum(use string, value []byte, n int) string {
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(use + "\x00"))
	mac.Write(value)
	return hex.EncodeToString(mac.Sum(nil)[:n])
}

func isHash(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == exceptionLen && hex.EncodeToString(raw) == s
}
