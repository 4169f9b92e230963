package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"

	"github.com/maypok86/otter/v2"
)

// Bounds of the memory for verified tokens. A remembered token weighs its
// length, and at least minWeight, which bounds their number as well.
const (
	maxRemembered = 10_000
	minWeight     = 2 << 10
)

// memory holds what was found out about tokens. The tokens themselves are not
// kept.
type memory struct {
	*otter.Cache[place, *remembered]
	mac cipher.AEAD
	own []byte // the asker's name where nobody was asked
}

// place is where a token stands in the memory: 128 bits of GMAC under a key that
// this process made and shows to nobody, in a fifth of the time that SHA-256
// takes.
//
// GMAC is an almost universal hash. Of two different tokens of at most n blocks
// of 16 bytes, whoever chose them, both have one place with a probability of at
// most (n+1)/2^128 over the key. A token has at most 1,024 blocks, and 10,000
// are remembered, so that a new one meets the place of any of them once in more
// than 2^104 tries. Forging a MAC needs MACs under the same nonce, for which the
// nonce must never repeat: here it does, and no place ever leaves the process.
// What remains to be seen, by time, is whether a token is remembered.
type place [16]byte

func newMemory() (*memory, error) {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails: the runtime ends the process instead
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("cache of verified tokens: %w", err)
	}
	mac, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("cache of verified tokens: %w", err)
	}
	cache, err := otter.New(&otter.Options[place, *remembered]{
		MaximumWeight: maxRemembered * minWeight,
		Weigher:       func(_ place, r *remembered) uint32 { return r.weight },
		Executor:      func(fn func()) { fn() }, // no goroutine that outlives its caller
	})
	if err != nil {
		return nil, fmt.Errorf("cache of verified tokens: %w", err)
	}
	return &memory{Cache: cache, mac: mac, own: make([]byte, mac.NonceSize())}, nil
}

// place returns where a token stands that was verified here.
func (m *memory) place(bearer []byte) place { return m.placeOf(bearer, m.own) }

// placeAsked returns where a token stands about which somebody was asked: another
// place for each of them, since what one does not know the next may. The nonce
// tells them apart.
func (m *memory) placeAsked(bearer []byte, who *fingerprint) place {
	return m.placeOf(bearer, who[:m.mac.NonceSize()])
}

func (m *memory) placeOf(bearer, asker []byte) place {
	var p place
	return place(m.mac.Seal(p[:0], asker, nil, bearer))
}
