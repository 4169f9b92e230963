package window

// BlockLen is how many bytes a [Block] tells of.
const BlockLen = 64

// Block tells of which kinds the next 64 bytes of a text are: bit k stands for
// byte k. Past the end of the text there is nothing but zero bytes.
type Block struct {
	Alnum uint64 // ASCII letters and digits
	Digit uint64
	Colon uint64
	Sign  uint64 // < [ / and the backslash
	Odd   uint64 // the apostrophe, $, @ and every byte beyond ASCII: words are disguised with them
	Lead  uint64 // bytes beyond ASCII that begin a character
	Token uint64 // letters, digits and + - . / = _ ~
	Stop  uint64 // what ends a number behind its first digits: , ; : = % & | > ] } quotes, line feed and tab
}

// masks holds, for every byte, a bit for each mask of [Block] in their order.
const masks = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x80\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x80\x00\x10\x80\x80\x90\x00\x00\x00\x40\x80\x40\x40\x48" +
	"\x43\x43\x43\x43\x43\x43\x43\x43\x43\x43\x84\x80\x08\xc0\x80\x00" +
	"\x10\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41" +
	"\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41\x08\x08\x80\x00\x40" +
	"\x00\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41" +
	"\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41\x41\x00\x80\x80\x40\x00" +
	"\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10" +
	"\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10" +
	"\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10" +
	"\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10" +
	"\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30" +
	"\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30" +
	"\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30" +
	"\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30"

// Read fills the block from text at i on.
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

// read looks every byte up. Word k of r holds the bits of the bytes k, 8+k,
// 16+k and so on; an exchange of bits between the words makes it mask k.
func (b *Block) read(raw *[BlockLen]byte) {
	var r [8]uint64
	for k := range 8 { // in a loop, or the compiler would read all bytes first and run out of registers
		r[k] = uint64(masks[raw[k]]) | uint64(masks[raw[8+k]])<<8 | uint64(masks[raw[16+k]])<<16 | uint64(masks[raw[24+k]])<<24 |
			uint64(masks[raw[32+k]])<<32 | uint64(masks[raw[40+k]])<<40 | uint64(masks[raw[48+k]])<<48 | uint64(masks[raw[56+k]])<<56
	}
	r0, r4 := swap(r[0], r[4], 4, 0x0f*ones)
	r1, r5 := swap(r[1], r[5], 4, 0x0f*ones)
	r2, r6 := swap(r[2], r[6], 4, 0x0f*ones)
	r3, r7 := swap(r[3], r[7], 4, 0x0f*ones)
	r0, r2 = swap(r0, r2, 2, 0x33*ones)
	r1, r3 = swap(r1, r3, 2, 0x33*ones)
	r4, r6 = swap(r4, r6, 2, 0x33*ones)
	r5, r7 = swap(r5, r7, 2, 0x33*ones)
	b.Alnum, b.Digit = swap(r0, r1, 1, 0x55*ones)
	b.Colon, b.Sign = swap(r2, r3, 1, 0x55*ones)
	b.Odd, b.Lead = swap(r4, r5, 1, 0x55*ones)
	b.Token, b.Stop = swap(r6, r7, 1, 0x55*ones)
}

const ones = 0x0101010101010101

// swap exchanges the bits of x n places above the mask and those of y in the mask.
func swap(x, y uint64, n uint, mask uint64) (uint64, uint64) {
	t := (x>>n ^ y) & mask
	return x ^ t<<n, y ^ t
}

// Shifted returns the bits of a block from the place n on, with those of the
// next block behind them.
func Shifted(b, next uint64, n int) uint64 {
	m := uint(n) & 63 // which spares the tests for longer shifts
	return b>>m | next<<1<<(63^m)
}

// Runs returns the places from which on n bits are set, in a block and the next
// one, from the places from which on have of them are. Those of the next block
// are right as far as nothing behind it matters; where the block has none they are
// not told.
func Runs(b, next uint64, have, n int) (uint64, uint64) {
	for have < n && b != 0 {
		step := min(have, n-have)
		b, next = b&Shifted(b, next, step), next&(next>>step)
		have += step
	}
	return b, next
}
