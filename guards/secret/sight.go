package secret

import (
	"bytes"

	"outrider.dev/outrider/guards/window"
)

// sight is what the words before a value say.
type sight struct {
	noun   role // key, strong, session or password; ordinary if none of them is there
	far    int  // bytes from the beginning of the noun to the value
	signed bool // a sign of assignment stands before the value
	linked bool // that, the noun, or a linking word stands right before the value
	glued  bool // the noun only ends a longer word, which the sieve does not see
	digest bool // something speaks of a digest

	compared bool // the sign before the value compares
}

// judge reads the words before a value, from the value on.
func (d *Detector) judge(v *view) sight {
	s := sight{signed: assigns(v.text[v.gap:]), compared: compares(v.text[:v.gap], v.text[v.gap:])}
	bare := string(v.text[v.gap:]) == ":" // which also joins the parts of references
	if bare && v.inResource() {
		return s
	}
	s.signed = s.signed || bare
	last := v.gap
	first := true
	var low [maxName]byte
	for k := v.gap; ; {
		from, to := v.word(k)
		if from == to || !first && d.parts(v.text[to:last], s.signed) || first && (ends(v.text[to:last]) || bytes.IndexByte(v.text[to:last], '\n') >= 0) {
			return sight{signed: s.signed}
		}
		r, glued := d.role(lower(v.text[from:to], &low))
		switch {
		case r == digest || r == other && (s.signed && first || !s.signed):
			return sight{}
		case (r == attribute || hump(v.text[from:to]) && d.about(v.text[from:to])) && first && s.signed && !v.prose(to):
			return sight{}
		case r == neutral && first:
			if name := v.variable(from); name > 0 {
				k, last = name, name
				continue
			}
			k, last = from, from
			for last > 0 && !wordByte(v.text[last-1]) {
				last--
			}
			continue
		case r >= key && r <= password:
			return d.named(v, s, r, glued, from, to, first)
		case r == link && first:
			s.linked = true
		}
		if bare && first {
			return sight{}
		}
		k, last, first = from, from, false
	}
}

// named completes what is seen once the noun at [from, to) is found.
func (d *Detector) named(v *view, s sight, r role, glued bool, from, to int, first bool) sight {
	var low [maxName]byte
	before, end := v.word(from)
	if end > before && from-end <= 1 {
		word := lower(v.text[before:end], &low)
		if r != password && d.modifiers[string(word)] {
			return sight{}
		}
		if r == key && (d.kinds[string(word)] || len(d.shapes[string(word)]) > 0 || v.text[end] == '_' || v.text[end] == '-') {
			r = strong
		}
	}
	if from < to && v.text[from]|0x20 == 'b' && r == password && v.scheme() == "" {
		return sight{signed: s.signed} // basic, but not the scheme
	}
	if r == session && (!s.signed || bytes.IndexByte(v.text[v.gap:], '=') < 0) || to-from == 2 && v.text[from]|0x20 == 'c' && v.text[to] < 0x80 {
		return sight{signed: s.signed}
	}
	if string(lower(v.text[from:to], &low)) == "identified" { // by 'password', in SQL
		by := bytes.TrimRight(v.text[to:], " '\"")
		if len(by) == len(v.text[to:]) || !bytes.EqualFold(bytes.TrimSpace(by), []byte("by")) || !quote(v.text[len(v.text)-1]) {
			return sight{}
		}
		s.linked = true
	}
	s.noun, s.glued, s.far = r, glued, len(v.text)-from
	s.linked = s.linked || s.signed || first && !bytes.ContainsAny(v.text[v.gap:], ",([{")
	for k := from; k > 0 && !s.digest; {
		from, to := v.word(k)
		if from == to || bytes.IndexByte(v.text[to:k], '\n') >= 0 {
			break
		}
		s.digest = d.words[string(lower(v.text[from:to], &low))] == digest
		k = from
	}
	return s
}

