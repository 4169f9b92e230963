package guards

import (
	"math/bits"

	"outrider.dev/outrider/guards/pii"
	"outrider.dev/outrider/guards/window"
)

// What package pii promises of everything that begins with a digit or a letter,
// so that the sieve can count instead of reading.
const (
	near       = 1<<24 - 1 // the bytes in which it holds so many digits:
	manyDigits = 7         // behind a first digit
	someDigits = 6         // behind a first letter
	maxLetters = 6         // that stand before its first digit
	maxDigits  = 19        // of a number without separators
	maxMixed   = 16        // letters and digits without separators, but for IBANs and wallets
	maxIBAN    = 34        // letters and digits of an IBAN
	longWord   = 26        // letters and digits of a wallet at least
)

// numbers judges the words of block k that begin with a digit, and those that
// begin with a letter and hold digits.
func (r *sifting) numbers(k int, begin uint64) {
	b, next := &r.blocks[k], &r.blocks[k+1]
	base := r.from + k*window.BlockLen
	if b.Digit|next.Digit == 0 {
		r.open(base, begin)
		return
	}
	for left := begin & b.Digit; left != 0; left &= left - 1 {
		o := bits.TrailingZeros64(left)
		i := base + o
		r.signed(i)
		digits := window.Shifted(b.Digit, next.Digit, o)
		n := bits.TrailingZeros64(^digits)
		stop := window.Shifted(b.Stop, next.Stop, o)
		if (n >= 8 && n <= 10 || n >= 15 && n <= 17) && i+n < len(r.text) && r.text[i+n] == ':' { // a token of a bot, or of Asana
			r.places[ofSecrets].Add(i)
		}
		if n < manyDigits && stop>>n&1 != 0 {
			continue
		}
		alnum := window.Shifted(b.Alnum, next.Alnum, o)
		if word := bits.TrailingZeros64(^alnum); n < 8 && word > n+2 && word != 9 && word != 11 && word != 15 {
			continue // see mixed
		}
		if r.numeric(i, n, alnum, digits, stop) && !r.within(i) {
			r.places[ofNumbers].Add(i)
		}
	}
	r.months(k, begin)
	r.open(base, begin)
	for left := lettered(b, next, begin); left != 0; left &= left - 1 {
		o := bits.TrailingZeros64(left)
		digits := window.Shifted(b.Digit, next.Digit, o)
		if tally(digits, window.Shifted(b.Stop, next.Stop, o)) >= someDigits && announcedBy(window.Shifted(b.Alnum, next.Alnum, o), digits) {
			if i := base + o; !r.within(i) {
				r.places[ofNumbers].Add(i)
			}
		}
	}
}

// tally counts the digits near a place that stand before what ends a number.
func tally(digits, stop uint64) int {
	return bits.OnesCount64(digits & near & (stop&-stop - 1))
}

// months judges the words of block k that may name the month of a date, as in
// April 12, 1985: three to nine letters, perhaps a dot, a blank, a digit, and
// soon four digits together.
func (r *sifting) months(k int, begin uint64) {
	b, next := &r.blocks[k], &r.blocks[k+1]
	if year(b.Digit)|year(next.Digit&near)|year(b.Digit>>56|next.Digit&0xff<<8) == 0 {
		return
	}
	// A digit stands four to eleven bytes on.
	low, high := window.Shifted(b.Digit, next.Digit, 4), next.Digit>>4
	for _, n := range [...]int{1, 2, 4} {
		low, high = low|window.Shifted(low, high, n), high|high>>n
	}
	for left := begin &^ b.Digit & low; left != 0; left &= left - 1 {
		o := bits.TrailingZeros64(left)
		digits := window.Shifted(b.Digit, next.Digit, o)
		n := bits.TrailingZeros64(^window.Shifted(b.Alnum, next.Alnum, o))
		if n < 3 || n > 9 || digits>>(n+1)&0b11 == 0 || year(digits&near) == 0 {
			continue
		}
		if i := r.from + k*window.BlockLen + o; pii.BeginsMonth(r.text[i:]) {
			r.places[ofNumbers].Add(i)
		}
	}
}

// within reports whether what begins at i is the rest of a version, a path or a name.
func (r *sifting) within(i int) bool {
	if i < 2 {
		return false
	}
	switch r.text[i-1] {
	case '_':
		return true
	case '-', '.':
		return window.IsAlnum(r.text[i-2])
	}
	return false
}

