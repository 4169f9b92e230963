package secret

import (
	"bytes"

	"outrider.dev/outrider/guards/window"
)

const (
	minPassword = 6
	maxWord     = 80 // bytes of a password
	minEnclosed = 10 // the same of one in parentheses behind the word
	minLoud     = 40 // bytes of a value with signs that is not quoted
	nearEnough  = 64 // bytes from the word that announces a password to it
)

// passwordAt reads a password: what stands right behind the word that announces
// it, a sign of assignment or a linking word.
func passwordAt(w *window.Window, v *view, s sight, i int) hit {
	enclosed := !s.linked && w.Before(i) == '('
	if !s.linked && !enclosed || s.far > nearEnough {
		return hit{}
	}
	if v.scheme() == "secret.basic" {
		return basic(w, i)
	}
	n := wordEnd(w, i)
	if n < minPassword || w.Short {
		return hit{}
	}
	body := w.Text[i : i+n]
	quoted := quote(w.Before(i))
	if !s.signed && bytes.IndexByte(body, '=') > 0 || enclosed && (n < minEnclosed || w.At(i+n) != ')' || changes(body) < 3) {
		return hit{}
	}
	if w.Short || w.At(i+n) == '(' && !quoted || code(body) || standIn(nil, body) || known(body) || s.compared && !quoted || member(body) {
		return hit{}
	}
	if (quoted || !identifier(body)) && strongWord(body) && !counted(body) || s.linked && !enclosed && spelled(body, quoted || v.asEnv(w, i+n)) {
		return hit{"secret.password", i, i + n, .7, tailNone}
	}
	return hit{}
}

// asEnv reports whether the value that ends at end is assigned as in lists of
// settings: = stands before it without blanks, and nothing of code behind it.
func (v *view) asEnv(w *window.Window, end int) bool {
	c := w.At(end)
	return string(v.text[v.gap:]) == "=" && (c <= ' ' || c == '&' || c == ';')
}

// member reports whether a value is a name of code with all that it belongs to,
// as in java.util.ArrayList.
func member(body []byte) bool {
	dot := bytes.LastIndexByte(body, '.')
	return dot > 0 && bytes.IndexByte(body, '.') < dot && title(body[dot+1:]) && bytes.ContainsAny(body[dot+1:], "abcdefghijklmnopqrstuvwxyz")
}

// phrase reads a value with signs that no token has, as the secret keys of
// frameworks are. Without quotes it is longer and has more of them than code.
func phrase(w *window.Window, i int) hit {
	n := wordEnd(w, i)
	quoted := quote(w.Before(i))
	if n < minWeak || w.Short || !quoted && n < minLoud {
		return hit{}
	}
	body := w.Text[i : i+n]
	if some := signs(body); some == 0 || !quoted && some < n/10 {
		return hit{}
	}
	if !digitSoon(body[:min(n, nearEnough-minValue)]) || !strongWord(body) || code(body) || ticket(body) || placeholder(body) || counted(body) || changes(body) < 4 || bytes.ContainsAny(body, "/\\{[.") {
		return hit{}
	}
	return hit{"secret.generic", i, i + n, .6, tailNone}
}

// wordEnd returns the length of the word at i: up to a blank, a quote or what
// ends a value in a list of settings, without the signs that end a sentence.
// It is 0 where the word is too long.
func wordEnd(w *window.Window, i int) int {
	n := 0
	for ; n <= maxWord; n++ {
		c := w.At(i + n)
		if c <= ' ' || c == '"' || c == '\'' || c == '`' || c == '<' || c == '\\' || c >= 0x7f || (c == '&' || c == ';' || c == ',') && setting(w, i+n+1) {
			break
		}
	}
	if n > maxWord {
		return 0
	}
	for n > 0 && bytes.IndexByte([]byte(".,;:)]}>|*"), w.Text[i+n-1]) >= 0 {
		n--
	}
	return n
}

// setting reports whether a name and = stand at i, after blanks, or nothing
// more of the line.
func setting(w *window.Window, i int) bool {
	k := i
	for k-i < 24 && (w.At(k) == ' ' || window.ClassOf(w.At(k))&(wordly|window.Dash) != 0) {
		k++
	}
	return k > i && w.At(k) == '=' || w.At(i) <= ' '
}

func quote(c byte) bool { return c == '"' || c == '\'' || c == '`' }

// strongWord reports whether a word is no word of a language: digits among
// letters, or signs among letters of both cases.
func strongWord(body []byte) bool {
	var letter, upper, lower, digits, signs int
	body = bytes.TrimRight(body, "=") // of base64
	for _, c := range body {
		switch class := window.ClassOf(c); {
		case class&(window.Upper|window.HexUpper) != 0:
			upper++
		case class&(window.Lower|window.HexLower) != 0:
			lower++
		case class == window.Digit:
			digits++
		case loud(c):
			signs++
		}
	}
	letter = upper + lower
	switch {
	case letter == len(body):
		return len(body) >= 8 && scrambled(body)
	case digits > 0 && letter > 1:
		return signs > 0 || upper > 0 && lower > 0 || len(body) >= 7 && letter < len(body)
	case digits > 0:
		return signs > 1 && letter > 0
	}
	return signs > 0 && upper > 0 && lower > 0 || signs > 1 && letter > 3
}

