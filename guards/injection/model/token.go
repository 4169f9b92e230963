package model

import "unicode/utf8"

const (
	maxLetters  = 24 // of a word that count
	maxConcepts = 4  // of a word
)

// token is one word, or one ideograph.
type token struct {
	letters  [maxLetters]uint16
	n        int // letters
	start    int // in the text, in bytes
	end      int
	word     uint64
	concepts [maxConcepts]uint8 // from 1 on; zero: none
	quoted   bool               // a quotation mark stands before it
	gap      int                // what it counts as distance to the token before
	mark     uint64             // of the punctuation before it; zero: none to speak of
	ids      int                // where its features end among those of the block
}

// scanner reads the tokens of a text.
type scanner struct {
	plain *plain
	words *lexicon
	text  []byte
	at    int
}

// next reads the next token into t and reports whether there was one.
func (s *scanner) next(t *token) bool {
	t.n, t.quoted, t.gap, t.mark, t.concepts = 0, false, 1, 0, [maxConcepts]uint8{}
	g, width := s.skip(t)
	if width == 0 {
		return false
	}
	t.start = s.at
	if g.ideograph {
		s.ideographs(t)
	} else {
		s.letters(t, g, width)
	}
	t.end = s.at
	return true
}

// skip goes to the next letter, and notes what stands before it.
func (s *scanner) skip(t *token) (g glyph, width int) {
	marks, run := uint64(0), 0
	for s.at < len(s.text) {
		g, width = s.glyph()
		switch g.sign {
		case letter:
			if run > 1 {
				t.mark = marks
			}
			return g, width
		case quote:
			t.quoted = true
		case ends:
			t.gap = 4
		case nothing, blank, within:
		}
		if g.sign >= quote && run < 4 {
			marks = mix(marks ^ uint64(s.text[s.at]))
			run++
		}
		s.at += width
	}
	return glyph{}, 0
}

func (s *scanner) glyph() (glyph, int) {
	if c := s.text[s.at]; c < utf8.RuneSelf {
		return s.plain[c], 1
	}
	r, width := utf8.DecodeRune(s.text[s.at:])
	return glyphOf(r, s.text[s.at:s.at+width]), width
}

// letters reads a word. A word of Latin letters and of others that are drawn
// like them is read as Latin.
func (s *scanner) letters(t *token, g glyph, width int) {
	var own, like [maxLetters]rune
	latin := false
	for {
		if g.sign == letter {
			if t.n < maxLetters {
				own[t.n], like[t.n] = g.own, g.like
				t.n++
			}
			latin = latin || g.own < utf8.RuneSelf && g.own > '9'
		}
		s.at += width
		if s.at == len(s.text) {
			break
		}
		g, width = s.glyph()
		if g.sign > nothing {
			if c := s.inner(); c != 0 {
				g = glyph{own: c, like: c}
				continue
			}
			break
		}
		if g.ideograph {
			break
		}
	}
	if latin {
		own = like
	}
	s.name(t, own[:t.n])
}

// inner returns the letter that a sign stands for between two letters.
func (s *scanner) inner() rune {
	c := s.text[s.at]
	if c != '@' && c != '$' || s.at+1 == len(s.text) || s.plain[s.text[s.at+1]&0x7f].sign != letter {
		return 0
	}
	if c == '@' {
		return 'a'
	}
	return 's'
}

// name hashes a word and looks it up, if need be with digits as letters.
func (s *scanner) name(t *token, runes []rune) {
	var hashes [maxLetters]uint64
	for {
		h := uint64(seed)
		digits, letters := false, false
		for k, r := range runes {
			h = mix(h ^ uint64(r))
			hashes[k] = h
			t.letters[k] = uint16(uint32(r) * 0x9E3779B1 >> 16)
			digits = digits || r <= '9' && r >= '0'
			letters = letters || r > '9'
		}
		t.word = h
		if s.words.find(hashes[:len(runes)], &t.concepts) || !digits || !letters {
			return
		}
		for k, r := range runes {
			runes[k] = imitated(r)
		}
	}
}

// ideographs reads the longest known word of ideographs, or one of them.
func (s *scanner) ideographs(t *token) {
	h := uint64(seed)
	end, known := 0, uint64(0)
	for at, n := s.at, 0; n < maxIdeographs && at < len(s.text); n++ {
		r, width := utf8.DecodeRune(s.text[at:])
		if !ideographic(r) {
			break
		}
		at += width
		h = mix(h ^ uint64(r))
		t.letters[n] = uint16(uint32(r) * 0x9E3779B1 >> 16)
		if s.words.exact(h, &t.concepts) || n == 0 {
			end, known, t.n = at, h, n+1
		}
	}
	s.at, t.word = end, known
}

const maxIdeographs = 6

const seed = 0x9E3779B97F4A7C15

// mix spreads the bits of a number over all of it.
func mix(h uint64) uint64 {
	h *= 0xD6E8FEB86659FD93
	return h ^ h>>32
}

// imitated returns the letter that a digit is read as in a word.
func imitated(r rune) rune {
	switch r {
	case '0':
		return 'o'
	case '1':
		return 'i'
	case '3':
		return 'e'
	case '4':
		return 'a'
	case '5':
		return 's'
	case '7':
		return 't'
	case '0' + 2, '6', '8', '9':
		return 'z' // none: the word is unknown, and looked up once
	}
	return r
}
