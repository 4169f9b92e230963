package pii

import "outrider.dev/outrider/guards/window"

// socialSecurity reads ddd-dd-dddd, and with blanks or bare where the words
// nearby say what the number is.
func socialSecurity(w *window.Window, i int) hit {
	end, sep := groups(w, i, 3, 2, 4)
	if end == 0 {
		end, _ = groups(w, i, 9)
	}
	if end == 0 || !ended(w, end) || !issued(digits(w, i, end)) {
		return hit{}
	}
	if sep == '-' {
		return hit{"pii.us_ssn", end, .95}
	}
	if near(w, i, "ssn", "social", "itin") {
		return hit{"pii.us_ssn", end, .85}
	}
	return hit{}
}

// issued reports whether the number can have been issued: area, group and
// serial are never zero, the area is not 666 and below 900.
func issued(d [maxDigits]byte) bool {
	area := int(d[0])*100 + int(d[1])*10 + int(d[2])
	group := int(d[3])*10 + int(d[4])
	serial := int(d[5])*1000 + int(d[6])*100 + int(d[7])*10 + int(d[8])
	return area != 0 && area != 666 && area < 900 && group != 0 && serial != 0
}
