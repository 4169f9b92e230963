package secret

import (
	"bytes"
	"unicode"

	"outrider.dev/outrider/guards/window"
)

const (
	tokenClass = window.URLSafe | window.Dot | window.Tilde | window.Plus | window.Slash | window.Equals

	maxName  = 48 // bytes of a name
	minValue = 16 // of a value that only what stands around it makes a credential
	minNamed = 12 // the same, where a provider's name stands there too
	minWeak  = 20 // the same, where it is only called a key
	proofLen = 64 // bytes on which a body or value is judged, if it has as many
)

// valued reads a value that only what stands before it makes a credential: an
// authorization scheme, or the words that name it.
func (d *Detector) valued(w *window.Window, i int) hit {
	if !opens(w.Before(i)) || i == 0 || opens(w.Text[i]) || brief(w, i) {
		return hit{}
	}
	v := look(w, i)
	s := d.judge(&v)
	named := (s.noun != ordinary || s.signed) && (!s.glued || wide(w, i))
	if h := d.commandPassword(w, &v, i); h.end > 0 || w.Short {
		return h
	}
	if v.ofCommand() {
		if h := commandUser(w, &v, i); h.end > 0 || w.Short {
			return h
		}
	}
	if !named || hopeless(w, i, s.noun == password && s.linked) {
		return hit{}
	}
	if s.noun == password {
		if h := passwordAt(w, &v, s, i); h.end > 0 || w.Short {
			return h
		}
	}
	h := d.token(w, &v, s, i)
	if w.Short || s.noun != strong || !s.signed || h.tail != tailNone || h.end > 0 && !loud(w.At(h.end)) {
		return h
	}
	if p := phrase(w, i); p.end > h.end {
		return p
	}
	return h
}

// brief reports whether a value at i has come to its end and is shorter than any.
func brief(w *window.Window, i int) bool {
	for k := i; k < i+minPassword; k++ {
		if k == len(w.Text) {
			return w.Last
		}
		if c := w.Text[k]; c <= ' ' || quote(c) {
			return true
		}
	}
	return false
}

// hopeless dismisses what has come to its end and cannot be a value: it is
// short, has no letters, or is a word as people write it. A password may be of
// letters alone.
func hopeless(w *window.Window, i int, letters bool) bool {
	k, digit, letter, odd := i, false, false, false
	for end := min(len(w.Text), i+proofLen); ; k++ {
		if k == end {
			if k == len(w.Text) && w.Last {
				break
			}
			return false
		}
		c := w.Text[k]
		if c <= ' ' || c == '"' || c == '\'' || c == '`' {
			break
		}
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			odd = odd || c < 'a' && k > i // a capital within
			letter = true
		case window.IsDigit(c):
			digit = true
		case loud(c):
			odd = true
		}
	}
	return k-i < minPassword || !letter || !digit && !odd && (!letters || k-i < minLetters)
}

// token reads a value without blanks that looks random.
func (d *Detector) token(w *window.Window, v *view, s sight, i int) hit {
	if n := runOf(w.Text[i:min(len(w.Text), i+minNamed)], tokenClass|window.Colon); n < minNamed && (i+n < len(w.Text) || w.Last) {
		return hit{}
	}
	shapes := d.provider(v, s)
	if s.noun == ordinary && (len(shapes) == 0 || !wide(w, i)) {
		return hit{}
	}
	n := w.Run(i, proofLen, tokenClass)
	if n < minNamed && w.At(i+n) != ':' || w.Short {
		return hit{}
	}
	if body := w.Text[i : i+n]; ticket(body) || placeholder(body) || counted(body) || !digitSoon(body) || elided(w, i+n, body) {
		return hit{}
	}
	for _, k := range shapes {
		if h := d.fits(w, i, k); h.end > 0 || w.Short {
			return h
		}
	}
	if s.noun == ordinary {
		return hit{}
	}
	return d.generic(w, v, s, i, n, shapes)
}