// role returns what a word says, and whether only its end says it, so that the
// sieve knows nothing of it.
func (d *Detector) role(word []byte) (r role, glued bool) {
	if len(word) > 1 && d.perhaps[shape(word)] {
		if r, ok := d.words[string(word)]; ok {
			return r, false
		}
	}
	if len(word) < 5 || bytes.IndexByte([]byte("yntdes"), word[len(word)-1]) < 0 {
		return ordinary, false
	}
	if n := len(word) - len("key"); string(word[n:]) == "key" {
		if kind := endOf(d.kinds, word[:n]); kind > 0 {
			if d.modified(word[:n-kind]) {
				return other, true
			}
			return strong, true
		}
		if len(d.shapes[string(word[:n])]) > 0 { // as in mailchimpKey
			return strong, true
		}
	}
	for _, e := range endings {
		if len(word) >= len(e.text) && string(word[len(word)-len(e.text):]) == e.text {
			if e.role != password && d.modified(word[:len(word)-len(e.text)]) { // as in nextPageToken
				return other, true
			}
			readable := len(word) >= 9 && len(word) < 30 && (e.text == "password" || e.text == "passwd") // the sieve sees these
			return e.role, !readable
		}
	}
	return ordinary, false
}

// modified reports whether what stands before key or token in a name makes it none.
func (d *Detector) modified(name []byte) bool {
	return endOf(d.modifiers, name) > 0 && !bytes.HasSuffix(name, []byte("admin"))
}

// shape is what a word is dismissed by: its length and first letters.
func shape(word []byte) int { return (len(word)&31)<<10 | int(word[0]&31)<<5 | int(word[1]&31) }

// ends reports whether a sentence ends between a word and the value.
func ends(between []byte) bool {
	return len(between) > 0 && (between[0] == '.' || between[0] == '!' || between[0] == '?')
}

// endOf returns how long the word of the set is that a name ends with, or 0.
func endOf(set map[string]bool, name []byte) int {
	for n := 3; n <= min(len(name), 12); n++ {
		if set[string(name[len(name)-n:])] {
			return n
		}
	}
	return 0
}

// parts reports whether what stands between two words parts them, so that the
// first says nothing about a value behind the second.
func (d *Detector) parts(between []byte, signed bool) bool {
	for k, c := range between {
		switch c {
		case ';', '{', '}', '<', '&', '=', '#', '\n':
			return true
		case '\\':
			if next := between[k+1:]; len(next) > 0 && (next[0] == 'n' || next[0] == 'r') {
				return true
			}
		case ',':
			if signed {
				return true
			}
		case ':':
			if next := between[k+1:]; len(next) == 0 || next[0] != ' ' {
				return true
			}
		case '.', '!', '?':
			if next := between[k+1:]; len(next) > 0 && next[0] == ' ' || signed && len(between) == 1 {
				return true
			}
		}
	}
	return false
}

// inResource reports whether the colon before the value is one of several in a
// word, as in the name of a resource.
func (v *view) inResource() bool {
	for k := v.gap; k > 0 && v.text[k-1] > ' '; k-- {
		if v.text[k-1] == ':' {
			return true
		}
	}
	return false
}

// prose reports whether the word that ends at k is followed by a colon and a
// blank, and stands behind a blank, as in a sentence.
func (v *view) prose(k int) bool {
	return bytes.HasPrefix(v.text[k:], []byte(": ")) && bytes.Count(v.text[:k], []byte(" ")) >= 2
}

// assigns reports whether the bytes between a name and a value assign.
func assigns(gap []byte) bool {
	for k, c := range gap {
		switch c {
		case '=', '>', '|':
			return true
		case ':':
			if len(gap) > 1 {
				return true
			}
		case ',', '(':
			if next := gap[k+1:]; len(next) > 0 && quote(next[len(next)-1]) {
				return true
			}
		}
	}
	return false
}

