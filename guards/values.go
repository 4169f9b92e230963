package guards

import (
	"strings"

	"outrider.dev/outrider/guards/window"
)

// part says where a byte may stand that has to do with a value which is a
// credential for what stands before it.
type part uint8

const (
	within      part = 1 << iota
	before           // right before the value
	beforeBlank      // before the blank before the value
)

// minValue is the length of the shortest such value.
const minValue = 16

// parts tells of every byte where it may stand.
func parts() (value [256]part) {
	for c := range value {
		if window.IsAlnum(byte(c)) || strings.IndexByte("-_.~+/=", byte(c)) >= 0 {
			value[c] |= within
		}
		if strings.IndexByte(" \t\"'=:>", byte(c)) >= 0 {
			value[c] |= before | beforeBlank
		}
		if strings.IndexByte("rRcC", byte(c)) >= 0 { // of Bearer and Basic
			value[c] |= beforeBlank
		}
	}
	return value
}

// announced reports whether such a value may begin at i.
func (r *sifting) announced(i int) bool {
	v, text := &r.sieve.value, r.text
	if i == 0 || v[text[i-1]]&before == 0 || i+minValue <= len(text) && v[text[i+minValue-1]]&within == 0 {
		return false
	}
	if p := text[i-1]; p != ' ' && p != '\t' {
		return true
	}
	return i > 1 && v[text[i-2]]&beforeBlank != 0
}
