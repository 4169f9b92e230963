package pii

import "outrider.dev/outrider/guards/window"

// international reads +country and subscriber digits in groups. The numbering
// plans say how many digits a country has; near a word such as phone, 8 to 15
// digits will do.
func (j *judge) international() hit {
	w, i := j.w, j.i
	h := hit{}
	if w.At(i+1) == '1' {
		h = northAmerican(w, i+1)
	} else {
		h = phone(w, abroad(w, i+1), .9)
	}
	if h.end > 0 || w.Short {
		return h
	}
	end, total, _ := loose(w, i+1)
	if total < 8 || total > 15 || w.At(i+1) == '0' || !dense(w, i, end, manyDigits) || j.near(lPhone, end, true) == far {
		return hit{}
	}
	return phone(w, end, .75)
}

// abroad returns the end of a number whose country code begins at i, or 0. Of
// the groups that follow, those belong to it that fit the country.
func abroad(w *window.Window, i int) int {
	var d [3]byte
	for k := range d {
		d[k] = w.At(i + k)
		if !window.IsDigit(d[k]) {
			if k == 0 {
				return 0
			}
			d[k] = 0
		}
	}
	code, least, most := plan(d)
	if code == 0 {
		return 0
	}
	end, total := 0, -code
	for at := i; at > 0; {
		n := digitRun(w, at, maxDigits)
		total += n
		at += n
		if total > most {
			break
		}
		if total >= least {
			end = at
		}
		at = gap(w, at)
	}
	return end
}

// gap returns where the next group of a number begins, or 0: behind a
// parenthesis, a separator with or without blanks, a (0).
func gap(w *window.Window, i int) int {
	if w.At(i) == ')' {
		i++
	}
	i = blank(w, i)
	if kind, width := separator(w, i); width > 0 && kind != ' ' {
		i = blank(w, i+width)
	} else if w.At(i) == '/' {
		i = blank(w, i+1)
	}
	if w.HasPrefix(i, "(0)") {
		i = blank(w, i+3)
	} else if w.At(i) == '(' {
		i++
		if n := digitRun(w, i, maxDigits); w.At(i+n) != ')' {
			return 0
		}
	}
	if !window.IsDigit(w.At(i)) {
		return 0
	}
	return i
}

// blank skips one blank at i.
func blank(w *window.Window, i int) int {
	if kind, width := separator(w, i); kind == ' ' {
		return i + width
	}
	return i
}

// northAmerican reads the 1 at i, an optional separator and ten digits.
func northAmerican(w *window.Window, i int) hit {
	i++
	if _, width := separator(w, i); width > 0 {
		i += width
	}
	if w.At(i) == '(' {
		return areaInParentheses(w, i)
	}
	end, _ := groups(w, i, 3, 3, 4)
	if end == 0 {
		end, _ = groups(w, i, 3, 7)
	}
	if end == 0 {
		end, _ = groups(w, i, 10)
	}
	if end == 0 || !dialable(digits(w, i, end)) {
		return hit{}
	}
	return phone(w, end, .9)
}

// areaInParentheses reads (ddd) ddd-dddd.
func areaInParentheses(w *window.Window, i int) hit {
	if digitRun(w, i+1, 4) != 3 || w.At(i+4) != ')' {
		return hit{}
	}
	rest := i + 5
	if w.HasPrefix(rest, " - ") {
		rest += 3
	} else if _, width := separator(w, rest); width > 0 {
		rest += width
	}
	end, _ := groups(w, rest, 3, 4)
	if end == 0 || !dialable(digits(w, i, end)) {
		return hit{}
	}
	return phone(w, end, .9)
}

// parenthesised reads a number whose area stands in parentheses: as in North
// America, or with its leading zero, or any near a word.
func (j *judge) parenthesised() hit {
	w, i := j.w, j.i
	if h := areaInParentheses(w, i); h.end > 0 || w.Short {
		return h
	}
	n := digitRun(w, i+1, 6)
	if n < 2 || n > 5 || w.At(i+1+n) != ')' {
		return hit{}
	}
	end, total, _ := loose(w, i+1)
	if total < 8 || total > 12 || !dense(w, i, end, manyDigits) {
		return hit{}
	}
	h := phone(w, end, .8)
	if h.end > 0 && w.At(i+1) == '0' && w.At(i+2) != '0' && total >= 9 && j.context()[lOther] == far {
		return h
	}
	if h.end == 0 || j.near(j.phoneLabel(), h.end, false) == far {
		return hit{}
	}
	h.sure = .75
	return h
}

