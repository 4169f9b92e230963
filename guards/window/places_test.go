package window

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestPlacesKeepWhatWasAdded(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		from, n := r.IntN(3000), r.IntN(6000)
		from = min(from, n)
		p := NewPlaces(from, n)
		want := make([]bool, n+Stretch)
		for range r.IntN(40) {
			i := r.IntN(n+Stretch) - 10
			p.Add(i)
			if i >= 0 {
				want[i] = i >= p.From && i < p.To
			}
		}
		if r.IntN(3) == 0 {
			i := from + r.IntN(Stretch) - 100
			p.AddFrom(i)
			for ; i < p.To; i++ {
				if i >= p.From {
					want[i] = true
				}
			}
		}
		for i := max(0, from-70); i <= p.To+70 && i < n; i++ {
			next := slices.Index(want[i:p.To+max(0, i-p.To)], true)
			if next += i; next < i {
				next = p.To
			}
			if got := p.Next(i); got != next {
				t.Fatalf("stretch %d-%d of %d: next of %d is %d, want %d", p.From, p.To, n, i, got, next)
			}
		}
	}
}

func TestStretchEndsWithTheText(t *testing.T) {
	for _, c := range []struct{ from, n, to int }{{0, 0, 0}, {0, 5, 5}, {7, 7, 7}, {10, 5000, 10 + Stretch}, {4990, 5000, 5000}, {0, Stretch, Stretch}} {
		p := NewPlaces(c.from, c.n)
		if p.From != c.from || p.To != c.to || p.Next(c.from) != c.to || p.Next(0) != c.to {
			t.Errorf("%+v: %d-%d, next %d", c, p.From, p.To, p.Next(c.from))
		}
	}
}