// open makes places of the words at the end of a text of which more may come.
func (r *sifting) open(base int, begin uint64) {
	if r.last || base+2*window.BlockLen <= len(r.text) {
		return
	}
	for left := begin; left != 0; left &= left - 1 {
		if i := base + bits.TrailingZeros64(left); i+window.BlockLen > len(r.text) {
			r.places[ofNumbers].Add(i)
			r.signed(i)
		}
	}
}

// lettered returns the words with a digit behind one to six letters, or behind
// one or two letters and a separator of at most three bytes.
func lettered(b, next *window.Block, begin uint64) uint64 {
	low, high := window.Shifted(b.Digit, next.Digit, 1), next.Digit>>1
	for _, n := range [...]int{1, 2, 2} {
		low, high = low|window.Shifted(low, high, n), high|high>>n
	}
	return begin &^ b.Digit & low
}

// announcedBy reports whether the digits fit the letters that they follow: they
// stand right behind them in a word of some length, or apart from one or two, and
// make a run of a length that numbers with such letters have.
func announcedBy(alnum, digits uint64) bool {
	word, at := bits.TrailingZeros64(^alnum), bits.TrailingZeros64(digits)
	run := bits.TrailingZeros64(^(digits >> (at & 63)))
	if at > word {
		switch {
		case at > word+3:
			return false
		case word == 1:
			return run == 7 || run == 8
		}
		return word == 2 && (run == 2 || run == 3 || run == 6)
	}
	switch {
	case at > maxLetters || word < 4: // an IBAN may stand in groups of four
		return false
	case at == 1 && run == 2: // as in A99A99A99
		return word == 9
	case at == 1 && run == 3:
		return word == 4
	case at == 1:
		return run >= 6 && word <= run+2
	case at == 2: // the rest of an IBAN may be anything
		return run >= 2 && word <= maxIBAN
	case at == maxLetters:
		return run == 2 && word == maxMixed
	}
	return run >= 6 && word <= maxMixed
}

// hexes judges the words of block k that a hardware address, an IPv6 address or
// a wallet may begin with.
func (r *sifting) hexes(k int, begin uint64) {
	b, next := &r.blocks[k], &r.blocks[k+1]
	if b.Digit|next.Digit|b.Colon|next.Colon == 0 {
		return
	}
	base := r.from + k*window.BlockLen
	behind := next.Alnum &^ (next.Alnum<<1 | b.Alnum>>63)
	pairs, pairsBehind := ended(b.Alnum, next.Alnum, begin, 2), ended(next.Alnum, 0, behind, 2)
	pairs &= window.Shifted(pairs, pairsBehind, 3) & window.Shifted(pairs, pairsBehind, 6)
	fours, foursBehind := ended(b.Alnum, next.Alnum, begin, 4), ended(next.Alnum, 0, behind, 4)
	fours &= window.Shifted(fours, foursBehind, 5)
	for left := pairs | fours; left != 0; left &= left - 1 {
		o := bits.TrailingZeros64(left)
		i, shape := base+o, window.Shifted(b.Alnum, next.Alnum, o)
		if shape&(1<<17-1) == sixPairs && r.text[i+2] == r.text[i+5] && r.text[i+2] == r.text[i+8] && r.text[i+2] != ' ' ||
			shape&(1<<14-1) == threeFours && r.text[i+4] == '.' {
			r.places[ofNumbers].Add(i)
		}
	}
	if begin&r.long != 0 {
		words, _ := window.Runs(r.long, r.longBehind, minJoined, longWord)
		for left := begin & words; left != 0; left &= left - 1 {
			if i := base + bits.TrailingZeros64(left); pii.BeginsWallet(r.text[i:]) {
				r.places[ofNumbers].Add(i)
			}
		}
	}
	if b.Colon|next.Colon != 0 {
		r.colons(base, b, next, begin)
	}
}

// ended returns the words of exactly n letters and digits.
func ended(b, next, begin uint64, n int) uint64 {
	words := begin &^ window.Shifted(b, next, n)
	for k := 1; k < n; k++ {
		words &= window.Shifted(b, next, k)
	}
	return words
}

