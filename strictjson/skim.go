package strictjson

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// A body is read twice where it must be. First it is skimmed: that takes half the
// time of the grammar's own reader, and puts the same tape together. What
// skimming does not know for sure, an error most of all, it leaves to that reader,
// which begins anew: only the reader refuses. A fuzz target holds that nothing is
// skimmed which the reader would refuse or read otherwise.

// maxSkimmed bounds the members of an object that is skimmed: each name is held
// against those before.
const maxSkimmed = 48

// skim puts raw on the tape, if it can.
func (p *parser) skim(lim Limits) bool {
	at, ok := p.skimValue(skipSpace(p.raw, 0), lim)
	for ok && len(p.open) > 0 {
		if at, ok = p.skimNext(at); ok && len(p.open) > 0 {
			at, ok = p.skimValue(at, lim)
		}
	}
	return ok && skipSpace(p.raw, at) == len(p.raw)
}

// byteAt is the byte at an offset; 0, which begins nothing, behind the end.
func (p *parser) byteAt(at int) byte {
	if at < len(p.raw) {
		return p.raw[at]
	}
	return 0
}

// skimValue puts the value that begins there on the tape: a scalar or an empty
// container whole, of others what is before their first value that is a scalar. It
// returns where it stopped.
func (p *parser) skimValue(at int, lim Limits) (end int, ok bool) {
	for {
		n := node{start: uint32(at), next: uint32(len(p.nodes) + 1)}
		switch p.byteAt(at) {
		case '{':
			n.kind = Object
		case '[':
			n.kind = Array
		default:
			end, ok = p.skimScalar(at, &n)
			return end, ok && p.push(n, lim) == nil
		}
		if p.push(n, lim) != nil {
			return 0, false
		}
		at = skipSpace(p.raw, at+1)
		if c := p.byteAt(at); c == '}' && n.kind == Object || c == ']' && n.kind == Array {
			p.pos = at + 1
			p.close()
			return p.pos, true
		}
		if n.kind == Object {
			if at, ok = p.skimName(at); !ok {
				return 0, false
			}
		}
	}
}

// skimNext goes on behind a value: to the next one of its array or object, and
// out of those that end there. It returns where the next value begins, or where
// the last container ended.
func (p *parser) skimNext(at int) (next int, ok bool) {
	for len(p.open) > 0 {
		at = skipSpace(p.raw, at)
		object := p.nodes[p.open[len(p.open)-1]].kind == Object
		switch c := p.byteAt(at); {
		case c == ',' && object:
			return p.skimName(skipSpace(p.raw, at+1))
		case c == ',':
			return skipSpace(p.raw, at+1), true
		case c == '}' && object, c == ']' && !object:
			at++
			p.pos = at
			p.close()
		default:
			return 0, false
		}
	}
	return at, true
}

// skimName puts the name of a member on the tape and returns where its value
// begins.
func (p *parser) skimName(at int) (value int, ok bool) {
	if p.byteAt(at) != '"' {
		return 0, false
	}
	end, escaped := skimText(p.raw, at)
	if end == 0 || escaped || len(p.nodes) == maxValues || !p.isNew(p.raw[at+1:end-1]) {
		return 0, false
	}
	p.nodes = append(p.nodes, node{
		start: uint32(at), end: uint32(end), next: uint32(len(p.nodes) + 1), kind: String, flags: stringFlags(p.raw[at+1:end-1], true),
	})
	if at = skipSpace(p.raw, end); p.byteAt(at) != ':' {
		return 0, false
	}
	return skipSpace(p.raw, at+1), true
}

// isNew reports whether the open object surely has no member of the name yet. It
// gives up on objects with many.
func (p *parser) isNew(name []byte) bool {
	members := 0
	for i := int(p.open[len(p.open)-1]) + 1; i < len(p.nodes); i = int(p.nodes[i+1].next) {
		n := &p.nodes[i]
		if members++; members == maxSkimmed || int(n.end-n.start) == len(name)+2 && bytes.Equal(p.raw[n.start+1:n.end-1], name) {
			return false
		}
	}
	return true
}

