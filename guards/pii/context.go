package pii

import "outrider.dev/outrider/guards/window"

const (
	// reach is how many bytes before a number its context is read from, and
	// reachAfter how many behind it. The byte before them is read too.
	reach      = 80
	reachAfter = 40
)

// far is the distance of a word that is not there.
const far = 255

// context is how many bytes away the nearest word of each label stands.
type context [labelCount]uint8

// lexicon finds the words that say what a number is.
type lexicon struct {
	words []word
	first [1 << 10][]uint16 // words by their first two bytes
}

func newLexicon() *lexicon {
	x := &lexicon{words: vocabulary()}
	for n, entry := range x.words {
		slot := slotOf(entry.text[0], entry.text[1])
		x.first[slot] = append(x.first[slot], uint16(n))
	}
	return x
}

func slotOf(a, b byte) int { return (int(a)<<4 ^ int(b)) & (1<<10 - 1) }

// before returns what the words before i say. Line ends do not stop it: forms
// put labels above.
func (x *lexicon) before(w *window.Window, i int) context {
	var low [reach + 1]byte
	from := max(0, i-reach)
	n := copy(low[:reach], w.Text[from:i])
	ctx := nowhere()
	x.scan(low[:n+1], w.Before(from), func(k int, l label) { ctx[l] = uint8(n - k) })
	return ctx
}

// after returns what the words behind i say, up to the end of their clause, in
// distances that are longer than any before. Where another number follows, the
// words belong to that one.
func (x *lexicon) after(w *window.Window, i int) context {
	var low [reachAfter + 1]byte
	ctx := nowhere()
	n := 0
	for ; n < reachAfter; n++ {
		c := w.At(i + n)
		if window.IsDigit(c) || oneOf(c, ":=#@+") {
			return ctx
		}
		if c == 0 || oneOf(c, ",;.!?\n\r\t|\"<>{}[]") {
			break
		}
		low[n] = c
	}
	x.scan(low[:n+1], w.Before(i), func(k int, l label) { ctx[l] = min(ctx[l], reach+1+uint8(k)) })
	return ctx
}

func nowhere() (ctx context) {
	for l := range ctx {
		ctx[l] = far
	}
	return ctx
}

// scan calls found for every word of the vocabulary that begins in low, which
// it writes over: capitals become small and joints of names blanks. The last
// byte of low is zero.
func (x *lexicon) scan(low []byte, before byte, found func(k int, l label)) {
	var begins [reach]bool
	for k := range len(low) - 1 {
		c := low[k]
		upper := c-'A' <= 'Z'-'A'
		begins[k] = !window.IsAlnum(before) || upper && before-'a' <= 'z'-'a'
		before = c
		switch {
		case upper:
			low[k] |= 0x20
		case c == '_', c == '-':
			low[k] = ' '
		}
	}
	for k := range len(low) - 1 {
		if c := low[k]; !begins[k] && c < 0xC0 || c == ' ' {
			continue
		}
		for _, n := range x.first[slotOf(low[k], low[k+1])] {
			if entry := &x.words[n]; entry.at(low[k:]) {
				found(k, entry.label)
			}
		}
	}
}

// at reports whether the word begins the text, whose last byte is zero.
func (e *word) at(text []byte) bool {
	n := len(e.text)
	return len(text) > n && string(text[:n]) == e.text && (!e.whole || window.ClassOf(text[n])&window.Letters == 0)
}