// fits judges the shape k of a provider that stands before the value.
func (d *Detector) fits(w *window.Window, i, k int) hit {
	p := &d.provided[k]
	n := w.Run(i, max(p.min, p.max, proofLen)+1, p.body)
	for n > 0 && w.Text[i+n-1] == '.' {
		n--
	}
	if n < p.min || w.Short || p.max > 0 && n > p.max {
		return hit{}
	}
	body := w.Text[i : i+n]
	if window.ClassOf(w.At(i+n))&(wordly|window.Dash|window.Plus|window.Slash) != 0 && n <= proofLen || w.Short || distinct(body) < 6 || placeholder(body) || !isMixed(body) {
		return hit{}
	}
	if p.max == 0 && n > proofLen {
		return hit{d.namedTypes[k], i, i + n, .85, tailToken}
	}
	return hit{d.namedTypes[k], i, i + n, .85, tailNone}
}

// generic judges a value by itself.
func (d *Detector) generic(w *window.Window, v *view, s sight, i, n int, shapes []int) hit {
	body := w.Text[i : i+n]
	open := n == proofLen
	for !open && len(body) > 0 && (body[len(body)-1] == '.' || body[len(body)-1] == '/') {
		body = body[:len(body)-1]
	}
	least := minValue
	switch {
	case len(shapes) > 0:
		least = minNamed + 2
	case s.noun == key && !s.linked:
		least = 24
	case s.noun == key:
		least = minWeak
	}
	if len(body) < least || !looksRandom(body) || w.At(i+n) == '@' || !s.allows(body, v.prose(v.gap)) {
		return hit{}
	}
	h := hit{"secret.generic", i, i + len(body), .6, tailNone}
	if open {
		h.tail = tailToken
	}
	switch scheme := v.scheme(); {
	case scheme == "secret.basic" && decodes(body, false):
		return hit{} // to text without a password
	case scheme != "":
		h.kind, h.sure = scheme, .85
	case len(shapes) > 0:
		h.kind, h.sure = d.namedTypes[shapes[0]], .7
	case s.noun == password:
		h.kind = "secret.password"
	}
	return h
}

// allows reports whether a random value may be a credential for what is seen
// before it. Digests and UUIDs must be called one plainly, and a value that only
// stands near a word must be the more random.
func (s sight) allows(body []byte, prose bool) bool {
	hex, id := onlyHex(body), uuidLike(body)
	switch {
	case (len(body) == 16 || len(body) == 40) && hex && (!s.signed || s.noun == key) && bytes.IndexFunc(body, unicode.IsLower) < 0: // of an OpenPGP key
		return false
	case !s.signed && labelled(body):
		return false
	case hex && s.digest, id && (s.noun == key || !s.linked):
		return false
	case s.noun == key && s.signed && hex && !prose:
		return false
	}
	return s.linked || changes(body)*10 >= 3*len(body)
}

// labelled reports whether one of the words between the dashes of a value means
// a credential, as in db-credentials-x7k2p: a name of one.
func labelled(body []byte) bool {
	for part := range bytes.SplitSeq(body, []byte("-")) {
		switch string(part) {
		case "credentials", "credential", "creds", "secret", "secrets", "token", "tokens", "password", "passwords", "auth", "key", "keys":
			return true
		}
	}
	return false
}

// scheme returns the type that the authorization scheme right before the value gives it.
func (v *view) scheme() string {
	if string(v.text[v.gap:]) != " " {
		return ""
	}
	from, to := v.word(v.gap)
	var low [maxName]byte
	switch string(lower(v.text[from:to], &low)) {
	case "bearer":
		return "secret.bearer"
	case "basic":
		return "secret.basic"
	}
	return ""
}

// introduced dismisses most words: before a value stands a quote, a sign of
// assignment, or a blank after one of these or after Bearer or Basic.
func introduced(w *window.Window, i int) bool {
	p := w.Before(i)
	if p == ' ' || p == '\t' {
		p = w.Before(i - 1)
		if p == 'r' || p == 'R' || p == 'c' || p == 'C' {
			return true
		}
	}
	return gapByte(p)
}

func gapByte(c byte) bool {
	switch c {
	case ' ', '\t', '"', '\'', '=', ':', '>':
		return true
	}
	return false
}
