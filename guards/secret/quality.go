package secret

import (
	"bytes"
	"hash/crc32"
	"math/bits"

	"outrider.dev/outrider/guards/window"
)

// isMixed reports whether both letters and digits occur.
func isMixed(body []byte) bool {
	var seen window.Class
	for _, c := range body {
		seen |= window.ClassOf(c)
	}
	return seen&window.Digit != 0 && seen&window.Letters != 0
}

// placeholder reports whether the body of a would-be credential only stands
// for one.
func placeholder(body []byte) bool {
	return monotone(body) || distinct(body) < min(8, len(body)/3+1) || saysSo(body)
}

// distinct counts different bytes.
func distinct(body []byte) int {
	var seen [4]uint64
	for _, c := range body {
		seen[c>>6] |= 1 << (c & 63)
	}
	n := 0
	for _, set := range seen {
		n += bits.OnesCount64(set)
	}
	return n
}

// monotone reports whether the body repeats one byte six times, or counts up
// or down eight times, as in "xxxxxx" and "12345678", without anything that
// outweighs it.
func monotone(body []byte) bool {
	same, up, down := 1, 1, 1
	from, found := 0, false // behind the last such run
	for k := 1; k < len(body); k++ {
		switch body[k] - body[k-1] {
		case 0:
			same, up, down = same+1, 1, 1
		case 1:
			same, up, down = 1, up+1, 1
		case 255:
			same, up, down = 1, 1, down+1
		default:
			same, up, down = 1, 1, 1
		}
		if same >= 6 || up >= 8 || down >= 8 {
			if outweighs(body[from:max(from, k-7)]) {
				return false
			}
			from, found = k+1, true
		}
	}
	return found && !outweighs(body[from:])
}

// outweighs reports whether a part of a body is so random that the whole is real
// whatever stands beside it, as the token of a webhook is behind a made-up number.
func outweighs(part []byte) bool {
	return len(part) >= 20 && isMixed(part) && distinct(part) >= 10 && changes(part)*6 >= len(part) && !counted(bytes.ToLower(part))
}

// saysSo reports whether the body contains a word that real keys contain only
// by an improbable accident.
func saysSo(body []byte) bool {
	low := make([]byte, 0, 96) // on the stack: bodies judged here are bounded
	for _, c := range body[:min(len(body), cap(low))] {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		low = append(low, c)
	}
	for _, word := range [...]string{
		"example", "placeholder", "redacted", "sample", "dummy", "changeme", "replace", "notreal", "yourkey", "your-",
		"your_", "insert", "deadbeef", "-here", "_here", "apikey", "fakekey", "invalid",
	} {
		if bytes.Contains(low, []byte(word)) {
			return true
		}
	}
	return false
}

// looksRandom reports whether letters and digits, or letters of both cases, change
// places as often as they do by chance.
func looksRandom(body []byte) bool {
	if !isMixed(body) || version(body) || readable(body) {
		return false
	}
	if len(body) >= 32 && onlyHex(body) {
		return distinct(body) >= 8
	}
	signs := 0
	for _, c := range body {
		if !window.IsAlnum(c) {
			signs++
		}
	}
	n, least := changes(body), len(body)/6
	if signs*5 > len(body) {
		least = len(body) / 3
	}
	return n >= max(3, least) && distinct(body) >= 9
}

// readable reports whether half of a body are words, with dashes between them
// or with capitals as in the names of code, or it is the path of a file or a
// member of something.
func readable(body []byte) bool {
	apart, joined, run, slash, dot, upper := 0, 0, 0, false, -1, false
	for k := 0; k <= len(body); k++ {
		c := byte(0)
		if k < len(body) {
			c = body[k]
		}
		if c-'a' <= 'z'-'a' {
			run++
			continue
		}
		if run >= 3 {
			begin := k - run - 1
			capital := begin >= 0 && body[begin]-'A' <= 'Z'-'A'
			if capital || run >= 4 {
				joined += run
			}
			if capital {
				joined++
			}
			if run >= 4 && run < 20 && (c == 0 || !window.IsAlnum(c)) && (begin < 0 || !window.IsAlnum(body[begin])) {
				apart += run
			}
		}
		run = 0
		slash = slash || c == '/'
		upper = upper || c-'A' <= 'Z'-'A'
		if c == '.' {
			dot = k
		}
	}
	if dot > 0 && (slash && len(body)-dot <= 8 || len(body)-dot > 5 && title(body[dot+1:])) {
		return true
	}
	return apart*2 >= len(body) || upper && joined*2 >= len(body)
}

// title reports whether a word is of letters only and begins with a capital and
// a small letter.
func title(word []byte) bool {
	for _, c := range word {
		if c|0x20-'a' > 'z'-'a' {
			return false
		}
	}
	return len(word) > 1 && word[0] < 'a' && word[1] >= 'a' && !scrambled(word)
}

// scrambled reports whether letters alone are random: both cases change places
// as they do in no name of code, where a capital begins a word.
func scrambled(body []byte) bool {
	pairs, n := 0, 0
	for k, c := range body {
		if window.ClassOf(c)&window.Letters == 0 {
			return false
		}
		upper := c < 'a'
		if k > 0 && upper != (body[k-1] < 'a') {
			n++
		}
		if k > 0 && upper && body[k-1] < 'a' {
			pairs++
		}
	}
	return n >= 4 && n*3 >= len(body) && pairs > 0
}

