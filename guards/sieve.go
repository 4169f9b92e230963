package guards

import (
	"math/bits"

	"outrider.dev/outrider/guards/window"
)

// margin is how many bytes before the end of an unfinished text are all
// places: the key of a word there depends on what comes.
const margin = window.KeyLen

// blocks is how many blocks a stretch has, and one beyond it to look ahead.
const blocks = window.Stretch/window.BlockLen + 1

// botWord is how many letters and digits of a word are counted: of the first part of a bot token there are fewer.
const botWord = 30

// sieve finds the places of a text that the detectors must judge, in one pass
// for all of them. Places are a superset: each detector applies its own rules
// to them, and must find nothing elsewhere.
type sieve struct {
	any               keys // of all kinds
	secret, injection keys
	near, right       keys // before values, see values.go
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
	v.value = parts()
	return v
}

// open adds the keys of words before values: those near which a value with a
// digit is judged, and those right behind which any is.
func (v *sieve) open(near, right []string) {
	for _, key := range near {
		v.any.add(key)
		v.near.add(key)
	}
	for _, key := range right {
		v.any.add(key)
		v.near.add(key)
		v.right.add(key)
	}
}

// sift writes the places of the stretch that begins at from. It also reads what
// stands around the stretch.
func (v *sieve) sift(text []byte, from int, last bool, places *[ofInjection + 1]window.Places, o *opening) {
	r := sifting{sieve: v, text: text, from: from, last: last}
	p := window.NewPlaces(from, len(text))
	r.secret, r.number, r.injection = &places[ofSecrets], &places[ofNumbers], &places[ofInjection]
	*r.secret, *r.number, *r.injection = p, p, p
	filled := min(blocks, (len(text)-from+window.BlockLen-1)/window.BlockLen)
	for k := range filled {
		r.blocks[k].Read(text, from+k*window.BlockLen)
	}
	before := uint64(0) // whether the byte before the block is a letter or digit
	if from > 0 && window.IsAlnum(text[from-1]) {
		before = 1
	}
	for i := max(0, from-2); i < from; i++ {
		r.sign(i)
	}
	near := r.resume(o)
	for k := range min(filled, blocks-1) {
		b := &r.blocks[k]
		begin := b.Alnum &^ (b.Alnum<<1 | before)
		r.opened = 0
		r.words(k, begin)
		r.numbers(k, begin)
		r.hexes(k, begin)
		if near|r.opened != 0 {
			r.valuesAt(k, b.Digit&^(b.Digit<<1))
		}
		near = (near<<1 | r.opened) & (1<<openFor - 1)
		for left := b.Sign; left != 0; left &= left - 1 {
			r.sign(from + k*window.BlockLen + bits.TrailingZeros64(left))
		}
		for left := b.Lead; left != 0; left &= left - 1 {
			r.injection.Add(from + k*window.BlockLen + bits.TrailingZeros64(left))
		}
		before = b.Alnum >> 63
	}
	*o = opening{from + window.Stretch, near, r.right}
	r.ahead(before)
	if near != 0 {
		r.straddling(min(from+window.Stretch, len(text)))
	}
	if !last {
		r.unfinished()
	}
}

// unfinished judges the last bytes of a text of which more may come.
func (r *sifting) unfinished() {
	n := len(r.text)
	r.secret.AddFrom(n - margin)
	r.number.AddFrom(n - margin)
	r.injection.AddFrom(n - margin)
	r.lastWord()
	for i := max(r.from, n-minValue); i < n-margin; i++ {
		// The beginnings of -----BEGIN, of a bot token and of a value.
		if c := r.text[i]; c == '-' || window.IsDigit(c) || r.announced(i) {
			r.secret.Add(i)
		}
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
	right                     int   // as in opening
	opened                    uint8 // 1 if a word of the block opens the text behind it
}

// words judges the words that begin in block k.
func (r *sifting) words(k int, begin uint64) {
	b, next := &r.blocks[k], &r.blocks[k+1]
	base := r.from + k*window.BlockLen
	for left := begin; left != 0; left &= left - 1 {
		o := bits.TrailingZeros64(left)
		run := b.Alnum >> (o & 63)
		if o > window.BlockLen-botWord {
			run |= next.Alnum << ((window.BlockLen - o) & 63)
		}
		n := bits.TrailingZeros64(^run)
		if h := hash(keyAt(r.text, base+o, n)); r.sieve.any.has(h) {
			r.word(base+o, h)
		}
		if n >= minJoined && n < botWord && endsWithWord(r.text[base+o:base+o+n]) {
			r.joined(base + o + n)
		}
		if n >= 23 && n < botWord && r.text[base+o]-'M' <= 'O'-'M' { // a bot token
			r.secret.Add(base + o)
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
	if r.sieve.near.has(h) {
		r.opener(i, h)
	}
	if r.sieve.injection.has(h) {
		r.injection.Add(i)
	}
}
