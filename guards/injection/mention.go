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

// lastWord splits off the last word, with its apostrophe.
func lastWord(text []byte) (word, rest []byte) {
	text = bytes.TrimRight(text, " \n")
	k := len(text)
	for k > 0 && (window.IsAlnum(text[k-1]) || text[k-1] == '\'') {
		k--
	}
	return text[k:], text[:k]
}