// national claims numbers without a country: by their shape, or because the
// words nearby say that it is a telephone number. Its first n digits are followed by c.
func (j *judge) national(n int, c byte) {
	w, i := j.w, j.i
	if n < 8 && !joins(c) {
		return
	}
	if h := trunk(w, i); h.end > 0 || w.Short {
		j.claimPhone(h.end, .9, .9, false)
		return
	}
	end, sep := groups(w, i, 3, 3, 4)
	if end > 0 && sep != ' ' && dialable(digits(w, i, end)) {
		j.claimPhone(end, .9, .9, true)
		return
	}
	if end = leadingZero(w, i); end > 0 {
		j.claimPhone(end, .8, .8, true)
		return
	}
	if end = announced(w, i); end > 0 {
		j.claimPhone(end, .75, 0, true)
	}
}

// joins reports whether c may join groups of digits.
func joins(c byte) bool {
	switch c {
	case ' ', '-', '.', '/', '(', ')', 0xC2, 0xE2:
		return true
	}
	return false
}

// claimPhone claims a number that ends at end, with its extension.
func (j *judge) claimPhone(end int, sure, alone float32, shy bool) {
	if h := phone(j.w, end, sure); h.end > 0 && dense(j.w, j.i, h.end, manyDigits) {
		l := j.phoneLabel()
		if l == lNumber && h.end-j.i < 10 && digitRun(j.w, j.i, h.end-j.i) == h.end-j.i {
			return // "number 123456789" may be anything
		}
		if alone == 0 && j.context()[lCounted] < j.context()[l] {
			return
		}
		j.claim(h.kind, h.end, l, sure, alone, shy)
	}
}

// phoneLabel returns the label that speaks for a telephone number: words such
// as number do where no other word says what the number is.
func (j *judge) phoneLabel() label {
	ctx := j.context()
	if ctx[lNumber] == far {
		return lPhone
	}
	for l, away := range ctx {
		if away < far && label(l) != lNumber {
			return lPhone
		}
	}
	return lNumber
}

// trunk reads 1-ddd-ddd-dddd, 001-ddd-ddd-dddd and, in groups, 00 and a country.
func trunk(w *window.Window, i int) hit {
	if w.Text[i] == '0' && w.HasPrefix(i, "00") {
		at := i + 2
		if _, width := separator(w, at); width > 0 {
			at += width
		}
		if w.At(at) != '1' {
			return grouped(w, at, abroad(w, at))
		}
		i = at
	}
	if w.Text[i] != '1' {
		return hit{}
	}
	if _, width := separator(w, i+1); width == 0 && w.At(i+1) != '(' {
		return hit{}
	}
	return northAmerican(w, i)
}

// grouped is the hit of [i, end) if anything but digits stands there.
func grouped(w *window.Window, i, end int) hit {
	if end == 0 || digitRun(w, i, end-i) == end-i {
		return hit{}
	}
	return phone(w, end, .9)
}

// leadingZero reads ten or eleven digits that begin with one zero, as most of
// the world prints them: in groups of two and more with one separator, or an
// area, a slash and the rest. It returns the end, or 0.
func leadingZero(w *window.Window, i int) int {
	if w.Text[i] != '0' || w.At(i+1) == '0' || w.Before(i) == '/' {
		return 0
	}
	end, total, parts, first := i, 0, 0, 0
	var sep byte
	for at := i; ; parts++ {
		n := digitRun(w, at, maxDigits)
		if n < 2 {
			return 0
		}
		if parts == 0 {
			first = n
		}
		total, end = total+n, at+n
		at = gap(w, end)
		if at == 0 {
			break
		}
		kind := w.At(blank(w, end))
		if k, _ := separator(w, end); window.IsDigit(kind) || k == '-' {
			kind = k
		}
		if kind != ' ' && kind != '-' && kind != '/' && kind != '.' || sep != 0 && kind != sep {
			if sep != '/' && sep != '-' || kind != ' ' {
				return 0
			}
		}
		if sep == 0 {
			sep = kind
		}
	}
	if parts == 1 && sep == ' ' && first != 5 {
		return 0
	}
	if sep == '-' && total == 9 && parts > 1 { // 08-123 45 67
		return end
	}
	if parts == 0 || total < 10 || total > 11 && sep != '/' || total > 12 || sep == '.' && parts != 4 {
		return 0
	}
	return end
}

