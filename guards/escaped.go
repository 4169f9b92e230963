package guards

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/window"
)

// maxLayers is how many layers of escapes are resolved: JSON in a string, and
// JSON in a string of that.
const maxLayers = 2

// ScanEscaped appends what the guards find in a whole text as whoever takes it
// for JSON reads it: the arguments of a tool are JSON in a string, and escapes
// in it could hide a value. From the first escape that could on, all are
// resolved, as a stream does. Spans are in text as it stands. What out has from
// first on, of the same text, is not repeated. Text without such escapes costs nothing.
func (s *Set) ScanEscaped(text []byte, seg decision.Segment, out []decision.Finding, first int) []decision.Finding {
	layers := resolved(text)
	if len(layers) == 0 {
		return out
	}
	known := make(map[spot]bool, len(out)-first)
	for _, f := range out[first:] {
		known[spotOf(f)] = true
	}
	for _, layer := range layers {
		for _, f := range s.Scan(layer.text, seg, nil) {
			f.Start, f.End = layer.at[f.Start], layer.at[f.End]
			if k := spotOf(f); !known[k] {
				known[k], out = true, append(out, f)
			}
		}
	}
	slices.SortStableFunc(out[first:], byStart)
	return out
}

// spot is what makes two findings in one text the same. Exceptions by hash may
// give them different actions, for the value is another with its escapes.
type spot struct {
	kind       string
	start, end uint32
	action     decision.Action
}

func spotOf(f decision.Finding) spot { return spot{f.Type, f.Start, f.End, f.Action} }

// layer is a text with escapes resolved, and for each of its bytes, and for its
// end, the offset of what it came from.
type layer struct {
	text []byte
	at   []uint32
}

// resolved returns the text with one layer of escapes resolved after another,
// as long as there are some that hide.
func resolved(text []byte) (out []layer) {
	if bytes.IndexByte(text, '\\') < 0 {
		return nil
	}
	var at []uint32
	for rest := string(text); len(out) < maxLayers; rest = string(text) {
		i, found, _ := hiding(rest, true)
		if !found {
			break
		}
		if at == nil {
			at = sequence(nil, 0, len(rest)+1)
		}
		plain, from, _ := unescape(slices.Clone(text[:i]), slices.Clone(at[:i]), rest[i:], at[i:], true)
		from = append(from, at[len(rest)])
		text, at = plain, from
		out = append(out, layer{text, at})
	}
	return out
}

// sequence appends n offsets from start on.
func sequence(at []uint32, start uint64, n int) []uint32 {
	for k := range n {
		at = append(at, uint32(start)+uint32(k))
	}
	return at
}

// hiding returns where the backslashes of the first escape begin, in this layer
// or the next, that stands for a character of which words and values are made.
// In a text of which more may come, the beginning of one that ends it is in doubt.
// What stands right before the escape may begin another one, which ends with
// what it stands for, as in \u00\u0034\u0031: then that one's place is returned.
// A chain of more such beginnings than there are layers is taken for what it is
// not, lest all of it be in doubt for as long as it goes on.
func hiding(text string, last bool) (at int, found, doubt bool) {
	before, open := 0, -1 // the first of the backslashes before, or of those that they end with; the last one, or -1: it begins no escape
	chain := 0            // beginnings of escapes that end with the next one
	for {
		k := strings.IndexByte(text[at:], '\\')
		if k < 0 {
			return len(text), false, false
		}
		at += k
		begin := at
		if chain++; open >= 0 && unended(text[open:at]) {
			begin = before
		} else {
			chain = 0
		}
		if chain > maxLayers {
			return begin, true, false
		}
		n := 1
		for n < 1<<maxLayers && at+n < len(text) && text[at+n] == '\\' {
			n++
		}
		before, open = begin, -1
		if n < 1<<maxLayers { // so many are a backslash in every layer
			open = at + n - 1
			rest := text[open:] // with one of them
			if !last && unended(rest) {
				return begin, false, true
			}
			if _, ok := hexUnit(rest); ok || strings.HasPrefix(rest, `\/`) {
				return begin, true, false
			}
		}
		at += n
	}
}

// unended reports whether all of the text may begin an escape of six bytes or
// two that has not ended.
func unended(text string) bool {
	if len(text) > 5 || len(text) > 1 && text[1] != 'u' {
		return false
	}
	for k := 2; k < len(text); k++ {
		if window.ClassOf(text[k])&(window.Hex|window.HexUpper) == 0 {
			return false
		}
	}
	return text[0] == '\\'
}

// unescape appends the text without JSON's escapes, and for each of its bytes
// the offset of what it came from. What is no escape stays. Of a text of which
// more may come, it returns how much of it is not read: an escape that has not ended.
func unescape(plain []byte, from []uint32, text string, at []uint32, last bool) ([]byte, []uint32, int) {
	for i := 0; i < len(text); {
		start, n := i, 1
		switch {
		case text[i] != '\\':
			plain = append(plain, text[i])
		case !last && (unended(text[i:]) || halved(text[i:])):
			return plain, from, len(text) - i
		default:
			plain, n = appendEscape(plain, text[i:])
		}
		i += n
		for len(from) < len(plain) {
			from = append(from, at[start])
		}
	}
	return plain, from, 0
}

// halved reports whether the text is the first half of a character that takes
// two escapes, and perhaps the beginning of the second.
func halved(text string) bool {
	unit, ok := hexUnit(text)
	return ok && unit >= 0xD800 && unit < 0xDC00 && (len(text) == 6 || unended(text[6:]))
}

// appendEscape appends the character of the escape that text begins with, and
// returns the length of the escape.
func appendEscape(dst []byte, text string) ([]byte, int) {
	const simple, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if len(text) > 1 {
		if k := strings.IndexByte(simple, text[1]); k >= 0 {
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
func hexUnit(text string) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(unit), err == nil
}
