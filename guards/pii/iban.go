package pii

import "outrider.dev/outrider/guards/window"

// maxIBAN is the longest IBAN in characters; blanks may stand between groups of four.
const maxIBAN = 34

// iban reads an IBAN in either case, bare or in groups of four.
func iban(w *window.Window, i int) hit {
	if w.Run(i, 2, window.Letters) < 2 || w.Run(i+2, 2, window.Digit) < 2 {
		return hit{}
	}
	var chars [maxIBAN]byte
	chars[0], chars[1] = capital(w.At(i)), capital(w.At(i+1))
	want := ibanLength(string(chars[:2]))
	if want == 0 {
		return hit{}
	}
	var sep byte
	end := i + 2
	for n := 2; n < want; n++ {
		if n%4 == 0 {
			if kind, width := separator(w, end); kind == ' ' || kind == '-' {
				if n > 4 && kind != sep {
					return hit{}
				}
				sep = kind
				end += width
			}
		}
		c := w.At(end)
		if !window.IsAlnum(c) {
			return hit{}
		}
		chars[n] = capital(c)
		end++
	}
	if !ended(w, end) || !dense(w, i, end, someDigits) || !mod97(chars[:want]) {
		return hit{}
	}
	return hit{kIBAN, end, .95}
}

// capital returns a letter as a capital, and a digit as it is.
func capital(c byte) byte {
	if c >= 'a' {
		c -= 'a' - 'A'
	}
	return c
}

// mod97 checks ISO 13616: with the first four characters moved to the end and
// letters read as 10 to 35, the number leaves 1 when divided by 97.
func mod97(chars []byte) bool {
	rest := 0
	for k := range chars {
		c := chars[(k+4)%len(chars)]
		if window.IsDigit(c) {
			rest = (rest*10 + int(c-'0')) % 97
			continue
		}
		rest = (rest*100 + int(c-'A') + 10) % 97
	}
	return rest == 1
}

// ibanLength returns the length that the country's IBANs have, or 0.
func ibanLength(country string) int {
	switch country {
	case "NO":
		return 15
	case "BE":
		return 16
	case "DK", "FI", "FK", "FO", "GL", "NL", "SD":
		return 18
	case "MK", "SI":
		return 19
	case "AT", "BA", "EE", "KZ", "LT", "LU", "MN", "XK":
		return 20
	case "CH", "HR", "LI", "LV":
		return 21
	case "BG", "BH", "CR", "DE", "GB", "GE", "IE", "ME", "RS", "VA":
		return 22
	case "AE", "GI", "IL", "IQ", "OM", "SO", "TL":
		return 23
	case "AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG":
		return 24
	case "LY", "PT", "ST":
		return 25
	case "IS", "TR":
		return 26
	case "BI", "DJ", "FR", "GR", "IT", "MC", "SM":
		return 27
	case "AL", "AZ", "BY", "CY", "DO", "EG", "GT", "HN", "HU", "LB", "NI", "PL", "SV":
		return 28
	case "BR", "PS", "QA", "UA":
		return 29
	case "JO", "KW", "MU", "YE":
		return 30
	case "MT", "SC":
		return 31
	case "LC":
		return 32
	case "RU":
		return 33
	}
	return 0
}
