package strictjson

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// fewNames is up to how many foldable names comparing in pairs is cheaper than
// a map.
const fewNames = 12

// RefuseFolded refuses an object with two member names that a reader which
// ignores case, or for which NUL ends a name, takes for one; deep: every object below the value too. The
// error is an [*Error].
func (v Value) RefuseFolded(deep bool) error {
	if v.Kind() == Object {
		if err := v.refuseFoldedHere(); err != nil {
			return err
		}
	}
	if !deep {
		return nil
	}
	for at := v.at + 1; at < v.node().next; at++ {
		below := Value{v.doc, at}
		if below.Kind() != Object {
			continue
		}
		if err := below.refuseFoldedHere(); err != nil {
			return err
		}
	}
	return nil
}

// refuseFoldedHere looks closer only when some name has an upper-case letter,
// an escape or a byte beyond ASCII: names without are equal in folded form
// only when they are equal, and the parser has refused that.
func (v Value) refuseFoldedHere() error {
	foldables, names := 0, 0
	for name := range v.Members() {
		names++
		if name.node().flags&foldable != 0 {
			foldables++
		}
	}
	if foldables == 0 || names < 2 {
		return nil
	}
	if names <= fewNames {
		return v.refuseFoldedPairs()
	}
	seen := make(map[string]struct{}, names)
	for name, value := range v.Members() {
		text, _ := name.Text()
		key := string(appendFolded(make([]byte, 0, 32), text))
		if _, twice := seen[key]; twice {
			return value.Refuse(Folded)
		}
		seen[key] = struct{}{}
	}
	return nil
}

func (v Value) refuseFoldedPairs() error {
	var texts [fewNames][]byte
	n := 0
	for name, value := range v.Members() {
		texts[n], _ = name.Text()
		for _, earlier := range texts[:n] {
			if equalFolded(earlier, texts[n]) {
				return value.Refuse(Folded)
			}
		}
		n++
	}
	return nil
}

func equalFolded(a, b []byte) bool {
	a, b = beforeNUL(a), beforeNUL(b)
	for len(a) > 0 && len(b) > 0 {
		ra, na := utf8.DecodeRune(a)
		rb, nb := utf8.DecodeRune(b)
		if ra != rb && foldRune(ra) != foldRune(rb) {
			return false
		}
		a, b = a[na:], b[nb:]
	}
	return len(a) == len(b)
}

// beforeNUL returns what a reader in C sees of a name.
func beforeNUL(name []byte) []byte {
	before, _, _ := bytes.Cut(name, []byte{0})
	return before
}

func appendFolded(dst, name []byte) []byte {
	name = beforeNUL(name)
	for i := 0; i < len(name); {
		if c := name[i]; c < utf8.RuneSelf {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRune(name[i:])
		dst = utf8.AppendRune(dst, foldRune(r))
		i += n
	}
	return dst
}

// foldRune maps every rune that some reader holds for equal to one rune: the
// smallest of its simple folding orbit (encoding/json). The dotted capital I
// and the dotless small i have no orbit, but readers that compare by upper or
// lower case find them equal to i: hence the two mappings before.
func foldRune(r rune) rune {
	r = unicode.ToLower(unicode.ToUpper(r))
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
