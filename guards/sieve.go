package guards

import (
	"math/bits"
	"strings"

	"outrider.dev/outrider/guards/window"
)

// margin is how many bytes before the end of an unfinished text are all
// places: what stands there depends on what comes.
const margin = 24

// blocks is how many blocks a stretch has, and one beyond it to look ahead.
const blocks = window.Stretch/window.BlockLen + 1

// sieve finds the places of a text that the detectors must judge, in one pass
// for all of them. Places are a superset: each detector applies its own rules
// to them, and must find nothing elsewhere.
type sieve struct {
	any               keys // of both kinds
	secret, injection keys
	value             [256]part
}

func newSieve(secretKeys, injectionKeys []string) *sieve {
	v := &sieve{}
	for _, key := range secretKeys {
		v.any.add(key)
		v.secret.add(key)
	}
	for _, key := range injectionKeys {
		v.any.add(key)
		v.injection.add(key)
	}
	for c := range v.value {
		if window.IsAlnum(byte(c)) || strings.IndexByte("-_.~+/=", byte(c)) >= 0 {
			v.value[c] |= within
		}
		if strings.IndexByte(" \t\"'=:>", byte(c)) >= 0 {
			v.value[c] |= before | beforeBlank
		}
		if strings.IndexByte("rRcC", byte(c)) >= 0 { // of Bearer and Basic
			v.value[c] |= beforeBlank
		}
	}
	return v
}

// part says where a byte may stand that has to do with a value which is a
// credential for what stands before it.
type part uint8

const (
	within      part = 1 << iota
	before           // right before the value
	beforeBlank      // before the blank before the value
)

// minValue is the length of the shortest such value.
const minValue = 16

// announced reports whether such a value may begin at i.
func (r *sifting) announced(i int) bool {
	v, text := &r.sieve.value, r.text
	if i == 0 || v[text[i-1]]&before == 0 || i+minValue <= len(text) && v[text[i+minValue-1]]&within == 0 {
		return false
	}
	if p := text[i-1]; p != ' ' && p != '\t' {
		return true
	}
	return i > 1 && v[text[i-2]]&beforeBlank != 0
}

// sift writes the places of the stretch that begins at from. It also reads what
// stands around the stretch.
func (v *sieve) sift(text []byte, from int, last bool, places *[ofInjection + 1]window.Places) {
	r := sifting{sieve: v, text: text, from: from, last: last}
	p := window.NewPlaces(from, len(text))
	r.secret, r.number, r.injection = &places[ofSecrets], &places[ofNumbers], &places[ofInjection]
	*r.secret, *r.number, *r.injection = p, p, p
	for k := range r.blocks {
		r.blocks[k].Read(text, from+k*window.BlockLen)
	}
	before := uint64(0) // whether the byte before the block is a letter or digit
	if from > 0 && window.IsAlnum(text[from-1]) {
		before = 1
	}
	for i := max(0, from-2); i < from; i++ {
		r.sign(i)
	}
	digits := uint64(0)
	if from > 0 && window.IsDigit(text[from-1]) {
		digits = 1
	}
	for k := range blocks - 1 {
		b := &r.blocks[k]
		r.words(k, b.Alnum&^(b.Alnum<<1|before))
		r.numbers(k, b.Digit&^(b.Digit<<1|digits))
		for left := b.Sign; left != 0; left &= left - 1 {
			r.sign(from + k*window.BlockLen + bits.TrailingZeros64(left))
		}
		for left := b.Lead; left != 0; left &= left - 1 {
			r.injection.Add(from + k*window.BlockLen + bits.TrailingZeros64(left))
		}
		before, digits = b.Alnum>>63, b.Digit>>63
	}
	r.ahead(digits)
	if !last {
		r.secret.AddFrom(len(text) - margin)
		r.number.AddFrom(len(text) - margin)
		r.injection.AddFrom(len(text) - margin)
	}
}

// sifting is one stretch while it is sifted.
type sifting struct {
	sieve                     *sieve
	secret, number, injection *window.Places
	text                      []byte
	from                      int
	last                      bool
	blocks                    [blocks]window.Block
}

// words judges the words that begin in block k.
func (r *sifting) words(k int, begin uint64) {
	b, next := &r.blocks[k], &r.blocks[k+1]
	base := r.from + k*window.BlockLen
	for left := begin; left != 0; left &= left - 1 {
		o := bits.TrailingZeros64(left)
		run := b.Alnum>>o | next.Alnum<<1<<(63-o)
		if h := hash(keyAt(r.text, base+o, bits.TrailingZeros64(^run))); r.sieve.any.has(h) {
			r.word(base+o, h)
		}
	}
	// Such a value is so long that it holds a whole group.
	long := b.Token>>7 | next.Token<<57
	for left := begin & long; left != 0; left &= left - 1 {
		if i := base + bits.TrailingZeros64(left); r.announced(i) {
			r.secret.Add(i)
		}
	}
	// Characters that words are disguised with may stand among their first letters.
	odd := b.Odd>>1 | b.Odd>>2 | b.Odd>>3 | next.Odd<<63 | next.Odd<<62 | next.Odd<<61
	for left := begin & odd; left != 0; left &= left - 1 {
		r.injection.Add(base + bits.TrailingZeros64(left))
	}
}

// word judges the word at i, whose key is known.
func (r *sifting) word(i int, h uint16) {
	if r.sieve.secret.has(h) {
		r.secret.Add(i)
		if r.text[i] == 'B' {
			r.begin(i)
		}
	}
	if r.sieve.injection.has(h) {
		r.injection.Add(i)
	}
}
