package window

import "encoding/binary"

// BlockLen is how many bytes a [Block] tells of.
const BlockLen = 64

// Block tells of which kinds the next 64 bytes of a text are: bit k stands for
// byte k. Past the end of the text there is nothing but zero bytes.
type Block struct {
	Alnum uint64 // ASCII letters and digits
	Digit uint64
	Colon uint64
	Sign  uint64 // < [ / and the backslash
	Odd   uint64 // the apostrophe and every byte beyond ASCII
	Lead  uint64 // bytes beyond ASCII that begin a character
	Token uint64 // groups of eight, from the first byte on, of letters, digits and + , - . / = _ ~ only
}

const (
	ones = 0x0101010101010101
	high = 0x80 * ones
	low7 = 0x7f * ones
)

// Read fills the block from text at i on. Eight bytes are read as one number,
// and every step leaves its answer about a byte in the byte's highest bit.
func (b *Block) Read(text []byte, i int) {
	if i+BlockLen <= len(text) {
		b.read((*[BlockLen]byte)(text[i:]))
		return
	}
	var padded [BlockLen]byte
	if i < len(text) {
		copy(padded[:], text[i:])
	}
	b.read(&padded)
}

func (b *Block) read(raw *[BlockLen]byte) {
	var alnum, digits, colons, signs, odds, leads, tokens uint64
	for k := 0; k <= BlockLen-8; k += 8 {
		x := binary.LittleEndian.Uint64(raw[k : k+8 : k+8])
		ascii := ^x & high
		y := x & low7
		word := between(y|0x20*ones, 'a', 'z') & ascii
		token := word
		if word|^differs(y, ' ')&ascii != high { // not only letters and blanks
			digit := between(y, '0', '9') & ascii
			word |= digit
			token = (word | between(y, '+', '/') | ^(differs(y, '=') & differs(y, '_') & differs(y, '~'))) & ascii
			digits |= gather(digit) << k
			colons |= gather(^differs(y, ':')&ascii) << k
			signs |= gather(^(differs(y, '<')&differs(y, '/')&^between(y, '[', '\\'))&ascii) << k
			odds |= gather(^differs(y, '\'')&high|x&high) << k
			leads |= gather(x&(x<<1)&high) << k
		}
		alnum |= gather(word) << k
		if token == high {
			tokens |= 0xff << k
		}
	}
	*b = Block{alnum, digits, colons, signs, odds, leads, tokens}
}

// between marks the bytes of y, all below 128, that lie between two values.
func between(y uint64, least, most byte) uint64 {
	return (y + (128-uint64(least))*ones) &^ (y + (127-uint64(most))*ones) & high
}

// differs marks the bytes of y, all below 128, that are not c. The other bits
// mean nothing.
func differs(y uint64, c byte) uint64 { return (y ^ uint64(c)*ones) + low7 }

// gather packs the highest bits of eight bytes into eight bits, in their order.
func gather(marks uint64) uint64 { return marks >> 7 * 0x0102040810204080 >> 56 }
