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
	end, letters := i, 0
	for at := i; at < len(s.text) && letters < maxDecoded/2; { // each may be a word with a blank behind it
		n := spacedWord(s.text, at)
		if n == 0 {
			break
		}
		end, letters = at+2*n-1, letters+n
		for at = end; at < len(s.text) && at < end+maxGap && !window.IsAlnum(s.text[at]); {
			at++
		}
	}
	if letters >= minSpaced {
		s.out = append(s.out, run{i, end, joinedLetters(s.text[i:end]), wayApart})
	}
	s.apart = max(i+1, end)
}

// joinedLetters returns the words of a run, each with a blank behind it.
func joinedLetters(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for at := 0; at < len(text); at++ {
		n := spacedWord(text, at)
		for k := range n {
			out = append(out, text[at+2*k])
		}
		if n > 0 {
			out = append(out, ' ')
			at += 2*n - 2
		}
	}
	return out
}

// spacedWord counts the letters of the word at i, three or more that one and the
// same sign sets apart; 0: there is no such word.
func spacedWord(text []byte, i int) (n int) {
	if i > 0 && window.IsAlnum(text[i-1]) || i+4 >= len(text) || !window.IsAlnum(text[i]) || window.IsAlnum(text[i+1]) || text[i+1] >= 0x80 {
		return 0
	}
	sign := text[i+1]
	for end := i; ; end += 2 {
		if end+1 < len(text) && window.IsAlnum(text[end+1]) || !window.IsAlnum(text[end]) {
			return 0 // a longer word follows
		}
		n++
		if end+2 >= len(text) || text[end+1] != sign || !window.IsAlnum(text[end+2]) {
			break
		}
	}
	if n < 3 {
		return 0
	}
	return n
}
