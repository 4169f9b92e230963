package guards

import (
	"math/bits"

	"outrider.dev/outrider/guards/window"
)

// sign judges a sign that something may begin at or behind.
func (r *sifting) sign(i int) {
	text := r.text
	switch text[i] {
	case '/': // the authority of a URL
		if i >= 2 && text[i-1] == '/' && text[i-2] == ':' {
			r.secret.Add(i + 1)
		}
	case '\\': // a line end that is still written as \n
		if i+2 < len(text) && (text[i+1] == 'n' || text[i+1] == 'r' || text[i+1] == 't') {
			r.secret.Add(i + 2)
		}
	case '<', '[': // a token that separates roles
		if i+1 < len(text) && (text[i+1] == '|' || text[i+1] == '<' || text[i+1] == '/' || text[i+1]|0x20 == 'i') {
			r.injection.Add(i)
		}
	}
}

// begin judges the word at i, which a line of five dashes may lead to.
func (r *sifting) begin(i int) {
	const dashes = "-----"
	if i >= len(dashes) && string(r.text[i-len(dashes):i]) == dashes {
		r.secret.Add(i - len(dashes))
	}
}

// numbers judges the runs of digits that begin in block k.
func (r *sifting) numbers(k int, begin uint64) {
	b, next := &r.blocks[k], &r.blocks[k+1]
	base := r.from + k*window.BlockLen
	for left := begin; left != 0; left &= left - 1 {
		o := bits.TrailingZeros64(left)
		i := base + o
		r.signed(i)
		digits := b.Digit>>o | next.Digit<<1<<(63-o)
		if !r.last && i+window.BlockLen > len(r.text) || numeric(r.text[i], digits) {
			r.number.Add(i)
		}
		n := bits.TrailingZeros64(^digits)
		if n >= 8 && n <= 10 && i+n < len(r.text) && r.text[i+n] == ':' { // a bot token
			r.secret.Add(i)
		}
	}
}

// signed judges what may begin before the digits at i: a plus, a parenthesis,
// the two letters of a country.
func (r *sifting) signed(i int) {
	if i == 0 {
		return
	}
	switch c := r.text[i-1]; {
	case c == '+', c == '(':
		r.number.Add(i - 1)
	case i >= 2 && upper(c) && upper(r.text[i-2]):
		r.number.Add(i - 2)
	}
}

func upper(c byte) bool { return c-'A' <= 'Z'-'A' }

// ahead judges what ends in the block behind the stretch and begins in it.
// The argument tells whether the last byte of the stretch is a digit.
func (r *sifting) ahead(digit uint64) {
	b := &r.blocks[blocks-1]
	end := r.from + window.Stretch
	for left := b.Digit &^ (b.Digit<<1 | digit) & 0b11; left != 0; left &= left - 1 {
		r.signed(end + bits.TrailingZeros64(left))
	}
	for i := end; i < min(end+5, len(r.text)); i++ {
		if r.text[i] == 'B' {
			r.begin(i)
		}
	}
}

// numeric reports whether a number may begin with the byte c. Bit k of digits
// tells whether the k-th byte from c on is a digit. Seven are the fewest of any
// number, and only one with a leading zero is not done within 24 bytes: there
// up to five signs may stand between two of at least nine digits.
func numeric(c byte, digits uint64) bool {
	const near = 1<<24 - 1
	if c == '0' {
		return bits.OnesCount64(digits&near) >= 7 || bits.OnesCount64(digits) >= 9
	}
	if bits.OnesCount64(digits&near) < 7 {
		return false
	}
	n := bits.TrailingZeros64(^digits)
	switch n {
	case 1:
		return c == '1'
	case 3, 4:
		rest := digits >> n
		gap := bits.TrailingZeros64(rest)
		if gap > 3 { // a separator is at most three bytes long
			return false
		}
		second := bits.TrailingZeros64(^(rest >> gap))
		if n == 3 {
			return second >= 2 && second <= 4
		}
		return second == 4 || second == 6
	case 9, 10, 11, 13, 14, 15, 16, 17, 18, 19:
		return true
	}
	return false
}
