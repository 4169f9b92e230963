package pii

import "outrider.dev/outrider/guards/window"

// maxDigits is the longest number read: a payment card of 19 digits.
const maxDigits = 19

// card reads payment card numbers, bare or grouped as they are printed.
func card(w *window.Window, i int) hit {
	if c := w.Text[i]; c < '2' || c > '6' { // no network begins with another digit
		return hit{}
	}
	end := cardEnd(w, i)
	if end == 0 || !ended(w, end) {
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
	return hit{"pii.credit_card", end, .95}
}

func cardEnd(w *window.Window, i int) int {
	switch n := w.Run(i, maxDigits+1, window.Digit); {
	case n >= 13 && n <= maxDigits:
		return i + n
	case n != 4:
		return 0
	}
	if end, _ := groups(w, i, 4, 6, 5); end > 0 {
		return end
	}
	if end, _ := groups(w, i, 4, 6, 4); end > 0 {
		return end
	}
	if end, _ := groups(w, i, 4, 4, 4, 4, 3); end > 0 {
		return end
	}
	end, _ := groups(w, i, 4, 4, 4, 4)
	return end
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
	case four >= 3528 && four <= 3589: // JCB
		return n >= 16
	case four >= 3000 && four <= 3059, two == 36, two == 38, two == 39: // Diners Club
		return n == 14 || n == 16
	case two == 62: // UnionPay
		return n >= 16
	case two == 50, two >= 56 && two <= 58, two == 63, two == 67: // Maestro
		return n >= 13
	}
	return false
}

func luhn(d []byte) bool {
	sum := 0
	for k := range d {
		v := int(d[len(d)-1-k])
		if k%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}
