package secret

import (
	"bytes"

	"outrider.dev/outrider/guards/window"
)

const (
	tokenClass = window.URLSafe | window.Dot | window.Tilde | window.Plus | window.Slash | window.Equals

	maxGap    = 6  // blanks, quotes and signs between a name and its value
	maxName   = 48 // bytes of a name
	minBearer = 20
	minValue  = 16
	proofLen  = 64 // bytes on which a body or value is judged, if it has as many
)

// valued reads a value that only what stands before it makes a credential: an
// authorization scheme or the name it is assigned to. It is called where
// introduced holds.
func valued(w *window.Window, i int) hit {
	if k := i + minValue - 1; k < len(w.Text) && window.ClassOf(w.Text[k])&tokenClass == 0 {
		return hit{} // too short
	}
	kind, least := announced(w, i)
	if kind == "" {
		return hit{}
	}
	n := w.Run(i, proofLen, tokenClass)
	if n < least || w.Short {
		return hit{}
	}
	body := w.Text[i : i+n]
	sure := float32(.85)
	if kind == "secret.generic" {
		sure = .6
	}
	if distinct(body) < 10 || placeholder(body) || !dense(body) {
		return hit{}
	}
	return hit{kind, i, i + n, sure, tailToken}
}

// introduced dismisses most words: before a value stands a quote, a sign of
// assignment, or a blank after one of these or after Bearer or Basic.
func introduced(w *window.Window, i int) bool {
	p := w.Before(i)
	if p == ' ' || p == '\t' {
		p = w.Before(i - 1)
		if p == 'r' || p == 'R' || p == 'c' || p == 'C' {
			return true
		}
	}
	return gapByte(p)
}

// dense tells the random from the readable: digits among letters of both
// cases, or 32 and more hexadecimal digits.
func dense(body []byte) bool {
	var seen window.Class
	for _, c := range body {
		seen |= window.ClassOf(c)
	}
	if seen&window.Digit == 0 {
		return false
	}
	if seen&(window.Lower|window.HexLower) != 0 && seen&(window.Upper|window.HexUpper) != 0 {
		return true
	}
	return len(body) >= 32 && seen&^(window.Hex|window.HexUpper) == 0
}

// announced returns the type of the credential that the bytes before i
// announce and the length that makes one.
func announced(w *window.Window, i int) (kind string, least int) {
	k := i
	for k > 0 && i-k < maxGap && gapByte(w.Text[k-1]) {
		k--
	}
	if k == 0 || !endsName(w.Text[k-1]) {
		return "", 0
	}
	from := k
	for from > 0 && k-from < maxName && nameByte(w.Text[from-1]) {
		from--
	}
	var low [maxName]byte
	n := copy(low[:], w.Text[from:k])
	for p := range n {
		if low[p] >= 'A' && low[p] <= 'Z' {
			low[p] |= 0x20
		}
	}
	switch name := low[:n]; {
	case w.Before(i) == ' ' && i-k == 1 && string(name) == "bearer":
		return "secret.bearer", minBearer
	case w.Before(i) == ' ' && i-k == 1 && string(name) == "basic":
		return "secret.basic", minBearer
	case assigned(w.Text[k:i]) && secretName(name):
		return "secret.generic", minValue
	}
	return "", 0
}

// endsName reports whether c is the last letter of a name that announces.
func endsName(c byte) bool {
	switch c | 0x20 {
	case 'c', 'd', 'n', 'r', 't', 'y': // basic, password, token, bearer, secret, key
		return true
	}
	return false
}

func gapByte(c byte) bool {
	switch c {
	case ' ', '\t', '"', '\'', '=', ':', '>':
		return true
	}
	return false
}

func nameByte(c byte) bool { return window.ClassOf(c)&window.URLSafe != 0 }

// assigned reports whether the bytes between a name and a value assign. A bare
// colon does not: it joins the parts of a resource name.
func assigned(gap []byte) bool {
	return bytes.IndexByte(gap, '=') >= 0 || len(gap) > 1 && bytes.IndexByte(gap, ':') >= 0
}

// secretName reports whether a lower-case name is one under which a
// credential is kept.
func secretName(name []byte) bool {
	for _, end := range [...]string{
		"api_key", "apikey", "api-key", "secret", "secret_key", "secretkey", "secret-key", "access_key", "accesskey",
		"access_token", "accesstoken", "auth_token", "authtoken", "auth-token", "private_token", "private-token",
		"password", "passwd", "client_key", "bot_token", "api_token", "api-token", "apitoken",
	} {
		if len(name) >= len(end) && string(name[len(name)-len(end):]) == end {
			return true
		}
	}
	return false
}