// announced reads what a word nearby must confirm: eight to eleven bare digits,
// ddd-dddd, and seven to thirteen digits in groups that are no date and no
// address. It returns the end, or 0.
func announced(w *window.Window, i int) int {
	if n := digitRun(w, i, maxDigits); n >= 8 && n <= 12 {
		if !joined(w, i+n) {
			return i + n
		}
	}
	if end, _ := groups(w, i, 3, 4); end > 0 && !joined(w, end) {
		return end
	}
	end, total, parts := loose(w, i)
	if total < 7 || total == 7 && parts < 3 || total > 13 || parts < 2 || dated(w, i) {
		return 0
	}
	return end
}

// loose reads groups of two to ten digits with any gaps between them, all but
// the first, and tells how many digits and groups there are.
func loose(w *window.Window, i int) (end, total, parts int) {
	for at := i; total <= 13; {
		n := digitRun(w, at, maxDigits)
		if n == 0 || n < 2 && parts > 0 || n > 10 {
			break
		}
		total += n
		parts++
		end = at + n
		if at = gap(w, end); at == 0 {
			break
		}
	}
	return end, total, parts
}

// dated reports whether a date begins at i.
func dated(w *window.Window, i int) bool {
	for _, sizes := range [...][]int{{2, 2, 4}, {4, 2, 2}, {1, 2, 4}, {2, 1, 4}} {
		at := i
		for k, n := range sizes {
			if digitRun(w, at, n+1) != n {
				break
			}
			if k == 2 {
				return true
			}
			at += n
			if _, width := separator(w, at); width > 0 {
				at += width
			} else if w.At(at) == '/' {
				at++
			}
		}
	}
	return false
}

// joined reports whether more digits follow at i after one separator.
func joined(w *window.Window, i int) bool {
	_, width := separator(w, i)
	return width > 0 && window.IsDigit(w.At(i+width))
}

// phone is the hit of a number that ends at end, with its extension, or no hit
// when the number is only the beginning of something else.
func phone(w *window.Window, end int, sure float32) hit {
	if end == 0 {
		return hit{}
	}
	end = extension(w, end)
	if !ended(w, end) {
		return hit{}
	}
	return hit{kPhone, end, sure}
}

// extension returns the end of "x123", " x123" or " ext. 123" at i, else i.
func extension(w *window.Window, i int) int {
	k := i
	if w.At(k) == ',' && w.At(k+1) == ' ' && w.At(k+2) == 'e' {
		k++
	}
	if w.At(k) == ' ' {
		k++
	}
	switch {
	case w.HasPrefix(k, "extension "):
		k += 10
	case w.HasPrefix(k, "ext. "):
		k += 5
	case w.HasPrefix(k, "ext "), w.HasPrefix(k, "ext."):
		k += 4
	case w.At(k) == 'x':
		k++
	default:
		return i
	}
	n := digitRun(w, k, 7)
	if n == 0 || n > 6 {
		return i
	}
	return k + n
}

// dialable reports whether ten digits follow the North American plan: the area
// begins with 2 to 9 and neither it nor the exchange is a service code such as
// 911. The exchange may begin with 1, as it often does in invented numbers.
func dialable(d [maxDigits]byte) bool {
	service := d[1] == 1 && d[2] == 1 || d[3] > 1 && d[4] == 1 && d[5] == 1
	return d[0] >= 2 && d[3] >= 1 && !service
}
