package guards

import (
	"encoding/binary"
	"math/bits"

	"outrider.dev/outrider/guards/window"
)

// keys is a set of keys. It may say that it has one which was never added.
type keys [1 << 10]uint64

func (k *keys) add(key string) {
	var raw [window.KeyLen]byte
	n := copy(raw[:], key)
	h := hash(keyAt(raw[:], 0, n))
	k[h>>6] |= 1 << (h & 63)
}

func (k *keys) has(h uint16) bool { return k[h>>6]&(1<<(h&63)) != 0 }

// hash spreads keys over all values.
func hash(key uint32) uint16 { return uint16(key * 0x9E3779B1 >> 16) }

// keyAt returns the key of the word at i that n letters and digits begin: the
// first four of them in lower case, and zeros if there are fewer.
func keyAt(text []byte, i, n int) uint32 { return keyOf(text, i, 1<<min(n, window.KeyLen)-1) }

// keyOf returns the same of a word whose k-th byte is a letter or digit where bit
// k of run says so.
func keyOf(text []byte, i int, run uint64) uint32 {
	const lower = 0x20202020
	n := bits.TrailingZeros64(^run&(1<<window.KeyLen-1) | 1<<window.KeyLen)
	known := uint32(uint64(1)<<(8*n&63) - 1)
	if i+window.KeyLen <= len(text) {
		return (binary.LittleEndian.Uint32(text[i:]) | lower) & known
	}
	var raw [window.KeyLen]byte
	copy(raw[:], text[i:])
	return (binary.LittleEndian.Uint32(raw[:]) | lower) & known
}
