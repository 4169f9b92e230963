package injection

// What parting a joined word costs: known words are better the fewer they are, and
// letters of none are worst.
const (
	joinedWord = 13 // letters: a shorter word is none that was joined
	knownCost  = 1
	letterCost = 4
)

// parted puts blanks between the known words of every joined word: "ignoreallrules" reads like "ignore all rules".
func (d *Detector) parted(text []byte) []byte {
	out := make([]byte, 0, len(text)+len(text)/4)
	for from := 0; from < len(text); {
		end := from
		for end < len(text) && text[end] != ' ' {
			end++
		}
		if end-from < joinedWord {
			out = append(out, text[from:end]...)
		} else {
			out = d.part(text[from:end], out)
		}
		out, from = append(out, ' '), end+1
	}
	return out
}

// part appends a joined word in parts. The cheapest way to read every beginning
// of it is known when words are looked for behind it.
func (d *Detector) part(word, out []byte) []byte {
	type way struct{ cost, from int }
	ways := make([]way, len(word)+1)
	for at := range word {
		if last := ways[at].cost + letterCost; ways[at+1].cost == 0 || last < ways[at+1].cost {
			ways[at+1] = way{last, at}
		}
		var low letters
		for n := 1; n <= min(d.longest, maxWord, len(word)-at); n++ {
			low.raw[n-1], low.n = imitated(d.fold[word[at+n-1]]), n
			to := &ways[at+n]
			if c := ways[at].cost + knownCost; n > 1 && (to.cost == 0 || c < to.cost) && d.words.find(&low) != 0 {
				*to = way{c, at}
			}
		}
	}
	cut := make([]bool, len(word)+1)
	for end := len(word); end > 0; end = ways[end].from {
		if end-ways[end].from > 1 {
			cut[ways[end].from], cut[end] = true, true
		}
	}
	for k, c := range word {
		if cut[k] && k > 0 {
			out = append(out, ' ')
		}
		out = append(out, c)
	}
	return out
}
