package injection

import (
	"bytes"

	"outrider.dev/outrider/guards/window"
)

// reach is how many bytes before an act its context is read from.
const reach = 64

// mentioned reports whether the act at i is only spoken of: quoted after a word
// that announces an example, or what somebody else can, may or must not do.
func mentioned(w *window.Window, i int) bool {
	var low [reach]byte
	before := low[:copy(low[:], w.Text[max(0, i-reach):i])]
	for k, c := range before {
		if c >= 'A' && c <= 'Z' {
			before[k] = c | 0x20
		}
	}
	text := bytes.TrimRight(before, "\"'`*_“”‘’«»„ \n(")
	if len(text) < len(before) && bytes.ContainsAny(before[len(text):], "\"'`“‘«„") {
		return announcesExample(text)
	}
	return reported(text)
}

// quoted reports whether the act at i stands in a quotation of its own within a
// sentence, which ends soon after it. A string in JSON is no quotation, and
// neither is a text that is quoted as a whole.
func quoted(w *window.Window, i, end int) bool {
	mark, at := quoteBefore(w.Text, i)
	for k := i; mark == 0 && k > max(0, i-maxLead) && (w.Text[k-1] == ' ' || window.IsAlnum(w.Text[k-1])); k-- {
		mark, at = quoteBefore(w.Text, k-1) // "do not …" begins with "do"
	}
	if mark == 0 {
		return false
	}
	before := bytes.TrimRight(w.Text[max(0, at-reach):at], " ")
	if len(before) == 0 {
		return toldOf(w, end)
	}
	if bytes.HasSuffix(before, []byte("\":")) || bytes.ContainsRune([]byte("{[\n"), rune(before[len(before)-1])) || len(before) == at && !hasWord(before) {
		return toldOf(w, end)
	}
	if w.Text[end-1] == mark { // an apostrophe is read as a part of a word
		return true
	}
	for k := end; k < end+maxTail; k++ {
		switch c := w.At(k); {
		case w.Short:
			return false
		case c == mark:
			return true
		case c == 0xE2 && w.At(k+1) == 0x80 && (w.At(k+2) == 0x9D || w.At(k+2) == 0x99), c == 0xC2 && w.At(k+1) == 0xBB: // ” ’ »
			return mark == 0x80
		}
	}
	return false
}

// A quotation may begin maxLead bytes before an act, and end maxTail after it.
const (
	maxLead = 12
	maxTail = 40
)

// quoteBefore returns the quotation mark before i, 0x80 for all beyond ASCII,
// and where it stands.
func quoteBefore(text []byte, i int) (mark byte, at int) {
	switch {
	case i > 0 && (text[i-1] == '"' || text[i-1] == '\'' || text[i-1] == '`'):
		return text[i-1], i - 1
	case i > 2 && text[i-3] == 0xE2 && text[i-2] == 0x80 && (text[i-1] == 0x9C || text[i-1] == 0x98 || text[i-1] == 0x9E): // “ ‘ „
		return 0x80, i - 3
	case i > 1 && text[i-2] == 0xC2 && text[i-1] == 0xAB: // «
		return 0x80, i - 2
	}
	return 0, 0
}

// toldOf reports whether right behind the quotation that goes on at end a verb
// tells of it.
func toldOf(w *window.Window, end int) bool {
	var behind [maxTail]byte
	for k := range behind {
		behind[k] = w.At(end + k)
	}
	rest := behind[:]
	k := bytes.IndexAny(rest, "\"'`\u201d\u2019\u00bb")
	if k < 0 || w.Short {
		return false
	}
	rest = bytes.TrimLeft(rest[k:], "\"'`\u201d\u2019\u00bb ")
	for _, verb := range [...]string{"has become ", "is ", "was ", "are ", "means ", "became "} {
		if bytes.HasPrefix(rest, []byte(verb)) {
			return true
		}
	}
	return false
}

func hasWord(text []byte) bool {
	for _, c := range text {
		if window.IsAlnum(c) {
			return true
		}
	}
	return false
}

// announcesExample reports whether one of the last words before a quotation
// says that it is an example.
func announcesExample(text []byte) bool {
	for _, word := range [...]string{
		"like", "such as", "phrase", "string", "words", "example", "e.g.", "called", "pattern", "contain", "saying", "says",
		"attack", "injection", "translate", "means", "text",
	} {
		if bytes.Contains(text, []byte(word)) {
			return true
		}
	}
	return false
}

// reported reports whether the last words before an act make it a report about
// a third party ("the model may …", "attempts to …") or forbid it ("do not …").
func reported(text []byte) bool {
	last, rest := lastWord(text)
	switch string(last) {
	case "not", "never", "don't", "cannot", "can't", "mustn't", "t": // t: after a typographic apostrophe
		return true
	case "students", "pupils", "children", "players", "people", "parser", "linter", "compiler": // whose verb it is
		return true
	case "model", "bot", "chatbot", "agent":
		return made(rest)
	case "to", "can", "may", "might", "could", "would", "will", "models", "attackers", "that", "by", "which":
	default:
		return false
	}
	for range 3 {
		last, rest = lastWord(rest)
		switch string(last) {
		case "you", "your", "must", "please", "need", "want", "assistant", "ai", "task", "job":
			return false
		}
	}
	return true
}

// made reports whether the words before a noun tell that something makes it act.
func made(text []byte) bool {
	for range 3 {
		var word []byte
		switch word, text = lastWord(text); string(word) {
		case "make", "makes", "made", "making":
			return true
		}
	}
	return false
}

// lastWord splits off the last word, with its apostrophe.
func lastWord(text []byte) (word, rest []byte) {
	text = bytes.TrimRight(text, " \n")
	k := len(text)
	for k > 0 && (window.IsAlnum(text[k-1]) || text[k-1] == '\'') {
		k--
	}
	return text[k:], text[:k]
}
