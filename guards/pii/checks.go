package pii

// weighted sums the first digits, each with its weight.
func weighted(c code, weights ...int) int {
	sum := 0
	for k, w := range weights {
		sum += c.digit(k) * w
	}
	return sum
}

// luhnCode checks a Luhn digit.
func luhnCode(c code) bool {
	var d [maxCode]byte
	for k := range c.n {
		d[k] = byte(c.digit(k))
	}
	return luhn(d[:c.n])
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

// issued reports whether a social security number can have been issued: area,
// group and serial are never zero, the area is not 666 and below 900.
func issued(c code) bool {
	area := c.number(0, 3)
	return area != 0 && area != 666 && area < 900 && c.number(3, 5) != 0 && c.number(5, 9) != 0
}

// itin reports whether a taxpayer number is in the ranges of the IRS.
func itin(c code) bool {
	group := c.number(3, 5)
	return c.b[0] == '9' && (group >= 50 && group <= 65 || group >= 70 && group <= 88 || group >= 90 && group <= 92 || group >= 94)
}

// routing checks an ABA number: the first two digits name a district of the
// Federal Reserve, or what is counted like one.
func routing(c code) bool {
	district := c.number(0, 2)
	known := district <= 12 || district >= 21 && district <= 32 || district >= 61 && district <= 72 || district == 80
	return known && c.number(0, 9) != 0 && weighted(c, 3, 7, 1, 3, 7, 1, 3, 7, 1)%10 == 0
}

// nino reports whether a national insurance number has a prefix that is issued
// and the suffix A to D.
func nino(c code) bool {
	a, b := c.b[0], c.b[1]
	switch {
	case oneOf(a, "DFIQUV"), oneOf(b, "DFIQUVO"), !oneOf(c.b[c.n-1], "ABCD"):
		return false
	}
	switch string(c.b[:2]) {
	case "BG", "GB", "KN", "NK", "NT", "TN", "ZZ":
		return false
	}
	return true
}

func oneOf(b byte, set string) bool {
	for k := range len(set) {
		if set[k] == b {
			return true
		}
	}
	return false
}

// nhs checks a number of the National Health Service modulo 11.
func nhs(c code) bool {
	return c.number(0, 9) != 0 && (11-weighted(c, 10, 9, 8, 7, 6, 5, 4, 3, 2)%11)%11 == c.digit(9)
}

// dvla reports whether month and day stand in a UK driving licence number: five
// characters of a name filled up with nines, decade, month (50 more for women),
// day, year. Then come two initials.
func dvla(c code) bool {
	for k := 2; k < 5; k++ {
		if c.b[k-1] == '9' && c.b[k] != '9' || c.b[k] < 'A' && c.b[k] != '9' {
			return false
		}
	}
	month := c.number(6, 8) % 50
	return month >= 1 && month <= 12 && day(c.number(8, 10))
}

func day(n int) bool { return n >= 1 && n <= 31 }

// german checks a Steuer-ID: no leading zero, one or two digits occur more than
// once among the first ten, and ISO 7064 modulo 11, 10.
func german(c code) bool {
	var count [10]int
	product := 10
	for k := range 10 {
		count[c.digit(k)]++
		sum := (c.digit(k) + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	repeated := 0
	for _, n := range count {
		if n > 3 {
			return false
		}
		if n > 1 {
			repeated++
		}
	}
	return c.b[0] != '0' && repeated == 1 && (11-product)%10 == c.digit(10)
}

// french checks the key of a NIR: sex, month and 97 less the rest of all but
// the key. In Corsica the department is 2A or 2B, counted as 19 and 18.
func french(c code) bool {
	if c.b[5] == '2' && (c.b[6] == 'A' || c.b[6] == 'B') {
		c.b[5], c.b[6] = '1', '9'-(c.b[6]-'A')
	}
	for k := range 15 {
		if c.b[k] > '9' {
			return false
		}
	}
	n, month := c.number(0, 13), c.number(3, 5)
	return (c.b[0] == '1' || c.b[0] == '2') && (month >= 1 && month <= 12 || month >= 20 && month <= 42 || month >= 50) && 97-n%97 == c.number(13, 15)
}

// italian checks the letter of a codice fiscale: characters in odd places count
// by a table, those in even places by their rank.
func italian(c code) bool {
	const odd = "\x01\x00\x05\x07\x09\x0d\x0f\x11\x13\x15\x02\x04\x12\x14\x0b\x03\x06\x08\x0c\x0e\x10\x0a\x16\x19\x18\x17"
	sum := 0
	for k := range 15 {
		rank := int(c.b[k] - '0')
		if rank > 9 {
			rank = int(c.b[k] - 'A')
		}
		if k%2 == 0 {
			rank = int(odd[rank])
		}
		sum += rank
	}
	return oneOf(c.b[8], "ABCDEHLMPRST") && byte('A'+sum%26) == c.b[15]
}

// spanish checks the letter of a DNI, or of a NIE, whose first letter counts as 0, 1 or 2.
func spanish(c code) bool {
	n := 0
	for k := range 8 {
		b := c.b[k]
		if k == 0 && b >= 'X' && b <= 'Z' {
			b -= 'X' - '0'
		}
		if b > '9' {
			return false
		}
		n = n*10 + int(b-'0')
	}
	return n != 0 && "TRWAGMYFPDXBNJZSQVHLCKE"[n%23] == c.b[8]
}

// dutch does the eleven test of a BSN.
func dutch(c code) bool {
	return c.number(0, 9) != 0 && weighted(c, 9, 8, 7, 6, 5, 4, 3, 2, -1)%11 == 0
}

// polish checks a PESEL; its month tells the century by twenties.
func polish(c code) bool {
	month := c.number(2, 4) % 20
	return month >= 1 && month <= 12 && day(c.number(4, 6)) && (10-weighted(c, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3)%10)%10 == c.digit(10)
}

// belgian checks a national register number: 97 less the rest of the first nine
// digits, behind a 2 for those born since 2000.
func belgian(c code) bool {
	n, key := c.number(0, 9), c.number(9, 11)
	return c.number(2, 4) <= 52 && c.number(4, 6) <= 31 && (97-n%97 == key || 97-(2_000_000_000+n)%97 == key)
}

// portuguese checks a NIF modulo 11.
func portuguese(c code) bool {
	sum := 11 - weighted(c, 9, 8, 7, 6, 5, 4, 3, 2)%11
	if sum > 9 {
		sum = 0
	}
	return !oneOf(c.b[0], "04") && sum == c.digit(8)
}

// swedish checks the date and the Luhn digit of a personal number, without its
// century; a coordination number has 60 added to its day.
func swedish(c code) bool {
	if c.n == 12 {
		if century := c.number(0, 2); century < 18 || century > 20 {
			return false
		}
		copy(c.b[:], c.b[2:])
		c.n = 10
	}
	month := c.number(2, 4)
	return month >= 1 && month <= 12 && day(c.number(4, 6)%60) && luhnCode(c)
}

// finnish checks the date of a personal identity code and its last character. A
// letter between them tells the century, where no sign does.
func finnish(c code) bool {
	if c.n == 11 {
		if !oneOf(c.b[6], "ABCDEFYXWVU") {
			return false
		}
		copy(c.b[6:], c.b[7:])
	}
	month := c.number(2, 4)
	return month >= 1 && month <= 12 && day(c.number(0, 2)) && "0123456789ABCDEFHJKLMNPRSTUVWXY"[c.number(0, 9)%31] == c.b[9]
}

// swiss checks an AHV number as an EAN that begins with the country.
func swiss(c code) bool {
	return c.number(0, 3) == 756 && (10-weighted(c, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3)%10)%10 == c.digit(12)
}

// norwegian checks the two check digits of a national identity number.
func norwegian(c code) bool {
	return day(c.number(0, 2)%40) && weighted(c, 3, 7, 6, 1, 8, 9, 4, 5, 2, 1)%11 == 0 && weighted(c, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0
}

// romanian checks the date and the check digit of a personal code.
func romanian(c code) bool {
	month, check := c.number(3, 5), weighted(c, 2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)%11
	if check == 10 {
		check = 1
	}
	return c.b[0] != '0' && month >= 1 && month <= 12 && day(c.number(5, 7)) && check == c.digit(12)
}
