package pii

// plan returns the length of the country code that the digits begin with, and
// how many digits may follow it, or zeros. The third digit may be missing. North
// America has a reader of its own.
//
// The ITU's list of codes and the lengths of the national plans are all that
// telling a number from other digits needs; whether a number is in use is not
// asked.
func plan(d [3]byte) (code, least, most int) {
	if d[0] == '7' {
		return 1, 10, 10
	}
	if d[1] == 0 {
		return 0, 0, 0
	}
	switch two := int(d[0]-'0')*10 + int(d[1]-'0'); two {
	case 31, 33, 34, 48, 61, 93, 94:
		return 2, 9, 9
	case 30, 57, 58, 90, 91, 98:
		return 2, 10, 10
	case 44:
		return 2, 9, 10
	case 54:
		return 2, 10, 11
	case 20, 27, 32, 41, 52, 63, 64, 66, 82, 84, 92:
		return 2, 8, 10
	case 36, 40, 45, 46, 47, 51, 53, 56, 60, 65, 81, 95:
		return 2, 7, 10
	case 39, 55, 62, 86:
		return 2, 8, 12
	case 43, 49:
		return 2, 6, 13
	}
	if d[2] == 0 {
		return 0, 0, 0
	}
	switch string(d[:2]) {
	case "21", "22", "23", "24", "25", "26", "29", "35", "37", "38", "42", "50", "59", "67", "68", "69", "85", "87", "88", "96", "97", "99":
		return 3, 5, 11
	}
	return 0, 0, 0
}
