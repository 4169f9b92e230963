package secret

import (
	"bytes"
	"math/bits"

	"outrider.dev/outrider/guards/window"
)

// mixed reports whether both letters and digits occur.
func mixed(body []byte) bool {
	var seen window.Class
	for _, c := range body {
		seen |= window.ClassOf(c)
	}
	return seen&window.Digit != 0 && seen&window.Letters != 0
}

// placeholder reports whether the body of a would-be credential only stands
// for one.
func placeholder(body []byte) bool {
	return monotone(body) || distinct(body) < min(8, len(body)/3+1) || saysSo(body)
}

// distinct counts different bytes.
func distinct(body []byte) int {
	var seen [4]uint64
	for _, c := range body {
		seen[c>>6] |= 1 << (c & 63)
	}
	n := 0
	for _, set := range seen {
		n += bits.OnesCount64(set)
	}
	return n
}

// monotone reports whether the body repeats one byte six times, or counts up
// or down eight times, as in "xxxxxx" and "12345678".
func monotone(body []byte) bool {
	same, up, down := 1, 1, 1
	for k := 1; k < len(body); k++ {
		switch body[k] - body[k-1] {
		case 0:
			same, up, down = same+1, 1, 1
		case 1:
			same, up, down = 1, up+1, 1
		case 255:
			same, up, down = 1, 1, down+1
		default:
			same, up, down = 1, 1, 1
		}
		if same >= 6 || up >= 8 || down >= 8 {
			return true
		}
	}
	return false
}

// saysSo reports whether the body contains a word that real keys contain only
// by an improbable accident.
func saysSo(body []byte) bool {
	low := make([]byte, 0, 96) // on the stack: bodies judged here are bounded
	for _, c := range body[:min(len(body), cap(low))] {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		low = append(low, c)
	}
	for _, word := range [...]string{
		"example", "placeholder", "redacted", "sample", "dummy", "changeme", "replace", "notreal", "yourkey", "your-",
		"your_", "insert", "deadbeef", "-here", "_here", "apikey", "fakekey", "invalid",
	} {
		if bytes.Contains(low, []byte(word)) {
			return true
		}
	}
	return false
}
