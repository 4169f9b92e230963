package window

import (
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
