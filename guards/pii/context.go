package pii

import "outrider.dev/outrider/guards/window"

// reach is how many bytes before a number its context is read from.
const reach = 48

// near reports whether one of the words, given in lower case, begins a word in
// the bytes before i. Line ends do not stop it: forms put labels above.
func near(w *window.Window, i int, words ...string) bool {
	var low [reach]byte
	from := max(0, i-reach)
	n := copy(low[:], w.Text[from:i])
	for k := range n {
		if low[k]-'A' <= 'Z'-'A' {
			low[k] |= 0x20
		}
	}
	var first [2]uint64 // bytes that a word begins with
	for _, word := range words {
		first[word[0]>>6] |= 1 << (word[0] & 63)
	}
	for k := range n {
		if c := low[k]; c >= 0x80 || first[c>>6&1]&(1<<(c&63)) == 0 || k > 0 && window.IsAlnum(low[k-1]) {
			continue
		}
		for _, word := range words {
			if len(word) <= n-k && string(low[k:k+len(word)]) == word {
				return true
			}
		}
	}
	return false
}

// nearPhone looks for words that announce a telephone number, in English,
// German, Spanish and French.
func nearPhone(w *window.Window, i int) bool {
	return near(w, i, "phone", "tel", "mobil", "cell", "fax", "whatsapp", "sms", "call ", "dial", "contact", "text me", "reach",
		"handy", "rufnummer", "móvil", "portable", "numéro")
}
