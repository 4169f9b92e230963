package window

import "math/bits"

// Stretch is how many bytes of a text are sifted at once.
const Stretch = 1024

// KeyLen is how many letters and digits at most make the key of a word: the
// first ones, in lower case, up to the first other byte. A detector names the
// keys of all words that it has to look at.
const KeyLen = 4

// Places says where in a stretch of text a detector has to look. What is not a
// place can neither begin a finding nor, in a text of which more may come,
// become the beginning of one.
type Places struct {
	From, To int
	bits     [Stretch / 64]uint64 // bit k%64 of word k/64 stands for byte From+k
}

// NewPlaces returns no places in the stretch of a text of n bytes that begins at from.
func NewPlaces(from, n int) Places { return Places{From: from, To: min(n, from+Stretch)} }

// Add makes i a place. Outside of the stretch it does nothing.
func (p *Places) Add(i int) {
	if i >= p.From && i < p.To {
		k := i - p.From
		p.bits[k>>6&(Stretch/64-1)] |= 1 << (k & 63)
	}
}

// AddFrom makes all of the stretch from i on places.
func (p *Places) AddFrom(i int) {
	for i = max(i, p.From); i < p.To; i++ {
		p.Add(i)
	}
}

// Next returns the first place at or after i, or where the stretch ends.
func (p *Places) Next(i int) int {
	k := max(0, i-p.From)
	if k >= p.To-p.From {
		return p.To
	}
	word := k >> 6
	left := p.bits[word] >> (k & 63)
	if left != 0 {
		return p.From + k + bits.TrailingZeros64(left)
	}
	for word++; word < len(p.bits); word++ {
		if p.bits[word] != 0 {
			return p.From + word<<6 + bits.TrailingZeros64(p.bits[word])
		}
	}
	return p.To
}