// changes counts how often the kind of letter or digit changes. Signs do not count.
func changes(body []byte) int {
	n, was := 0, window.Class(0)
	for _, c := range body {
		is := window.ClassOf(c)
		switch {
		case is&(window.Lower|window.HexLower) != 0:
			is = window.Lower
		case is&(window.Upper|window.HexUpper) != 0:
			is = window.Upper
		case is != window.Digit:
			continue
		}
		if was != 0 && is != was {
			n++
		}
		was = is
	}
	return n
}

// counted reports whether a body is made of counting steps, as in abc123def456
// and a1b2c3d4.
func counted(body []byte) bool {
	one, two := 0, 0
	for k := 1; k < len(body); k++ {
		if step := body[k] - body[k-1]; step == 1 || step == 255 {
			one++
		}
		if k > 1 {
			if step := body[k] - body[k-2]; step == 1 || step == 255 {
				two++
			}
		}
	}
	return one*3 > len(body) || two*2 > len(body)
}

func onlyHex(body []byte) bool {
	for _, c := range body {
		if window.ClassOf(c)&(window.Hex|window.HexUpper) == 0 {
			return false
		}
	}
	return true
}

// uuidLike reports whether a body has the form of a UUID.
func uuidLike(body []byte) bool {
	if len(body) != 36 {
		return false
	}
	for k, c := range body {
		if dash := k == 8 || k == 13 || k == 18 || k == 23; dash != (c == '-') || !dash && window.ClassOf(c)&(window.Hex|window.HexUpper) == 0 {
			return false
		}
	}
	return true
}

// version reports whether a body begins as a version or an address does.
func version(body []byte) bool {
	if len(body) > 0 && body[0]|0x20 == 'v' {
		body = body[1:]
	}
	n := 0
	for n < len(body) && window.IsDigit(body[n]) {
		n++
	}
	return n > 0 && n < 4 && n+1 < len(body) && body[n] == '.' && window.IsDigit(body[n+1])
}

// digitSoon reports whether a digit stands in a value before anything behind
// which another value may begin.
func digitSoon(body []byte) bool {
	for _, c := range body {
		if opens(c) {
			return false
		}
		if window.IsDigit(c) {
			return true
		}
	}
	return false
}

// elided reports whether a value that ends at i is only shown in part, or goes
// on as no credential does: in a call, a mask, a template.
func elided(w *window.Window, i int, body []byte) bool {
	if bytes.HasSuffix(body, []byte("...")) {
		return true
	}
	switch w.At(i) {
	case '(', '*', '{', '[', '$':
		return true
	case 0xE2: // an ellipsis or a bullet
		return w.At(i+1) == 0x80
	}
	return false
}

// ticket reports whether a value begins as an identifier or digest does that is
// no credential.
func ticket(body []byte) bool {
	if body[0] == '/' && (len(body) < 40 || !bytes.ContainsAny(body, "+=")) || body[0] == '.' || body[0] == '~' {
		return true
	}
	if len(body) == 34 && (body[0] == 'A' || body[0] == 'M') && onlyHex(body[2:]) && body[1]-'A' <= 'Z'-'A' { // of Twilio
		return true
	}
	if bytes.HasPrefix(body, []byte("AAAA")) && (bytes.HasPrefix(body[4:], []byte("B3NzaC1")) || bytes.HasPrefix(body[4:], []byte("C3NzaC1")) || bytes.HasPrefix(body[4:], []byte("E2VjZHNh"))) {
		return true // a public key of SSH
	}
	end := 0
	for end < len(body) && end < 12 && body[end] != '-' && body[end] != '_' {
		end++
	}
	if end == len(body) || end == 12 {
		return false
	}
	switch string(body[:end]) {
	case "chatcmpl", "cmpl", "toolu", "srvtoolu", "call", "msg", "resp", "run", "thread", "asst", "req", "file", "gen", "batch", "step", "modr", "embd",
		"order", "user", "phc", "org", "trace", "span", "job", "task", "build", "sha1", "sha256", "sha384", "sha512", "md5":
		return true
	case "pk": // Stripe's keys for browsers
		return bytes.HasPrefix(body, []byte("pk_live_")) || bytes.HasPrefix(body, []byte("pk_test_"))
	case "prod":
		return body[end] == '_' && len(body)-end < 20
	case "cus", "pi", "sub", "in", "ch", "txn", "price", "acct", "pm", "seti", "si", "evt", "rs", "ws", "fc", "vs", "ft", "inv", "proj", "session":
		return body[end] == '_'
	case "i", "vol", "vpc", "subnet", "sg", "ami", "snap", "eni", "rtb":
		return body[end] == '-'
	}
	return false
}

// checksummed reports whether a body of 36 letters and digits ends with the
// checksum of the rest, as tokens of GitHub and npm do: CRC-32 in base 62.
func checksummed(body []byte) bool {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	if len(body) != 36 {
		return false
	}
	sum := crc32.ChecksumIEEE(body[:30])
	for k := 35; k >= 30; k-- {
		if body[k] != digits[sum%62] {
			return false
		}
		sum /= 62
	}
	return true
}
