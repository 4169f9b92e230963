package injection

import "outrider.dev/outrider/guards/window"

// Bounds of letters that are set apart, as in "i g n o r e".
const (
	minSpaced = 8 // letters of a run
	maxGap    = 4 // bytes between two words of one
)

// spaced adds the run of words that begins at i, if one does: words whose
// letters are set apart by one sign each, and that something else sets apart.
func (s *seeker) spaced(i int) {
	if i < s.apart || s.full() {
		return
	}
	r := run{start: i, end: i, way: wayApart}
	letters := 0
	for at := i; at < len(s.text) && len(r.text) < maxDecoded; {
		end, word := spacedWord(s.text, at)
		if len(word) == 0 {
			break
		}
		r.text, r.end, letters = append(append(r.text, word...), ' '), end, letters+len(word)
		for at = end; at < len(s.text) && at < end+maxGap && !window.IsAlnum(s.text[at]); {
			at++
		}
	}
	if letters >= minSpaced {
		s.out = append(s.out, r)
	}
	s.apart = max(i+1, r.end)
}

// spacedWord reads three letters or more that one and the same sign sets apart.
func spacedWord(text []byte, i int) (end int, word []byte) {
	if i > 0 && window.IsAlnum(text[i-1]) || i+4 >= len(text) || !window.IsAlnum(text[i]) || window.IsAlnum(text[i+1]) || text[i+1] >= 0x80 {
		return i, nil
	}
	sign := text[i+1]
	for end = i; ; end += 2 {
		if end+1 < len(text) && window.IsAlnum(text[end+1]) || !window.IsAlnum(text[end]) {
			return i, nil // a longer word follows
		}
		word = append(word, text[end])
		if end+2 >= len(text) || text[end+1] != sign || !window.IsAlnum(text[end+2]) {
			break
		}
	}
	if len(word) < 3 {
		return i, nil
	}
	return end + 1, word
}
