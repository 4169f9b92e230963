package injection

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"unicode/utf8"

	"outrider.dev/outrider/guards/window"
)

const (
	minEncoded = 24 // bytes: a shorter run says too little
	peeked     = 16 // bytes of a run that are decoded to see whether it holds text
)

const (
	base64Class = window.Alnum | window.Plus | window.Slash | window.Dash | window.Underscore
	hexClass    = window.Hex | window.HexUpper
	urlClass    = window.Alnum | window.Percent | window.Plus | window.Dash | window.Underscore | window.Dot
)

// base64OrHex decodes the run that holds the byte at i, and the hexadecimal runs
// in it.
func (s *seeker) base64OrHex(i int) {
	if i < s.encoded || s.full() {
		return
	}
	start := i
	for start > s.encoded && window.ClassOf(s.text[start-1])&base64Class != 0 {
		start--
	}
	end := start + s.run(start, base64Class)
	s.encoded = end
	if end-start < minEncoded {
		return
	}
	s.decode(start, end, wayBase64, decodeBase64)
	for at := start; at < end && !s.full(); {
		n := s.run(at, hexClass)
		if n >= minEncoded {
			s.decode(at, at+n, wayHex, decodeHex)
		}
		at += n + 1
	}
}

// run counts the bytes of a class from i on.
func (s *seeker) run(i int, class window.Class) int {
	n := 0
	for i+n < len(s.text) && window.ClassOf(s.text[i+n])&class != 0 {
		n++
	}
	return n
}

// decode adds the run if it holds text. Its first bytes tell of nearly all that
// do not.
func (s *seeker) decode(start, end int, way string, decode func(dst, run []byte) int) {
	var first [peeked]byte
	if n := decode(first[:], s.text[start:start+peeked]); n == 0 || !printable(first[:n], false) {
		return
	}
	raw := s.text[start:min(end, start+2*maxDecoded)]
	plain := make([]byte, len(raw))
	plain = plain[:decode(plain, raw)]
	s.add(start, end, way, plain)
}

// add adds a run if it is text with more than one word.
func (s *seeker) add(start, end int, way string, plain []byte) {
	if len(plain) > 8 && bytes.ContainsAny(plain, " \n") && printable(plain, true) && !bytes.Equal(plain, s.text[start:end]) {
		s.out = append(s.out, run{start, end, plain[:min(len(plain), maxDecoded)], way})
	}
}

// decodeBase64 reads both alphabets, with what is left over cut off. It returns
// how many bytes it wrote, none if the run is no base64.
func decodeBase64(dst, run []byte) int {
	if len(run)%4 == 1 {
		run = run[:len(run)-1]
	}
	if n, err := base64.RawStdEncoding.Decode(dst, run); err == nil {
		return n
	}
	n, err := base64.RawURLEncoding.Decode(dst, run)
	if err != nil {
		return 0
	}
	return n
}

// decodeHex is decodeBase64 for hexadecimal.
func decodeHex(dst, run []byte) int {
	n, err := hex.Decode(dst, run[:len(run)&^1])
	if err != nil {
		return 0
	}
	return n
}

// inURL decodes the runs of URL encoding that hold the sign, % or +. Those that
// hold both are decoded for the percent sign.
func (s *seeker) inURL(sign byte) {
	for at := 0; !s.full(); {
		k := bytes.IndexByte(s.text[at:], sign)
		if k < 0 {
			return
		}
		start := at + k
		for start > at && window.ClassOf(s.text[start-1])&urlClass != 0 {
			start--
		}
		n := s.run(start, urlClass)
		raw := s.text[start:min(start+n, start+2*maxDecoded)]
		if n >= minEncoded && (sign == '%' || bytes.IndexByte(raw, '%') < 0) {
			if plain, err := url.QueryUnescape(string(raw)); err == nil {
				s.add(start, start+n, wayPercent, []byte(plain))
			}
		}
		at = start + n
	}
}

// printable reports whether bytes are text. The last character of a part that
// is not whole may be cut.
func printable(plain []byte, whole bool) bool {
	for i := 0; i < len(plain); {
		r, width := utf8.DecodeRune(plain[i:])
		switch {
		case r == utf8.RuneError && width == 1:
			return !whole && !utf8.FullRune(plain[i:])
		case r < ' ' && r != '\n' && r != '\t' && r != '\r', r == 0x7f:
			return false
		}
		i += width
	}
	return true
}