// skimScalar fills in a string, a number or a word.
func (p *parser) skimScalar(at int, n *node) (end int, ok bool) {
	switch c := p.byteAt(at); {
	case c == '"':
		escape := false
		if end, escape = skimText(p.raw, at); escape {
			n.flags = escaped
		}
		n.kind = String
	case c == '-' || '0' <= c && c <= '9':
		n.kind, end = Number, skimNumber(p.raw, at)
	case bytes.HasPrefix(p.raw[at:], []byte("true")):
		n.kind, end = Bool, at+len("true")
	case bytes.HasPrefix(p.raw[at:], []byte("false")):
		n.kind, end = Bool, at+len("false")
	case bytes.HasPrefix(p.raw[at:], []byte("null")):
		n.kind, end = Null, at+len("null")
	}
	n.end = uint32(end)
	return end, end > 0
}

// skimNumber returns where the number ends that begins there, 0 where there is
// none.
func skimNumber(raw []byte, at int) (end int) {
	digits := func() bool {
		begun := at
		for at < len(raw) && '0' <= raw[at] && raw[at] <= '9' {
			at++
		}
		return at > begun
	}
	is := func(a, b byte) bool { return at < len(raw) && (raw[at] == a || raw[at] == b) }
	if is('-', '-') {
		at++
	}
	if is('0', '0') {
		at++ // a digit behind it is not what may follow a value
	} else if !digits() {
		return 0
	}
	if is('.', '.') {
		if at++; !digits() {
			return 0
		}
	}
	if is('e', 'E') {
		if at++; is('+', '-') {
			at++
		}
		if !digits() {
			return 0
		}
	}
	return at
}

// skimText returns where the string ends whose first quote is there, 0 where
// that is not sure, and whether it holds an escape.
func skimText(raw []byte, at int) (end int, escape bool) {
	begun, all := at+1, uint64(0)
	for at = begun; ; {
		var seen uint64
		at, seen = plain(raw, at)
		all |= seen
		if at+1 >= len(raw) || raw[at] < ' ' {
			break
		}
		if raw[at] == '"' {
			if all&beyondASCII == 0 || utf8.Valid(raw[begun:at]) {
				return at + 1, escape
			}
			break
		}
		escape = true
		switch raw[at+1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			at += 2
			continue
		}
		length := escapeLength(raw[at:])
		if length == 0 {
			break
		}
		at += length
	}
	return 0, false
}

// beyondASCII are the bits that letters of ASCII do not have.
const beyondASCII = 0x8080808080808080

// plain returns the place of the first quote, backslash or control character
// from there on, or the length of raw, and the bits that it has seen. It looks at
// eight bytes at once: found has the highest bit of a byte set where it is one of
// them, and of those behind it perhaps, which does not matter.
func plain(raw []byte, at int) (end int, seen uint64) {
	const ones = 0x0101010101010101
	for ; at <= len(raw)-8; at += 8 {
		x := binary.LittleEndian.Uint64(raw[at : at+8])
		seen |= x
		quote, slash := x^ones*'"', x^ones*'\\'
		if found := ((x-ones*' ')&^x | (quote-ones)&^quote | (slash-ones)&^slash) & beyondASCII; found != 0 {
			return at + bits.TrailingZeros64(found)/8, seen
		}
	}
	for ; at < len(raw); at++ {
		c := raw[at]
		if c < ' ' || c == '"' || c == '\\' {
			return at, seen
		}
		if c >= utf8.RuneSelf {
			seen = beyondASCII
		}
	}
	return at, seen
}

// escapeLength is how long the escape of a number is with which b begins: two of
// them where they make one character. It is 0 where there is none.
func escapeLength(b []byte) int {
	const one, pair = len(`\u0000`), len(`\u0000\u0000`)
	first, ok := hexadecimal(b)
	switch {
	case !ok:
		return 0
	case first < 0xd800 || first > 0xdfff:
		return one
	case first < 0xdc00 && len(b) >= pair:
		if second, ok := hexadecimal(b[one:]); ok && 0xdc00 <= second && second <= 0xdfff {
			return pair
		}
	}
	return 0
}

// hexadecimal reads the escape of a number with which b begins.
func hexadecimal(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
