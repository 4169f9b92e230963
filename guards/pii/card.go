package pii

import "outrider.dev/outrider/guards/window"

// card reads payment card numbers, bare or grouped as they are printed.
func (j *judge) card() hit {
	w, i := j.w, j.i
	if c := w.Text[i]; c < '1' || c > '6' || c == '1' && w.At(i+1) != '8' { // no network begins otherwise
		return hit{}
	}
	end, bare := cardEnd(w, i)
	if end == 0 || !ended(w, end) || !bare && (longer(w, end) || grouping(w, i)) {
		return hit{}
	}
	n := 0
	for k := i; k < end; k++ {
		if window.IsDigit(w.Text[k]) {
			n++
		}
	}
	d := digits(w, i, end)
	if !network(d, n) || !luhn(d[:n]) {
		return hit{}
	}
	if bare && !j.likely(n, end) {
		return hit{}
	}
	return hit{kCard, end, .95}
}

// likely reports whether n bare digits up to end are a card: the usual lengths
// are; those of barcodes and of ids that count are if nothing says otherwise, or
// if words say so.
func (j *judge) likely(n, end int) bool {
	switch n {
	case 14, 15, 16:
		return true
	case 13, 19:
		ctx := j.context()
		return ctx[lCard] < far || min(ctx[lOther], ctx[lCounted]) == far
	}
	return j.near(lCard, end, false) < far
}

// cardEnd returns where the card number ends, or 0, and whether its digits
// stand without separators.
func cardEnd(w *window.Window, i int) (end int, bare bool) {
	n := digitRun(w, i, maxDigits+1)
	switch {
	case n >= 12 && n <= maxDigits:
		return i + n, true
	case n == 6:
		end, _ = groups(w, i, 6, 13)
		return end, false
	case n != 4:
		return 0, false
	}
	// Dates and years end here.
	_, width := separator(w, i+n)
	if second := digitRun(w, i+n+width, 7); width == 0 || second != 4 && second != 6 {
		return 0, false
	}
	for _, sizes := range [...][]int{{4, 6, 5}, {4, 6, 4}, {4, 4, 4, 4, 3}, {4, 4, 4, 4}, {4, 4, 4, 3}, {4, 4, 4, 2}, {4, 4, 4, 1}} {
		if end, _ = groups(w, i, sizes...); end > 0 {
			return end, false
		}
	}
	return 0, false
}

// longer reports whether a blank and four digits follow at i: the groups before
// are the beginning of another number.
func longer(w *window.Window, i int) bool {
	return w.At(i) == ' ' && digitRun(w, i+1, 4) == 4
}

// grouping reports whether four digits and a blank stand before i: the groups
// from there on are the rest of another number.
func grouping(w *window.Window, i int) bool {
	if i < 5 || w.Text[i-1] != ' ' {
		return false
	}
	for k := i - 5; k < i-1; k++ {
		if !window.IsDigit(w.Text[k]) {
			return false
		}
	}
	return true
}

// digits collects the digits in [i, end), whatever stands between them.
func digits(w *window.Window, i, end int) (d [maxDigits]byte) {
	n := 0
	for ; i < end && n < maxDigits; i++ {
		if window.IsDigit(w.Text[i]) {
			d[n] = w.Text[i] - '0'
			n++
		}
	}
	return d
}

// network reports whether a number of n digits can be of a known card network.
func network(d [maxDigits]byte, n int) bool {
	two := int(d[0])*10 + int(d[1])
	four := two*100 + int(d[2])*10 + int(d[3])
	switch {
	case d[0] == 4: // Visa
		return n == 13 || n == 16 || n == 19
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720: // Mastercard
		return n == 16
	case two == 34, two == 37: // American Express
		return n == 15
	case four == 6011, two == 65, four >= 6440 && four <= 6499: // Discover
		return n == 16 || n == 19
	case two == 35: // JCB
		return n == 16 || n == 19
	case four == 2131, four == 1800: // JCB, as once
		return n == 15
	case four >= 3000 && four <= 3059, four == 3095, two == 36, two == 38, two == 39: // Diners Club
		return n == 14 || n == 16
	case two == 62: // UnionPay
		return n >= 16
	case four >= 2200 && four <= 2204: // Mir
		return n >= 16
	case two == 50, two >= 56 && two <= 58, two == 60, two == 63, two == 67: // Maestro, RuPay
		return n >= 12
	}
	return false
}