// The letters and digits of a hardware address.
const (
	sixPairs   = 0b11_0_11_0_11_0_11_0_11_0_11
	threeFours = 0b1111_0_1111_0_1111
)

// dateLen is the bytes of 12.04.1985.
const dateLen = 1<<10 - 1

// datePart is the digits of 2024-01-15T, which log lines are full of.
const datePart = 0b0_11_0_11_0_1111

// colons judges where an IPv6 address may begin: with a group of up to four
// letters and digits, or with two colons. Within its longest form lie two
// colons side by side, or seven of them.
func (r *sifting) colons(base int, b, next *window.Block, begin uint64) {
	const longest, most = 1<<40 - 1, 7
	double := b.Colon & window.Shifted(b.Colon, next.Colon, 1)
	if double|next.Colon&(next.Colon>>1) == 0 && bits.OnesCount64(b.Colon)+bits.OnesCount64(next.Colon&longest) < most {
		return
	}
	var groups uint64
	longer := begin
	for n := 1; n <= 4; n++ {
		groups |= longer & window.Shifted(b.Colon, next.Colon, n)
		longer &= window.Shifted(b.Alnum, next.Alnum, n)
	}
	for left := groups; left != 0; left &= left - 1 {
		o := bits.TrailingZeros64(left)
		c := window.Shifted(b.Colon, next.Colon, o) & longest
		if c&(c>>1) != 0 || bits.OnesCount64(c) >= most {
			r.places[ofNumbers].Add(base + o)
		}
	}
	for left := double; left != 0; left &= left - 1 {
		r.places[ofNumbers].Add(base + bits.TrailingZeros64(left))
	}
}

// numeric reports whether a number may begin with the n digits at i. Bit k of
// the others tells of the k-th byte from i on. There are seven digits near, or an
// IPv4 address or a date may stand there.
func (r *sifting) numeric(i, n int, alnum, digits, stop uint64) bool {
	switch {
	case alnum>>n&1 != 0:
		return r.mixed(i, n, alnum, digits)
	case n >= manyDigits:
		return n <= maxDigits
	case i+n+1 < len(r.text) && r.text[i+n] == ' ' && !window.IsDigit(r.text[i+n+1]) && window.IsAlnum(r.text[i+n+1]):
		return n <= 2 && year(digits&near) != 0 && pii.FollowsDay(r.text[i+n+1:])
	case digits&(1<<11-1) == datePart && i+10 < len(r.text) && r.text[i+10] == 'T' && pii.BeginsTime(r.text[i:]):
		return false
	case tally(digits, stop) >= manyDigits:
		return true
	case n > 3:
		return false
	case i+n < len(r.text) && r.text[i+n] == '.' && fourParts(digits):
		return true
	case digits>>(n+1)&1 != 0: // a date in figures
		return n <= 2 && year(digits&dateLen) != 0
	}
	return n <= 2 && year(digits&near) != 0
}

// mixed reports the same where a letter follows the digits: as in 99AA99999,
// 999999A99999999, 999999A999A and 99999999A, in an extension or an ordinal.
func (r *sifting) mixed(i, n int, alnum, digits uint64) bool {
	word := bits.TrailingZeros64(^alnum)
	switch c := r.text[i+n]; {
	case n <= 2 && (c == 's' || c == 'n' || c == 'r' || c == 't'):
		return word == n+2 && year(digits&near) != 0 || word == 9
	case n == 2:
		return word == 9
	case n == 6:
		return word == 15 || word == 11
	case n >= 8 && c == 'x':
		return n <= maxDigits
	}
	return n == 8 && word == 9
}

// year marks where four digits stand together.
func year(digits uint64) uint64 {
	digits &= digits >> 1
	return digits & (digits >> 2)
}

// fourParts reports whether four runs of digits stand one byte apart.
func fourParts(digits uint64) bool {
	for range 3 {
		digits >>= bits.TrailingZeros64(^digits) & 63
		if digits&0b11 != 0b10 {
			return false
		}
		digits >>= 1
	}
	return true
}

// signed judges what may begin before the digits at i: a plus or a parenthesis.
func (r *sifting) signed(i int) {
	if i > 0 && (r.text[i-1] == '+' || r.text[i-1] == '(') {
		r.places[ofNumbers].Add(i - 1)
	}
}
