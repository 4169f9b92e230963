package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size reads a byte size: a whole number, alone or followed by KiB, MiB or
// GiB. Decimal units are refused because half of all readers take kB for 1024.
func Size(s string) (int64, error) {
	number, unit := s, int64(1)
	for suffix, factor := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if n, ok := strings.CutSuffix(s, suffix); ok {
			number, unit = n, factor
		}
	}
	if !digits(number) {
		return 0, fmt.Errorf("%s is not a size; write a number of bytes, or a number with KiB, MiB or GiB", quoted(s))
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%s is too large a size", quoted(s))
	}
	return n * unit, nil
}

func digits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}
