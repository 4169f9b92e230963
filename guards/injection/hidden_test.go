package injection

import (
	"math/rand/v2"
	"testing"

	"outrider.dev/outrider/guards/window"
)

// Bytes in a row are counted one by one, over the border of two blocks.
func TestInARow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var marks [2 * window.BlockLen]bool
		var blocks [2]uint64
		for at := 0; at < len(marks); {
			n, marked := 1+random.IntN(2*minEncoded), random.IntN(3) > 0
			for ; n > 0 && at < len(marks); n, at = n-1, at+1 {
				if marks[at] = marked; marked {
					blocks[at/window.BlockLen] |= 1 << (at % window.BlockLen)
				}
			}
		}
		var want uint64
		row := 0
		for at, marked := range marks {
			if row++; !marked {
				row = 0
			}
			if row >= minEncoded && at >= window.BlockLen {
				want |= 1 << (at - window.BlockLen)
			}
		}
		if got := inARow(blocks[1], blocks[0]); got != want {
			t.Fatalf("inARow(%064b, %064b) =\n%064b, want\n%064b", blocks[1], blocks[0], got, want)
		}
	}
}
