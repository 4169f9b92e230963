package secret

import (
	"bytes"

	"outrider.dev/outrider/guards/window"
)

const (
	maxJWTHeader = 400 // bytes of a header part; a longer one counts as proven
	maxUser      = 128
	maxPassword  = 256 // a longer password counts as proven
)

// jwt reads eyJ….eyJ…: a header part that begins a JSON object, a stop, and a
// second such part. The rest of the token follows as its tail.
func jwt(w *window.Window, i int) hit {
	if !w.HasPrefix(i, "eyJ") {
		return hit{}
	}
	n := w.Run(i, maxJWTHeader, window.URLSafe)
	if n < 17 {
		return hit{}
	}
	if n < maxJWTHeader && !w.HasPrefix(i+n, ".eyJ") {
		return hit{}
	}
	return hit{"secret.jwt", i, i + n, .95, tailDotted}
}

// telegram reads a bot token: 8 to 10 digits, a colon, AA and 33 bytes more.
func telegram(w *window.Window, i int) hit {
	n := w.Run(i, 11, window.Digit)
	if n < 8 || n > 10 || !w.HasPrefix(i+n, ":AA") {
		return hit{}
	}
	body := i + n + 1
	if length := w.Run(body, 36, window.URLSafe); length != 35 || w.Short || placeholder(w.Text[body:body+length]) {
		return hit{}
	}
	return hit{"secret.telegram", i, body + 35, .95, tailNone}
}

// Lengths of keys that their end gives away.
const (
	mailchimpHex = 32 // hexadecimal digits before the data centre
	relicHex     = 36 // before NRAL
	relicEurope  = "eu01xx"
	relicEnd     = "NRAL"
)

// suffixed reads keys that their end gives away: Mailchimp's, which end with
// their data centre, as in -us12, and New Relic's of licences, with NRAL.
func suffixed(w *window.Window, i int) hit {
	if end := i + relicHex + len(relicEnd); end <= len(w.Text) && w.Text[i+mailchimpHex] != '-' && string(w.Text[i+relicHex:end]) != relicEnd {
		return hit{} // nearly always
	}
	n, europe := w.Run(i, relicHex+1, window.Hex), 0
	if n == 1 && w.HasPrefix(i, relicEurope) {
		europe = len(relicEurope)
		n = europe + w.Run(i+europe, relicHex+1-europe, window.Hex)
	}
	end, kind := i+n, "secret.newrelic"
	switch {
	case n == relicHex && w.HasPrefix(end, relicEnd):
		end += len(relicEnd)
	case n == mailchimpHex && europe == 0 && w.HasPrefix(end, "-us"):
		kind = "secret.mailchimp"
		end += len("-us")
		digits := w.Run(end, 3, window.Digit)
		if digits == 0 || digits > 2 {
			return hit{}
		}
		end += digits
	default:
		return hit{}
	}
	if window.ClassOf(w.At(end))&wordly != 0 || w.Short || placeholder(w.Text[i:i+n]) || counted(w.Text[i:i+n]) {
		return hit{}
	}
	return hit{kind, i, end, .95, tailNone}
}

// asana reads a personal access token from the number of its user on: 15 to 17
// digits behind a digit and a slash, a colon and 32 hexadecimal digits. What
// stands before the number is the same for all users.
func asana(w *window.Window, i int) hit {
	if i < 2 || w.Text[i-1] != '/' || !window.IsDigit(w.Text[i-2]) {
		return hit{}
	}
	n := w.Run(i, maxUserID+1, window.Digit)
	if n < minUserID || n > maxUserID || w.At(i+n) != ':' {
		return hit{}
	}
	body := i + n + 1
	if w.Run(body, asanaHex, window.Hex) < asanaHex || window.ClassOf(w.At(body+asanaHex))&wordly != 0 || w.Short || placeholder(w.Text[body:body+asanaHex]) {
		return hit{}
	}
	return hit{"secret.asana", i, body + asanaHex, .9, tailNone}
}

// The parts of a token of Asana, in bytes.
const (
	minUserID, maxUserID = 15, 17
	asanaHex             = 32
)

// azureSecret reads the client secret of an application in Entra: three letters
// or digits, a digit, Q~ and 31 to 34 bytes more.
func azureSecret(w *window.Window, i int) hit {
	const class = window.URLSafe | window.Dot | window.Tilde
	if w.Run(i, 4, window.Alnum) < 4 || !window.IsDigit(w.At(i+3)) || !w.HasPrefix(i+4, "Q~") {
		return hit{}
	}
	body := i + 6
	n := w.Run(body, 36, class)
	if w.Short {
		return hit{}
	}
	for n > 0 && w.Text[body+n-1] == '.' { // of the sentence
		n--
	}
	if n < 31 || n > 34 || !isMixed(w.Text[body:body+n]) || placeholder(w.Text[body:body+n]) {
		return hit{}
	}
	return hit{"secret.azure", i, body + n, .95, tailNone}
}

