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
	end, letters, read := i, 0, i+1
	for at := i; at < len(s.text) && letters < maxDecoded/2; { // each may be a word with a blank behind it
		n, upto := spacedWord(s.text, at)
		read = max(read, upto)
		if n == 0 {
			break
		}
		end, letters = upto, letters+n
		for at = end; at < len(s.text) && at < end+maxGap && !window.IsAlnum(s.text[at]); {
			at++
		}
	}
	if letters >= minSpaced {
		s.out = append(s.out, run{i, end, joinedLetters(s.text[i:end]), wayApart})
	}
	s.apart = read // nothing is read twice
}

// joinedLetters returns the words of a run, each with a blank behind it, in
// maxDecoded bytes at most.
func joinedLetters(text []byte) []byte {
	out := make([]byte, 0, min(len(text), maxDecoded))
	for at := 0; at < len(text) && len(out) < maxDecoded; at++ {
		n, upto := spacedWord(text, at)
		for k := range min(n, maxDecoded-1-len(out)) {
			out = append(out, text[at+2*k])
		}
		if n > 0 {
			out = append(out, ' ')
			at = upto - 1
		}
	}
	return out
}

// spacedWord counts the letters of the word at i, three or more that one and the
// same sign sets apart, and returns where it ends. n is 0 if
// there is no such word; upto is then how far a word that might be one was read.
func spacedWord(text []byte, i int) (n, upto int) {
	if i > 0 && window.IsAlnum(text[i-1]) || i+4 >= len(text) || !window.IsAlnum(text[i]) || window.IsAlnum(text[i+1]) || text[i+1] >= 0x80 {
		return 0, i
	}
	sign := text[i+1]
	for upto = i; ; upto += 2 {
		if upto+1 < len(text) && window.IsAlnum(text[upto+1]) || !window.IsAlnum(text[upto]) {
			return 0, upto // a longer word follows
		}
		n++
		if upto+2 >= len(text) || text[upto+1] != sign || !window.IsAlnum(text[upto+2]) {
			break
		}
	}
	if n < 3 {
		return 0, upto
	}
	return n, upto + 1
}
