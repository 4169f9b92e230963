package window

// Class is a set of kinds of ASCII bytes.
type Class uint32

// Kinds of bytes. Zero, and every byte beyond ASCII, is of no kind.
const (
	Digit Class = 1 << iota
	HexLower
	Lower // without a to f
	HexUpper
	Upper // without A to F
	Dash
	Underscore
	Dot
	Plus
	Slash
	Equals
	Tilde
	Percent
	Dollar
	Space // blank, tab, line feed, carriage return
	Quote // ' " and the backslash of an escaped line end
	Colon
	At

	Letters = HexLower | Lower | HexUpper | Upper
	Alnum   = Letters | Digit
	Hex     = Digit | HexLower
	Base64  = Alnum | Plus | Slash | Equals
	URLSafe = Alnum | Dash | Underscore
)

// kinds holds, for every byte, the number of its kind in the order above, from 1
// on, and 0 for no kind. A table is read once where a switch would branch.
const kinds = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0f\x0f\x00\x00\x0f\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x0f\x00\x10\x00\x0e\x0d\x00\x10\x00\x00\x00\x09\x00\x06\x08\x0a" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x11\x00\x00\x0b\x00\x00" +
	"\x12\x04\x04\x04\x04\x04\x04\x05\x05\x05\x05\x05\x05\x05\x05\x05" +
	"\x05\x05\x05\x05\x05\x05\x05\x05\x05\x05\x05\x00\x10\x00\x00\x07" +
	"\x00\x02\x02\x02\x02\x02\x02\x03\x03\x03\x03\x03\x03\x03\x03\x03" +
	"\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x00\x00\x00\x0c\x00" +
	none + none + none + none + none + none + none + none

const none = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// ClassOf returns the kind of c.
func ClassOf(c byte) Class { return 1 << (kinds[c] & 31) >> 1 }

// IsAlnum reports whether c is an ASCII letter or digit.
func IsAlnum(c byte) bool { return c|0x20-'a' <= 'z'-'a' || c-'0' <= 9 }

// IsDigit reports whether c is an ASCII digit.
func IsDigit(c byte) bool { return c-'0' <= 9 }
