package window

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// slowBlock reads a block byte by byte.
func slowBlock(text []byte, i int) (b Block) {
	for k := range BlockLen {
		c := byte(0)
		if i+k < len(text) {
			c = text[i+k]
		}
		mark := func(set *uint64, is bool) {
			if is {
				*set |= 1 << k
			}
		}
		mark(&b.Alnum, IsAlnum(c))
		mark(&b.Digit, IsDigit(c))
		mark(&b.Colon, c == ':')
		mark(&b.Sign, c == '<' || c == '[' || c == '/' || c == '\\')
		mark(&b.Odd, c == '\'' || c == '$' || c == '@' || c >= 0x80)
		mark(&b.Lead, c >= 0xC0)
		mark(&b.Token, ClassOf(c)&(URLSafe|Dot|Tilde|Plus|Slash|Equals) != 0)
		mark(&b.Stop, strings.IndexByte(",;:\"'=]}>&|\n\t%", c) >= 0)
	}
	return b
}

func TestBlockKnowsEveryByteInEveryPlace(t *testing.T) {
	for c := range 256 {
		for k := range BlockLen {
			for _, around := range []byte{0, ' ', 'a', 'Z', '0', 0x7f, 0x80, 0xff} {
				text := make([]byte, BlockLen)
				for i := range text {
					text[i] = around
				}
				text[k] = byte(c)
				var b Block
				if b.Read(text, 0); b != slowBlock(text, 0) {
					t.Fatalf("byte %#x at %d among %#x: %+v, want %+v", c, k, around, b, slowBlock(text, 0))
				}
			}
		}
	}
}

func TestBlockAtTheEnd(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	text := make([]byte, 3*BlockLen)
	for k := range text {
		text[k] = byte(r.UintN(256))
	}
	b := Block{Alnum: 1, Token: 1} // what was there is forgotten
	for n := range text {
		for i := 0; i < len(text)+5; i += 7 {
			if b.Read(text[:n], i); b != slowBlock(text[:n], i) {
				t.Fatalf("%d bytes from %d on: %+v, want %+v", n, i, b, slowBlock(text[:n], i))
			}
		}
	}
}

func FuzzBlock(f *testing.F) {
	f.Add([]byte("a1_b-c.d~e+f=g:h/h,i 'j' <k> [l] \\m \u00e9\u65e5"), 3)
	f.Fuzz(func(t *testing.T, text []byte, i int) {
		i &= 0xff
		var b Block
		if b.Read(text, i); b != slowBlock(text, i) {
			t.Fatalf("%q from %d on: %+v, want %+v", text, i, b, slowBlock(text, i))
		}
	})
}
