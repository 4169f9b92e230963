package window

import (
	"math/rand/v2"
	"testing"
)

// Bits in a row are counted one by one, over the border of two blocks.
func TestRuns(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		n := 1 + random.IntN(BlockLen)
		var marks [2 * BlockLen]bool
		var blocks [2]uint64
		for at := 0; at < len(marks); {
			row, marked := 1+random.IntN(2*n), random.IntN(3) > 0
			for ; row > 0 && at < len(marks); row, at = row-1, at+1 {
				if marks[at] = marked; marked {
					blocks[at/BlockLen] |= 1 << (at % BlockLen)
				}
			}
		}
		var want uint64
		row := 0
		for at := len(marks) - 1; at >= 0; at-- {
			if row++; !marks[at] {
				row = 0
			}
			if row >= n && at < BlockLen {
				want |= 1 << at
			}
		}
		if got, _ := Runs(blocks[0], blocks[1], 1, n); got != want {
			t.Fatalf("Runs(%064b, %064b, 1, %d) =\n%064b, want\n%064b", blocks[0], blocks[1], n, got, want)
		}
	}
}
