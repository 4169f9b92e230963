package guards

import (
	"math/bits"

	"outrider.dev/outrider/guards/injection"
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
	openers, judged   keys
	digits            uint64             // all bits if a key begins with two digits
	prefixes          [1 << 9][]string   // of credentials, by their first two bytes
	words             map[string]meaning // before values, see values.go
	value             [256]part
}

// credentials adds the keys of words that credentials may begin with, and the
// prefixes that they stand for.
func (v *sieve) credentials(keys, prefixes []string) {
	for _, key := range keys {
		v.add(key)
		v.secret.add(key)
	}
	for _, p := range prefixes {
		slot := slotOf(p[0], p[1])
		v.prefixes[slot] = append(v.prefixes[slot], p)
	}
}

// injections adds the keys of words that an act may begin with.
func (v *sieve) injections(keys []string) {
	for _, key := range keys {
		v.add(key)
		v.injection.add(key)
	}
}

// judge adds the keys of words that a judge of whole texts is told of.
func (v *sieve) judge(keys []string) {
	for _, key := range keys {
		v.add(key)
		v.judged.add(key)
	}
}

func (v *sieve) add(key string) {
	v.any.add(key)
	if len(key) > 1 && window.IsDigit(key[0]) && window.IsDigit(key[1]) {
		v.digits = ^uint64(0)
	}
}

// open adds words before values: those near which a value with a digit is
// judged, those right behind which any is, and those to which none is assigned.
// A line end that is still written as \n leaves its letter to the word.
func (v *sieve) open(near, right, none []string) {
	v.words = map[string]meaning{}
	for m, words := range map[meaning][]string{opensNear: near, opensRight: right, opensNone: none} {
		for _, word := range words {
			v.words[word] = m
			for _, letter := range [...]string{"", "n", "r"} {
				if m != opensNone {
					v.add(letter + word)
					v.openers.add(letter + word)
				}
			}
		}
	}
}

func slotOf(a, b byte) int { return int(a)<<4&0x1ff ^ int(b) }

// prefixed reports whether a credential may begin with the text, by its prefix.
func (v *sieve) prefixed(text []byte, last bool) bool {
	if len(text) < 2 {
		return true
	}
	for _, p := range v.prefixes[slotOf(text[0], text[1])] {
		if n := min(len(p), len(text)); string(text[:n]) == p[:n] && (n == len(p) || !last) {
			return true
		}
	}
	return false
}

// sift writes the places of the stretch. It also reads what stands around the
// stretch, and has read its first block where the stretch goes on with the text.
func (r *sifting) sift(goesOn bool) {
	text, from, last := r.text, r.from, r.last
	p := window.NewPlaces(from, len(text))
	r.places[ofSecrets], r.places[ofNumbers], r.places[ofInjection] = p, p, p
	filled := min(blocks, (len(text)-from+window.BlockLen-1)/window.BlockLen)
	first := 0
	if goesOn {
		r.blocks[0], first = r.blocks[blocks-1], 1
	}
	for k := first; k < filled; k++ {
		r.blocks[k].Read(text, from+k*window.BlockLen)
	}
	if filled < blocks {
		clear(r.blocks[max(filled, first):])
	}
	before := uint64(0) // whether the byte before the block is a letter or digit
	if from > 0 && window.IsAlnum(text[from-1]) {
		before = 1
	}
	for i := max(0, from-2); i < from; i++ {
		r.sign(i)
	}
	near := r.resume()
	for k := range min(filled, blocks-1) {
		b := &r.blocks[k]
		begin := b.Alnum &^ (b.Alnum<<1 | before)
		r.opened = 0
		r.words(k, begin)
		r.numbers(k, begin)
		r.hexes(k, begin)
		if r.judging {
			r.judge(k, begin)
		}
		if near|r.opened != 0 {
			r.valuesAt(k, b.Digit&^(b.Digit<<1))
		}
		near = (near<<1 | r.opened) & (1<<openFor - 1)
		for left := b.Sign; left != 0; left &= left - 1 {
			r.sign(from + k*window.BlockLen + bits.TrailingZeros64(left))
		}
		for left := b.Lead; left != 0; left &= left - 1 {
			r.places[ofInjection].Add(from + k*window.BlockLen + bits.TrailingZeros64(left))
		}
		before = b.Alnum >> 63
	}
	r.before = opening{from + window.Stretch, near, r.right}
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
	r.places[ofSecrets].AddFrom(n - margin)
	r.places[ofNumbers].AddFrom(n - margin)
	r.places[ofInjection].AddFrom(n - margin)
	r.lastWord()
	for i := max(r.from, n-minValue); i < n-margin; i++ {
		// The beginnings of -----BEGIN, of a bot token, of a client secret and of a value.
		if c := r.text[i]; c == '-' || window.IsDigit(c) || i == 0 || r.marked(i) || r.begins(i) {
			r.places[ofSecrets].Add(i)
		}
	}
}