// variable returns where the name of the variable ends whose default stands
// behind from, as Terraform declares it; 0 where there is none.
func (v *view) variable(from int) int {
	const begin = `variable "`
	at := bytes.LastIndex(v.text[:from], []byte(begin))
	if at < 0 {
		return 0
	}
	n := bytes.IndexByte(v.text[at+len(begin):from], '"')
	if n <= 0 || bytes.Contains(v.text[at:from], []byte("\n}")) {
		return 0
	}
	return at + len(begin) + n
}

// hump reports whether a name ends with a word that begins with a capital.
func hump(name []byte) bool {
	k := len(name)
	for k > 0 && name[k-1]-'a' <= 'z'-'a' {
		k--
	}
	return k > 1 && k < len(name) && name[k-2]-'a' <= 'z'-'a' || k > 2 && k == len(name) && string(name[k-2:]) == "ID" && name[k-3]-'a' <= 'z'-'a'
}

// about reports whether the last word of a name with humps says that it is
// something about a credential or other, such as clientId and tokenHash.
func (d *Detector) about(name []byte) bool {
	k := len(name) - 1
	for k > 0 && name[k]-'A' > 'Z'-'A' {
		k--
	}
	if string(name[k:]) == "D" {
		k--
	}
	var low [maxName]byte
	switch d.words[string(lower(name[k:], &low))] {
	case digest, attribute, other:
		return true
	}
	return false
}

// compares reports whether the signs between a name and a value compare the two.
func compares(before, gap []byte) bool {
	n := len(before)
	return bytes.Contains(gap, []byte("==")) || n > 0 && (before[n-1] == '!' || before[n-1] == '<') && bytes.HasPrefix(gap, []byte("="))
}

// provider returns the shapes of the provider that stands nearest before the
// value, on the line of the noun or between the two; without a noun, in the name
// that the value is assigned to.
func (d *Detector) provider(v *view, s sight) []int {
	last := v.gap
	for k := v.gap; ; {
		from, to := v.word(k)
		if from == to || s.noun == ordinary && last < v.gap && !joins(v.text[to:last]) ||
			s.noun != ordinary && last <= len(v.text)-s.far && bytes.IndexByte(v.text[to:last], '\n') >= 0 {
			return nil
		}
		if shapes := d.known(v.text, from, to); len(shapes) > 0 {
			return shapes
		}
		k, last = from, from
	}
}

// joins reports whether the bytes between two words join them to one name.
func joins(between []byte) bool { return len(between) == 1 && between[0] != ',' && between[0] != ';' }

// known looks up the provider that the word [from, to) names or begins with, or
// that it names together with the word before it.
func (d *Detector) known(text []byte, from, to int) []int {
	var low, joined [maxName]byte
	word := lower(text[from:to], &low)
	if shapes := d.shapes[string(word)]; len(shapes) > 0 {
		return shapes
	}
	if from > 1 && (text[from-1] == ' ' || text[from-1] == '_' || text[from-1] == '-') && wordByte(text[from-2]) {
		k := from - 1
		for k > 0 && wordByte(text[k-1]) {
			k--
		}
		n := len(lower(text[k:from-1], &joined))
		n += copy(joined[n:], word)
		if shapes := d.shapes[string(joined[:n])]; len(shapes) > 0 {
			return shapes
		}
	}
	if r, _ := d.role(word); r == ordinary && !bytes.HasSuffix(word, []byte("api")) {
		return nil
	}
	for n := len(word) - 1; n >= 4; n-- {
		if shapes := d.shapes[string(word[:n])]; len(shapes) > 0 {
			return shapes
		}
	}
	return nil
}

// wide is the test of the sieve for values whose name only ends with a word
// that names a credential.
func wide(w *window.Window, i int) bool {
	return window.IsAlnum(w.Text[i]) && introduced(w, i) && w.Run(i, minValue, tokenClass) == minValue
}
