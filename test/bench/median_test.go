package bench

import (
	"slices"
	"time"
)

func median[T int64 | float64 | time.Duration](n int, value func(int) T) T {
	all := make([]T, n)
	for i := range all {
		all[i] = value(i)
	}
	slices.Sort(all)
	return all[n/2]
}
