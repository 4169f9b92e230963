package window

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// slowBegins reads byte by byte.
func slowBegins(raw *[BlockLen]byte, before byte) (begins uint64) {
	for k, c := range raw {
		small, capital := c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z'
		if (small || capital) && !IsAlnum(before) || capital && before >= 'a' && before <= 'z' || c >= 0xC0 {
			begins |= 1 << k
		}
		before = c
	}
	return begins
}

func TestBegins(t *testing.T) {
	var raw [BlockLen]byte
	copy(raw[:], "the userPhone, a_b 12x \u00fcber\u96fb\u8a71 X9")
	if got, want := Begins(&raw, 'x'), slowBegins(&raw, 'x'); got != want || got>>4&1 == 0 || got&1 != 0 || got>>8&1 == 0 {
		t.Errorf("%b, want %b", got, want)
	}
	r := rand.New(rand.NewPCG(1, 1))
	const signs = "aZbY09 _-.\x00\x7f\x80\xbf\xc0\xff"
	for range 20_000 {
		for k := range raw {
			raw[k] = signs[r.IntN(len(signs))]
		}
		before := signs[r.IntN(len(signs))]
		if got, want := Begins(&raw, before), slowBegins(&raw, before); got != want {
			t.Fatalf("%q after %q: %b, want %b", raw, before, got, want)
		}
	}
}

func TestHead(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	const signs = "aZbYzA09@[`{/: _-\x00\x7f\x80\xe1\xff"
	for range 20_000 {
		var raw [8]byte
		for k := range raw {
			if raw[k] = signs[r.IntN(len(signs))]; r.IntN(2) == 0 {
				raw[k] = "azAZ09mM"[r.IntN(8)]
			}
		}
		n := 0
		var want [8]byte
		for ; n < 8 && IsAlnum(raw[n]); n++ {
			want[n] = raw[n] | 0x20
		}
		head, got := Head(binary.LittleEndian.Uint64(raw[:]))
		if got != n || head != binary.LittleEndian.Uint64(want[:]) {
			t.Fatalf("%q: %x of %d, want %q of %d", raw, head, got, want, n)
		}
	}
}
