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

// ClassOf returns the kind of c.
func ClassOf(c byte) Class {
	switch {
	case c >= '0' && c <= '9':
		return Digit
	case c >= 'a' && c <= 'z':
		if c <= 'f' {
			return HexLower
		}
		return Lower
	case c >= 'A' && c <= 'Z':
		if c <= 'F' {
			return HexUpper
		}
		return Upper
	}
	return classOfSign(c)
}

func classOfSign(c byte) Class {
	switch c {
	case '-':
		return Dash
	case '_':
		return Underscore
	case '.':
		return Dot
	case '+':
		return Plus
	case '/':
		return Slash
	case '=':
		return Equals
	case '~':
		return Tilde
	case '$':
		return Dollar
	case '%':
		return Percent
	case ' ', '\t', '\n', '\r':
		return Space
	case '\'', '"', '\\':
		return Quote
	case ':':
		return Colon
	case '@':
		return At
	}
	return 0
}

// IsAlnum reports whether c is an ASCII letter or digit.
func IsAlnum(c byte) bool { return ClassOf(c)&Alnum != 0 }

// IsDigit reports whether c is an ASCII digit.
func IsDigit(c byte) bool { return c-'0' <= 9 }