// sifting is one stretch while it is sifted.
type sifting struct {
	sieve   *sieve
	text    []byte
	from    int
	last    bool
	judging bool              // a model reads the whole text
	whole   injection.Reading // by value: it costs no allocation here
	blocks  [blocks]window.Block
	places  [ofInjection + 1]window.Places
	before  opening // by the stretches so far
	right   int     // as in opening

	opened           uint8  // 1 if a word of the block opens the text behind it
	long, longBehind uint64 // of the block: where minJoined letters and digits begin, there and in the next one
}

// words judges the words that begin in block k.
func (r *sifting) words(k int, begin uint64) {
	b, next := &r.blocks[k], &r.blocks[k+1]
	base := r.from + k*window.BlockLen
	numbers := b.Digit & window.Shifted(b.Digit, next.Digit, 1) &^ r.sieve.digits
	for left := begin &^ numbers; left != 0; left &= left - 1 {
		o := bits.TrailingZeros64(left)
		if h := hash(keyOf(r.text, base+o, window.Shifted(b.Alnum, next.Alnum, o))); r.sieve.any.has(h) {
			r.word(base+o, h, bits.TrailingZeros64(^window.Shifted(b.Alnum, next.Alnum, o)))
		}
	}
	r.long, r.longBehind = window.Runs(b.Alnum, next.Alnum, 1, minJoined)
	for left := begin & r.long; left != 0; left &= left - 1 {
		o := bits.TrailingZeros64(left)
		n := bits.TrailingZeros64(^window.Shifted(b.Alnum, next.Alnum, o))
		if n < botWord && endsWithWord(r.text[base+o:base+o+n]) {
			r.joined(base + o + n)
		}
		if n >= 23 && n < botWord && r.text[base+o]-'M' <= 'O'-'M' || r.keyed(base+o, n) { // a bot token
			r.places[ofSecrets].Add(base + o)
		}
	}
	tokens, _ := window.Runs(b.Token, next.Token, 1, minValue)
	for left := begin & tokens; left != 0; left &= left - 1 {
		o := bits.TrailingZeros64(left)
		i := base + o
		if r.marked(i) {
			r.places[ofSecrets].Add(i)
			continue
		}
		told := window.Shifted(b.Digit, next.Digit, o)&(1<<minValue-1) != 0 && r.told(i, bits.TrailingZeros64(^window.Shifted(b.Token, next.Token, o)))
		if (told || r.announced(i)) && !r.settled(i) {
			r.places[ofSecrets].Add(i)
		}
	}
	// Characters that words are disguised with may stand among their first letters.
	if b.Odd|next.Odd != 0 {
		odd := b.Odd>>1 | b.Odd>>2 | b.Odd>>3 | next.Odd<<63 | next.Odd<<62 | next.Odd<<61
		for left := begin & odd; left != 0; left &= left - 1 {
			r.places[ofInjection].Add(base + bits.TrailingZeros64(left))
		}
	}
}

// marked reports whether the word at i begins as a client secret of Entra does,
// with three letters or digits before a digit, Q and ~.
func (r *sifting) marked(i int) bool {
	return i+6 <= len(r.text) && r.text[i+5] == '~' && r.text[i+4] == 'Q' && window.IsDigit(r.text[i+3])
}

// word judges the word of n letters and digits at i, whose key is known.
func (r *sifting) word(i int, h uint16, n int) {
	if r.sieve.secret.has(h) {
		if r.sieve.prefixed(r.text[i:], r.last) {
			r.places[ofSecrets].Add(i)
		}
		if r.text[i] == 'B' {
			r.begin(i)
		}
	}
	if r.sieve.openers.has(h) {
		r.opener(i, n)
	}
	if r.sieve.injection.has(h) {
		r.places[ofInjection].Add(i)
	}
	if r.judging && r.sieve.judged.has(h) {
		r.whole.Word(i, n)
	}
}

// judge hands over block k, and the words that begin in it with letters and
// digits, of which no key tells.
func (r *sifting) judge(k int, begin uint64) {
	b, next := &r.blocks[k], &r.blocks[k+1]
	digit, letter, word := begin&b.Digit, begin&^b.Digit, begin
	for n := 1; n < window.KeyLen; n++ {
		word &= window.Shifted(b.Alnum, next.Alnum, n)
		digits := window.Shifted(b.Digit, next.Digit, n)
		digit, letter = digit|word&digits, letter|word&^digits
	}
	for left := digit & letter; left != 0; left &= left - 1 {
		o := bits.TrailingZeros64(left)
		r.whole.Word(r.from+k*window.BlockLen+o, bits.TrailingZeros64(^window.Shifted(b.Alnum, next.Alnum, o)))
	}
	r.whole.Block(b, next)
}
