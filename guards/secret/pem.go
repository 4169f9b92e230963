package secret

import "outrider.dev/outrider/guards/window"

const (
	maxLabel   = 40  // bytes of a PEM label
	maxHeaders = 300 // bytes of "Name: value" lines and line ends before a PEM body
	minKey     = 16  // bytes of base64 that make a body, not a mention
	keyClass   = window.Base64 | window.Space | window.Quote
)

// privateKey reads the BEGIN line of a private key and the first bytes of its
// body; without a body it is only talk about keys. The rest, to the END line,
// follows as its tail.
func privateKey(w *window.Window, i int) hit {
	if !w.HasPrefix(i, "-----BEGIN ") {
		return hit{}
	}
	k := label(w, i+len("-----BEGIN "))
	if k == 0 {
		return hit{}
	}
	k = headers(w, k)
	if w.Run(k, minKey, window.Base64) < minKey || w.Short || distinct(w.Text[k:k+minKey]) < 6 {
		return hit{}
	}
	return hit{"secret.private_key", i, k + minKey, .99, tailPEM}
}

// label returns where the label that names a private key and its dashes end, or 0.
func label(w *window.Window, i int) int {
	k := i
	for k-i < maxLabel && w.At(k) != '-' {
		if window.ClassOf(w.At(k))&(window.Alnum|window.Space) == 0 {
			return 0
		}
		k++
	}
	if !w.HasPrefix(k, "-----") {
		return 0
	}
	name := string(w.Text[i:k])
	for _, end := range [...]string{"PRIVATE KEY", "PRIVATE KEY BLOCK"} {
		if len(name) >= len(end) && name[len(name)-len(end):] == end {
			return k + 5
		}
	}
	return 0
}

// headers returns where the body begins: after line ends, also written as \n,
// and lines such as "DEK-Info: …".
func headers(w *window.Window, i int) int {
	for k := i; k-i < maxHeaders; {
		switch c := w.At(k); {
		case window.ClassOf(c)&window.Space != 0, c == '"', c == '\'', c == '+', c == '>':
			k++
		case c == '\\' && (w.At(k+1) == 'n' || w.At(k+1) == 'r' || w.At(k+1) == '\\'):
			k++
			if w.At(k) != '\\' { // else text within text: the line end is escaped more than once
				k++
			}
		default:
			end := headerLine(w, k)
			if end == k {
				return k
			}
			k = end
		}
	}
	return i
}

// headerLine returns where the line "Name: value" at i ends, or i.
func headerLine(w *window.Window, i int) int {
	n := w.Run(i, 24, window.Letters|window.Dash)
	if n == 0 || !w.HasPrefix(i+n, ": ") {
		return i
	}
	k := i + n
	for k-i < 120 && w.At(k) != '\n' && w.At(k) != '\\' && w.At(k) != 0 {
		k++
	}
	return k
}

// restOfKey returns where a key ends whose body is known up to i, and whether
// it may go on. Without an END line it ends with its alphabet.
func restOfKey(w *window.Window, i int) (end int, open bool) {
	i += runOf(w.Text[i:], keyClass)
	if i == len(w.Text) {
		return i, !w.Last
	}
	w.Short = false
	n := endLine(w, i)
	return i + n, w.Short
}

// endLine returns the length of the END line at i, or 0.
func endLine(w *window.Window, i int) int {
	const begin = "-----END "
	if !w.HasPrefix(i, begin) {
		return 0
	}
	n := len(begin)
	n += w.Run(i+n, maxLabel, window.Alnum|window.Space)
	if !w.HasPrefix(i+n, "-----") {
		return 0
	}
	return n + 5
}

// restOfPuTTY returns where a PuTTY key ends whose private lines are known up
// to i, and whether it may go on. Its last line is "Private-MAC: …".
func restOfPuTTY(w *window.Window, i int) (end int, open bool) {
	i += runOf(w.Text[i:], keyClass)
	if i == len(w.Text) {
		return i, !w.Last
	}
	const mac = "-MAC: "
	w.Short = false
	n := 0
	if w.HasPrefix(i, mac) {
		n = len(mac) + w.Run(i+len(mac), 64, window.Hex)
	}
	if w.Short {
		return i, true
	}
	return i + n, false
}
