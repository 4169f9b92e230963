package window

import (
	"encoding/binary"
	"math/bits"
)

const (
	high  = 0x80 * ones
	low7  = 0x7f * ones
	lower = 0x20 * ones
)

// Begins marks, in bit k for byte k, where words begin in raw: a letter behind
// what is neither letter nor digit, a capital behind a small letter, and every
// character beyond U+00BF. before is the byte before the first.
func Begins(raw *[BlockLen]byte, before byte) uint64 {
	var small, capital, digits, leads uint64
	for k := 0; k <= BlockLen-8; k += 8 {
		x := binary.LittleEndian.Uint64(raw[k : k+8 : k+8])
		ascii := ^x & high
		y := x & low7
		letters, isSmall := between(y|lower, 'a', 'z')&ascii, y<<2 // a capital has no bit 5
		small |= gather(letters&isSmall) << k
		capital |= gather(letters&^isSmall) << k
		digits |= gather(between(y, '0', '9')&ascii) << k
		leads |= gather(x&(x<<1)&high) << k
	}
	var alnum, isLower uint64 // of the byte before
	if IsAlnum(before) {
		alnum = 1
	}
	if before-'a' <= 'z'-'a' {
		isLower = 1
	}
	letters := small | capital
	return letters&^((letters|digits)<<1|alnum) | capital&(small<<1|isLower) | leads
}

// Head reads the first eight bytes of a word at once. It returns how many of them
// are ASCII letters and digits from the first on, and these in small letters, with
// zeros behind them.
func Head(x uint64) (head uint64, n int) {
	y := x & low7
	alnum := (between(y|lower, 'a', 'z') | between(y, '0', '9')) &^ x
	n = bits.TrailingZeros64(^alnum&high) >> 3
	return (x | lower) & (1<<(uint(n)<<3) - 1), n
}

// between marks the bytes of y, all below 128, that lie between two values.
func between(y uint64, least, most byte) uint64 {
	return (y + (128-uint64(least))*ones) &^ (y + (127-uint64(most))*ones) & high
}

// gather packs the highest bits of eight bytes into eight bits, in their order.
func gather(marks uint64) uint64 { return marks >> 7 * 0x0102040810204080 >> 56 }