// userinfo reads user:password@ where a URL's authority begins at i.
func userinfo(w *window.Window, i int) hit {
	colon := i
	for colon-i < maxUser && userByte(w.At(colon)) && w.At(colon) != ':' {
		colon++
	}
	if w.At(colon) == '@' && colon-i >= minWeak && !w.Short && looksRandom(w.Text[i:colon]) && !placeholder(w.Text[i:colon]) {
		if reportsErrors(w, colon+1) {
			return hit{}
		}
		return hit{"secret.url", i, colon, .7, tailNone} // a token in the place of the user
	}
	if w.At(colon) != ':' {
		return hit{}
	}
	end := colon + 1
	for end-colon <= maxPassword && (userByte(w.At(end)) || w.At(end) == '#' && !digitsOnly(w.Text[colon+1:end])) {
		end++
	}
	if w.Short {
		return hit{}
	}
	if end-colon > maxPassword {
		return hit{"secret.url", i, end, .6, tailUser}
	}
	if w.At(end) != '@' || standIn(w.Text[i:colon], w.Text[colon+1:end]) {
		return hit{}
	}
	return hit{"secret.url", i, end, .9, tailNone}
}

// reportsErrors reports whether the host at i is one of Sentry's: the key before
// it is public, for browsers send it.
func reportsErrors(w *window.Window, i int) bool {
	n := w.Run(i, maxUser, window.Alnum|window.Dash|window.Dot)
	host := w.Text[i : i+n]
	return bytes.HasPrefix(host, []byte("sentry.")) || bytes.Contains(host, []byte(".ingest.")) && bytes.HasSuffix(host, []byte("sentry.io"))
}

// userByte reports whether c may stand in the user part of a URL.
func userByte(c byte) bool {
	switch c {
	case '/', '?', '#', '@', '"', '\'', '`', '<', '>', '{', '}', '\\', 0x7f:
		return false
	}
	return c > ' '
}

// standIn reports whether a password is a variable, a mask or a word that
// documentation uses.
func standIn(user, password []byte) bool {
	if len(password) < 3 || password[0] == '$' || code(password) || password[0] == '[' || distinct(password) < 3 {
		return true
	}
	if bytes.EqualFold(password, user) || bytes.HasSuffix(password, []byte("()")) {
		return true
	}
	bare := bytes.Trim(password, "@_%#*{}[]()-:!")
	for _, word := range [...]string{
		"pass", "password", "passwd", "pwd", "pw", "passphrase", "passwort", "secret", "token", "todo", "undefined", "null", "none", "nil", "string", "str", "text", "required", "optional",
		"hidden", "masked", "encrypted", "default", "empty", "unset", "value", "varchar", "newpass", "newpassword", "oldpassword", "mypassword", "mypass", "yourpassword", "userpassword",
		"dbpassword", "dbpass", "env", "prompt",
	} {
		if len(bare) == len(word) && bytes.EqualFold(bare, []byte(word)) {
			return true
		}
	}
	return saysSo(password) || monotone(password) || code(password) || password[0] >= 0x80 && distinct(password) <= 3 || dashed(password)
}

// dashed reports whether a password only names itself, as my-secret-token does:
// words of small letters with dashes, one of which means a credential.
func dashed(password []byte) bool {
	for _, c := range password {
		if window.ClassOf(c)&(window.HexLower|window.Lower|window.Dash|window.Underscore) == 0 {
			return false
		}
	}
	for _, word := range [...]string{"password", "passwd", "secret", "token", "passphrase"} {
		if at := bytes.Index(password, []byte(word)); at > 0 && !window.IsAlnum(password[at-1]) || at == 0 && len(password) > len(word) && !window.IsAlnum(password[len(word)]) {
			return true
		}
	}
	return false
}

// putty reads a PuTTY key from where its private lines begin: "Private-Lines:
// 14", a line end, and base64.
func putty(w *window.Window, i int) hit {
	const begin = "Private-Lines: "
	if !w.HasPrefix(i, begin) {
		return hit{}
	}
	n := w.Run(i+len(begin), 3, window.Digit)
	k := i + len(begin) + n
	for k-i < 32 && (w.At(k) == '\r' || w.At(k) == '\n' || w.At(k) == '\\' && (w.At(k+1) == 'n' || w.At(k+1) == 'r')) {
		if w.At(k) == '\\' {
			k++
		}
		k++
	}
	if n == 0 || w.Run(k, minKey, window.Base64) < minKey || w.Short {
		return hit{}
	}
	return hit{"secret.private_key", i, k + minKey, .99, tailPuTTY}
}

// discordBot reads a bot token: the user's number in base64, a time and a
// signature, with dots between them.
func discordBot(w *window.Window, i int) hit {
	n := w.Run(i, 29, window.Alnum)
	if n < 23 || n > 28 || w.At(i+n) != '.' || w.Run(i+n+1, 7, window.URLSafe) != 6 || w.At(i+n+7) != '.' {
		return hit{}
	}
	rest := w.Run(i+n+8, 46, window.URLSafe)
	if rest < 27 || rest > 45 || w.Short {
		return hit{}
	}
	if body := w.Text[i : i+n+8+rest]; !isMixed(body) || placeholder(body) {
		return hit{}
	}
	return hit{"secret.discord", i, i + n + 8 + rest, .9, tailNone}
}

const thin = "jdbc:oracle:thin:"

// oracle reads user/password behind the scheme of Oracle's driver.
func oracle(w *window.Window, i int) hit {
	if !w.HasPrefix(i, thin) {
		return hit{}
	}
	i += len(thin)
	n := w.Run(i, maxUser, wordly|window.Dollar)
	if n == 0 || w.At(i+n) != '/' {
		return hit{}
	}
	begin := i + n + 1
	end := begin
	for end-begin < maxWord && userByte(w.At(end)) {
		end++
	}
	if w.At(end) != '@' || w.Short || standIn(w.Text[i:i+n], w.Text[begin:end]) {
		return hit{}
	}
	return hit{"secret.url", i, end, .9, tailNone}
}
