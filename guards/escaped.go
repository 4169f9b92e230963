package guards

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"outrider.dev/outrider/decision"
)

// ScanEscaped appends what the guards find in a whole text as whoever takes it
// for JSON reads it: the arguments of a tool are JSON in a string, and escapes
// in it could hide a value. Spans are in text as it stands. What out has from
// first on, of the same text, is not repeated. Text without escapes that could
// hide anything costs nothing.
func (s *Set) ScanEscaped(text []byte, seg decision.Segment, out []decision.Finding, first int) []decision.Finding {
	if !hides(text) {
		return out
	}
	plain, at := unescape(text)
	type place struct {
		kind       string
		start, end uint32
	}
	known := make(map[place]bool, len(out)-first)
	for _, f := range out[first:] {
		known[place{f.Type, f.Start, f.End}] = true
	}
	for _, f := range s.Scan(plain, seg, nil) {
		f.Start, f.End = at[f.Start], at[f.End]
		if !known[place{f.Type, f.Start, f.End}] {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out[first:], byStart)
	return out
}

// hides reports whether the text has an escape that stands for a character
// which words and values are made of.
func hides(text []byte) bool {
	return bytes.Contains(text, []byte(`\u`)) || bytes.Contains(text, []byte(`\/`))
}

// unescape returns the text without JSON's escapes, and for each of its bytes,
// and for its end, the offset in text of what it came from. What is no escape
// stays.
func unescape(text []byte) (plain []byte, at []uint32) {
	plain, at = make([]byte, 0, len(text)), make([]uint32, 0, len(text)+1)
	for i := 0; i < len(text); {
		start, n := i, 1
		if text[i] != '\\' {
			plain = append(plain, text[i])
		} else {
			plain, n = appendEscape(plain, text[i:])
		}
		i += n
		for len(at) < len(plain) {
			at = append(at, uint32(start))
		}
	}
	return plain, append(at, uint32(len(text)))
}

// appendEscape appends the character of the escape that text begins with, and
// returns the length of the escape.
func appendEscape(dst, text []byte) ([]byte, int) {
	const simple, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if len(text) > 1 {
		if k := bytes.IndexByte([]byte(simple), text[1]); k >= 0 {
			return append(dst, meant[k]), 2
		}
	}
	unit, ok := hexUnit(text)
	if !ok {
		return append(dst, text[0]), 1
	}
	if utf16.IsSurrogate(unit) {
		if low, ok := hexUnit(text[6:]); ok && utf16.DecodeRune(unit, low) != utf8.RuneError {
			return utf8.AppendRune(dst, utf16.DecodeRune(unit, low)), 12
		}
	}
	return utf8.AppendRune(dst, unit), 6
}

// hexUnit reads an escape such as \u0041.
func hexUnit(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(unit), err == nil
}
