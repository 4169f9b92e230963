package secret

import (
	"outrider.dev/outrider/guards/window"
)

const (
	maxBare = 128 // bytes of a value that words behind it name
	maxTold = 40  // bytes from there to the noun
)

// told reads a value that only the words behind it make a credential: "V is our
// deploy token", "use V as the API key". It holds a digit among its first
// minValue bytes, so that the sieve can tell it from words.
func (d *Detector) told(w *window.Window, i int) hit {
	if !d.alnum[w.Text[i]] || i > 0 && !opens(w.Text[i-1]) {
		return hit{}
	}
	n := w.Run(i, maxBare+1, tokenClass)
	if n < minValue || n > maxBare || w.Short || runOf(w.Text[i:i+minValue], tokenClass&^window.Digit) == minValue {
		return hit{}
	}
	k := i + n
	if c := w.At(k); quote(c) || c == ')' {
		k++
	}
	if !w.HasPrefix(k, " as ") && !w.HasPrefix(k, " is ") && !w.HasPrefix(k, " for ") {
		return hit{}
	}
	body := w.Text[i : i+n]
	hex, id := onlyHex(body), uuidLike(body)
	if body[n-1] == '.' || ticket(body) || placeholder(body) || counted(body) || !hex && !id && !looksRandom(body) || d.elsewhere(w, i) {
		return hit{}
	}
	noun, shapes := d.nounBehind(w, k)
	if noun == ordinary || w.Short {
		return hit{}
	}
	for _, shape := range shapes {
		if h := d.fits(w, i, shape); h.end > 0 || w.Short {
			return h
		}
	}
	switch {
	case id, hex && n < 32, len(shapes) == 0 && n < minWeak:
		return hit{}
	case len(shapes) > 0:
		return hit{d.namedTypes[shapes[0]], i, i + n, .7, tailNone}
	case noun == password:
		return hit{"secret.password", i, i + n, .6, tailNone}
	}
	return hit{"secret.generic", i, i + n, .6, tailNone}
}

// elsewhere reports whether the word before the value says that it is an
// identifier or a digest.
func (d *Detector) elsewhere(w *window.Window, i int) bool {
	v := look(w, i)
	from, to := v.word(v.gap)
	if from == to {
		return false
	}
	var low [maxName]byte
	r, _ := d.role(lower(v.text[from:to], &low))
	return r == digest || r == other || r == attribute
}

// nounBehind returns what the words that begin behind the blank at k say of the
// value before them, and the shapes of the provider that they name.
func (d *Detector) nounBehind(w *window.Window, k int) (noun role, shapes []int) {
	var low [maxName]byte
	kind := false // the word before speaks of what opens something
	for begin := k; k-begin <= maxTold; {
		from, to := wordBehind(w, k)
		if from == to || w.Short {
			return ordinary, nil
		}
		if found := d.known(w.Text, from, to); len(found) > 0 {
			shapes, kind = found, true
		}
		word := lower(w.Text[from:to], &low)
		switch r, _ := d.role(word); {
		case r == digest, r == other, r == attribute, d.modifiers[string(word)]:
			return ordinary, nil
		case r == strong, r == password, r == key:
			if followed(w, to) {
				if r == key && !kind {
					return ordinary, nil
				}
				return r, shapes
			}
			next, end := wordBehind(w, to)
			if w.Short || !d.isNoun(w.Text[next:end]) { // but "key secret" goes on
				return ordinary, nil
			}
		}
		kind = kind || d.kinds[string(word)]
		k = to
	}
	return ordinary, nil
}

// isNoun reports whether a word names a credential.
func (d *Detector) isNoun(word []byte) bool {
	var low [maxName]byte
	r, _ := d.role(lower(word, &low))
	return r == key || r == strong || r == password
}

// wordBehind returns the word behind the blank or dash at k.
func wordBehind(w *window.Window, k int) (from, to int) {
	if c := w.At(k); c != ' ' && c != '-' && c != '_' && c != '.' {
		return k, k
	}
	from = k + 1
	to = from
	for to-from < maxName && wordByte(w.At(to)) {
		to++
	}
	return from, to
}

// followed reports whether the noun that ends at k ends what is said of the
// value: a sign follows, or a word that begins something else. So "token" is
// the noun in "the token for CI" but not in "the token refresh".
func followed(w *window.Window, k int) bool {
	if c := w.At(k); c != ' ' {
		return c != '-' && c != '_' && c != '/' && c != '.' || c == '.' && w.At(k+1) <= ' '
	}
	from, to := wordBehind(w, k)
	if from == to {
		return true
	}
	var low [maxName]byte
	switch string(lower(w.Text[from:to], &low)) {
	case "for", "when", "in", "to", "on", "and", "of", "from", "with", "if", "please", "until", "at", "here", "now", "that", "so", "but", "because", "then",
		"since", "before", "after", "while", "where", "which", "or", "thx", "thanks", "pls", "instead", "as", "it", "we", "you", "i":
		return true
	}
	return false
}
