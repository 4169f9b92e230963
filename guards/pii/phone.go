package pii

import "outrider.dev/outrider/guards/window"

// international reads +country and subscriber digits with single separators,
// 8 to 15 digits in all (E.164).
func international(w *window.Window, i int) hit {
	country := w.At(i + 1)
	if country == '1' {
		return northAmerican(w, i+1)
	}
	if !window.IsDigit(country) || country == '0' {
		return hit{}
	}
	end, total := i, 0 // end of the last whole group
	for next := i + 1; next > 0; next = phoneGap(w, end) {
		n := w.Run(next, 16, window.Digit)
		if n == 0 || total+n > 15 {
			break
		}
		total += n
		end = next + n
	}
	if total < 8 {
		return hit{}
	}
	return phone(w, end, .9)
}

// phoneGap returns where the next group of an international number begins, or 0.
func phoneGap(w *window.Window, i int) int {
	if w.HasPrefix(i, " (0)") {
		i++
	}
	if w.HasPrefix(i, "(0)") {
		i += 3
	} else if w.At(i) == ')' {
		i++
	}
	if _, width := separator(w, i); width > 0 {
		i += width
	}
	if w.At(i) == '(' {
		i++
	}
	if !window.IsDigit(w.At(i)) {
		return 0
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
		return parenthesised(w, i)
	}
	end, _ := groups(w, i, 3, 3, 4)
	if end == 0 {
		end, _ = groups(w, i, 10)
	}
	if end == 0 || !dialable(digits(w, i, end)) {
		return hit{}
	}
	return phone(w, end, .9)
}

// parenthesised reads (ddd) ddd-dddd.
func parenthesised(w *window.Window, i int) hit {
	if w.Run(i+1, 4, window.Digit) != 3 || w.At(i+4) != ')' {
		return hit{}
	}
	rest := i + 5
	if _, width := separator(w, rest); width > 0 {
		rest += width
	}
	end, _ := groups(w, rest, 3, 4)
	if end == 0 || !dialable(digits(w, i, end)) {
		return hit{}
	}
	return phone(w, end, .9)
}

// national reads numbers without a country: ddd-ddd-dddd by its shape, the
// others only where the words nearby say that it is a telephone number.
func national(w *window.Window, i int) hit {
	if h := trunk(w, i); h.end > 0 {
		return h
	}
	end, sep := groups(w, i, 3, 3, 4)
	if end > 0 && sep != ' ' && dialable(digits(w, i, end)) {
		return phone(w, end, .9)
	}
	if end == 0 {
		end = announced(w, i)
	}
	if end == 0 || !nearPhone(w, i) {
		return hit{}
	}
	return phone(w, end, .75)
}

// trunk reads 1-ddd-ddd-dddd and 001-ddd-ddd-dddd.
func trunk(w *window.Window, i int) hit {
	if w.Text[i] == '0' && w.HasPrefix(i, "001") {
		i += 2
	}
	if w.Text[i] != '1' {
		return hit{}
	}
	if _, width := separator(w, i+1); width == 0 && w.At(i+1) != '(' {
		return hit{}
	}
	return northAmerican(w, i)
}

// announced reads the forms that a word nearby must confirm: ten or eleven
// bare digits, ddd-dddd, ddd ddd ddd and, after a leading 0, nine to twelve
// digits in any grouping. It returns their end, or 0.
func announced(w *window.Window, i int) int {
	for _, sizes := range [...][3]int{{10}, {11}, {3, 4}, {3, 3, 3}} {
		n := 1
		for n < len(sizes) && sizes[n] > 0 {
			n++
		}
		if end, _ := groups(w, i, sizes[:n]...); end > 0 && !joined(w, end) {
			return end
		}
	}
	if w.Text[i] != '0' {
		return 0
	}
	if date, _ := groups(w, i, 2, 2, 4); date > 0 {
		return 0
	}
	end, total := i, 0
	for next := i; next > 0 && total <= 12; next = phoneGap(w, end) {
		n := w.Run(next, 13, window.Digit)
		total += n
		end = next + n
	}
	if total < 9 || total > 12 {
		return 0
	}
	return end
}

// joined reports whether more digits follow at i after one separator.
func joined(w *window.Window, i int) bool {
	_, width := separator(w, i)
	return width > 0 && window.IsDigit(w.At(i+width))
}

// phone is the hit of a number that ends at end, with its extension, or no hit
// when the number is only the beginning of something else.
func phone(w *window.Window, end int, sure float32) hit {
	end = extension(w, end)
	if !ended(w, end) {
		return hit{}
	}
	return hit{"pii.phone", end, sure}
}

// extension returns the end of "x123", " x123" or " ext. 123" at i, else i.
func extension(w *window.Window, i int) int {
	k := i
	if w.At(k) == ' ' {
		k++
	}
	switch {
	case w.HasPrefix(k, "ext. "):
		k += 5
	case w.HasPrefix(k, "ext "), w.HasPrefix(k, "ext."):
		k += 4
	case w.At(k) == 'x':
		k++
	default:
		return i
	}
	n := w.Run(k, 7, window.Digit)
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
