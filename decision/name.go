package decision

import (
	"unicode"
	"unicode/utf8"
)

// Legible reports whether a name that a caller says shows all that it holds:
// printable characters alone, and no space before or behind them. Of two names
// that differ in what is not seen a rule may know one, and whoever serves the
// call may take it for the other.
func Legible(name string) bool {
	for _, r := range name {
		if r < utf8.RuneSelf && (r < ' ' || r > '~') || r >= utf8.RuneSelf && (r == utf8.RuneError || !unicode.IsPrint(r)) {
			return false
		}
	}
	return name == "" || name[0] != ' ' && name[len(name)-1] != ' '
}
