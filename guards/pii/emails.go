package pii

import (
	"bytes"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/window"
)

// Limits of RFC 5321.
const (
	maxLocal  = 64
	maxDomain = 253
	maxLabel  = 63
)

const (
	localClass  = window.Alnum | window.Dot | window.Underscore | window.Percent | window.Plus | window.Dash
	domainClass = window.Alnum | window.Dot | window.Dash
)

// Emails finds e-mail addresses. The zero value is ready and safe for
// concurrent use.
type Emails struct{}

// Find appends the addresses that begin at or after m.At, and returns where
// judging stopped for want of text. It never leaves a finding open. Every @ is
// easy to find, so it needs no places and reads the whole text at once.
func (Emails) Find(text []byte, _ window.Places, m window.Mark, last bool, out []decision.Finding) ([]decision.Finding, window.Mark) {
	w := window.Window{Text: text, Last: last}
	for i := m.At; ; {
		k := bytes.IndexByte(text[i:], '@')
		if k < 0 {
			return out, window.Mark{At: unfinished(&w, m.At)}
		}
		at := i + k
		i = at + 1
		start := localStart(&w, at)
		if start < 0 || start < m.At {
			continue
		}
		w.Short = false
		end := domainEnd(&w, at+1)
		ok := end > 0 && addressed(&w, start, at, end)
		if w.Short {
			return out, window.Mark{At: start}
		}
		if ok {
			out = append(out, decision.Finding{Type: "pii.email", Start: uint32(start), End: uint32(end), Confidence: .95})
		}
	}
}

// unfinished returns where a local part may have begun that the text cuts off.
func unfinished(w *window.Window, from int) int {
	end := len(w.Text)
	if w.Last {
		return end
	}
	if end > 0 && accented(w.Text[end-1]) { // the first half of a letter
		end--
	}
	start := localRun(w, end)
	if start < 0 {
		return len(w.Text)
	}
	return max(start, from)
}

// localRun returns where the run of local bytes before i begins, or -1 when
// it is too long for a local part.
func localRun(w *window.Window, i int) int {
	start := i
	for start > 0 {
		n := letterBefore(w.Text, start, localClass)
		if n == 0 {
			break
		}
		start -= n
		if i-start > maxLocal {
			return -1
		}
	}
	return start
}

// letterBefore returns how many bytes the character before i has if it is of the
// class or one of the accented letters of Europe, U+00C0 to U+024F, else 0.
// Other scripts often stand right before an address.
func letterBefore(text []byte, i int, class window.Class) int {
	switch c := text[i-1]; {
	case window.ClassOf(c)&class != 0:
		return 1
	case c >= 0x80 && c < 0xC0 && i > 1 && accented(text[i-2]):
		return 2
	case c == '\'' && i > 1 && (i == len(text) || window.ClassOf(text[i])&window.Letters != 0) && elided(text[:i-1]):
		return 1
	}
	return 0
}

// elided reports whether a text ends with the O or d of names such as O'Neill and
// d'Angelo, which begins a name of its own.
func elided(text []byte) bool {
	n := len(text)
	if c := text[n-1] | 0x20; c != 'o' && c != 'd' {
		return false
	}
	return n == 1 || !window.IsAlnum(text[n-2])
}

// accented reports whether a character of U+00C0 to U+024F begins with c.
func accented(c byte) bool { return c >= 0xC3 && c <= 0xC9 }

// localStart returns where the local part before the @ at i begins, or -1.
// The rule reads the text alone, not where the last address ended, so that it
// holds wherever judging resumes.
func localStart(w *window.Window, i int) int {
	start := localRun(w, i)
	if start < 0 || start == i || w.Before(start) == '@' || w.Text[i-1] == '.' {
		return -1
	}
	for start < i && window.ClassOf(w.Text[start])&(window.Dot|window.Dash|window.Percent) != 0 {
		start++
	}
	if start == i {
		return -1
	}
	return start
}

// domainEnd returns where the domain at i ends, or 0 when there is none.
// Labels that cannot end a domain are cut off: what follows an address
// without a blank must not hide it.
func domainEnd(w *window.Window, i int) int {
	end := i
	for end < i+maxDomain && (window.ClassOf(w.At(end))&domainClass != 0 || accented(w.At(end)) && w.At(end+1) >= 0x80) {
		if w.At(end) >= 0x80 {
			end++
		}
		end++
	}
	for {
		dot := bytes.LastIndexByte(w.Text[i:end], '.') + i
		if dot <= i {
			return 0
		}
		if n := topLevel(w.Text[dot+1 : end]); n > 0 && labels(w.Text[i:dot]) {
			return dot + 1 + n
		}
		end = dot
	}
}

func labels(domain []byte) bool {
	for label := range bytes.SplitSeq(domain, []byte{'.'}) {
		if len(label) == 0 || len(label) > maxLabel || label[0] == '-' {
			return false
		}
	}
	return true
}

// topLevel returns the length of the last label's name, which a hyphen may
// end. It refuses versions ("pkg@1.2.3") and the names of image densities
// ("icon@2x.png").
func topLevel(label []byte) int {
	n := 0
	for n < len(label) && window.ClassOf(label[n])&window.Letters != 0 {
		n++
	}
	if n < 2 || n > 24 || n < len(label) && label[n] != '-' {
		return 0
	}
	switch string(label[:n]) {
	case "png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "ts", "json", "yaml", "yml":
		return 0
	}
	return n
}

// addressed refuses what only looks like an address: the user of a URL
// ("ssh://git@host"), of a remote ("git@host:path") or of a copy
// ("user@host:/path"), and a matrix product.
func addressed(w *window.Window, start, at, end int) bool {
	if userOfURL(w, start) {
		return false
	}
	switch w.At(end) {
	case '(':
		return false
	case ':':
		next := w.At(end + 1)
		return next != '/' && next != '~' && string(w.Text[start:at]) != "git"
	}
	return true
}

// userOfURL reports whether scheme:// and the rest of a user's name and password
// stand before i, without a blank, a slash or what else ends them.
func userOfURL(w *window.Window, i int) bool {
	for k := i; k > max(0, i-reach); k-- {
		switch c := w.Text[k-1]; {
		case c == '/':
			return k >= 3 && w.Text[k-2] == '/' && w.Text[k-3] == ':'
		case c <= ' ', c == '"', c == '\'', c == '?', c == '<', c == '>':
			return false
		}
	}
	return false
}