// signs counts the signs that passwords are made strong with.
func signs(body []byte) int {
	n := 0
	for _, c := range body {
		if loud(c) {
			n++
		}
	}
	return n
}

// loud reports whether c is a sign that passwords are made strong with.
func loud(c byte) bool {
	switch c {
	case '!', '@', '#', '$', '%', '^', '&', '*', '+', '?', '~':
		return true
	}
	return false
}

// identifier reports whether a word is a name in code or in the environment, a
// path, a date or an address.
func identifier(body []byte) bool {
	if body[0] == '/' || body[0] == '-' || (body[0] == '&' || body[0] == '*') && bytes.IndexByte(body, '.') > 0 || bytes.IndexByte(body, '[') > 0 && bytes.IndexByte(body, '.') > 0 || version(body) || bytes.Contains(body, []byte("://")) || bytes.ContainsAny(body, "()") {
		return true
	}
	var seen window.Class
	for _, c := range body {
		class := window.ClassOf(c)
		if class == 0 || class&(window.Plus|window.Tilde|window.Percent|window.Dollar) != 0 {
			seen |= window.Percent
		}
		seen |= class
	}
	if seen&window.Slash != 0 && seen&window.Colon != 0 {
		return true
	}
	if seen&window.Percent != 0 {
		return false
	}
	if seen&window.At != 0 {
		return seen&window.Dot != 0
	}
	plain := seen &^ (window.Digit | window.Underscore | window.Dash | window.Dot | window.Slash | window.Colon)
	cased := plain&(window.Upper|window.HexUpper) != 0 && plain&(window.Lower|window.HexLower) != 0
	return seen&(window.Underscore|window.Dash|window.Slash|window.Colon) != 0 && !cased || seen&window.Dot != 0 && changes(body) < 4 && !digitsOnly(body[bytes.LastIndexByte(body, '.')+1:])
}

// code reports whether a word is a template, a variable or a format.
func code(body []byte) bool {
	return body[0] == '$' || body[0] == '<' || body[0] == '%' && (len(body) < 4 || body[len(body)-1] == '%' || body[1] == '(' || body[1] == '{') ||
		bytes.Contains(body, []byte("${")) || bytes.Contains(body, []byte("{{")) || bytes.HasPrefix(body, []byte("os.")) ||
		bytes.HasPrefix(body, []byte("process.")) || bytes.HasPrefix(body, []byte("!")) && bytes.IndexByte(body, '/') > 0 || body[0] == '/' && bytes.Count(body, []byte("/")) > 1
}

// known reports whether a word speaks of how passwords are kept.
func known(body []byte) bool {
	for _, word := range [...]string{
		"base64", "sha1", "sha256", "sha512", "md5", "argon2", "argon2i", "argon2id", "pbkdf2", "bcrypt", "scrypt", "utf8", "utf-8", "oauth2", "oauth2.0",
		"saml2", "http2", "ipv4", "ipv6", "1password", "ldap3", "tls1.2", "tls1.3", "aes256", "aes-256", "rsa4096", "ed25519",
	} {
		if len(body) >= len(word) && bytes.EqualFold(body[:len(word)], []byte(word)) && (len(body) == len(word) || !window.IsAlnum(body[len(word)])) {
			return true
		}
	}
	return false
}

func digitsOnly(body []byte) bool {
	for _, c := range body {
		if !window.IsDigit(c) {
			return false
		}
	}
	return true
}

// basic reads the value of the Basic scheme: base64 of user:password.
func basic(w *window.Window, i int) hit {
	n := w.Run(i, maxBasic+1, window.Base64)
	if n < 8 || w.Short {
		return hit{}
	}
	if n > maxBasic {
		return hit{"secret.basic", i, i + n, .85, tailToken}
	}
	if !decodes(w.Text[i:i+n], true) {
		return hit{}
	}
	return hit{"secret.basic", i, i + n, .9, tailNone}
}

const maxBasic = 200

// decodes reports whether base64 holds printable text, with a colon in it or without.
func decodes(body []byte, colon bool) bool {
	var group uint32
	n, text, seen := 0, 0, false
	for _, c := range body {
		class := window.ClassOf(c)
		var six uint32
		switch {
		case class&(window.Upper|window.HexUpper) != 0:
			six = uint32(c - 'A')
		case class&(window.Lower|window.HexLower) != 0:
			six = uint32(c-'a') + 26
		case class == window.Digit:
			six = uint32(c-'0') + 52
		case c == '+':
			six = 62
		case c == '/':
			six = 63
		default:
			continue
		}
		group = group<<6 | six
		if n += 6; n >= 8 {
			n -= 8
			b := byte(group >> n)
			if b < ' ' || b == 0x7f {
				return false
			}
			seen = seen || b == ':'
			text++
		}
	}
	return text > 4 && seen == colon
}
