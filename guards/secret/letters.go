package secret

import (
	"bytes"
	"strings"
)

const (
	minLetters = 8  // letters of a password that no language would spell
	minGlued   = 15 // letters of one that is glued from words
	minAsEnv   = 12 // the same, where it is quoted or assigned as to a variable of the environment
	minDashed  = 16 // bytes of one of words with signs between them
)

// spelled reports whether a value without digits may be a password for what
// stands around it: letters that no language puts side by side, words that are
// glued together, or at least four words with the same sign between them.
// One word of a language is none, nor a name of code. asEnv says that it is
// quoted or assigned as to a variable of the environment.
func spelled(body []byte, asEnv bool) bool {
	if len(body) < minLetters || speaksOfIt(body) {
		return false
	}
	sign, parts, humps := byte(0), 1, 0
	for k, c := range body {
		switch {
		case c-'a' <= 'z'-'a':
		case c-'A' <= 'Z'-'A':
			if k > 0 && body[k-1]-'A' <= 'Z'-'A' {
				return false
			}
			humps++
		case (c == '-' || asEnv && (c == '.' || c == '_')) && (sign == 0 || sign == c) && k > 0 && body[k-1] != c:
			sign = c
			parts++
		default:
			return false
		}
	}
	switch {
	case sign != 0:
		return parts >= 4 && len(body) >= minDashed && humps <= parts
	case humps == 0 && unspeakable(body):
		return true
	case humps == 0:
		return len(body) >= minGlued && !inflected(body) || asEnv && len(body) >= minAsEnv && !inflected(body)
	}
	return asEnv && humps >= 2 && len(body) >= minAsEnv && len(body) >= 4*humps
}

// speaksOfIt reports whether a value is about passwords, or about what would
// stand in its place, as names, types and messages are.
func speaksOfIt(body []byte) bool {
	low := make([]byte, 0, maxWord) // on the stack
	for _, c := range body[:min(len(body), cap(low))] {
		if c-'A' <= 'Z'-'A' {
			c |= 0x20
		}
		low = append(low, c)
	}
	for _, word := range [...]string{
		"pass", "secret", "token", "cred", "auth", "crypt", "hashed", "login", "user", "admin", "value", "string", "field", "input", "param", "config", "default",
		"change", "vault", "manage", "valid", "secur", "contrase", "wachtwoord", "kennwort", "database", "custom", "sample", "example",
		"optional", "require", "hidden", "redact", "kubernetes", "provider", "reader", "service", "cluster", "server", "client", "account",
		"encod", "function", "handler", "generat", "random", "prompt", "schema",
	} {
		if bytes.Contains(low, []byte(word)) {
			return true
		}
	}
	for part := range bytes.FieldsFuncSeq(low, func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		switch string(part) {
		case "key", "name", "env", "test", "file", "data", "null", "hash", "html", "http", "json", "yaml", "app", "prod", "dev", "the", "enter", "here", "get", "set", "is", "not":
			return true
		}
	}
	return bytes.HasPrefix(low, []byte("my")) || bytes.HasPrefix(low, []byte("your"))
}

// unspeakable reports whether every fourth pair of small letters is one that
// words hardly ever have.
func unspeakable(body []byte) bool {
	n := 0
	for k := 1; k < len(body); k++ {
		if strings.IndexByte(follows[body[k-1]-'a'], body[k]) < 0 {
			n++
		}
	}
	return n >= 3 && 4*n >= len(body)-1
}

// follows holds, for each letter, those that stand behind it in words: all but
// the rarest pairs of what people write, counted over some 7,000 words.
var follows = [26]string{
	"bcdfgiklmnprstuvwxyz", "aceijlorstuy", "acehiklorstuy", "abdegilmnorsuvy", "abcdefghijlmnopqrstuvwxy", "aefilortuy", "aeghilmnorsuy", "aeimnorstuy",
	"abcdefgklmnoprstvxz", "aeou", "aeinsuy", "abcdefgiklmopstuvy", "abefimopsuy", "abcdefghijklmnoprstuvwy", "abcdefghiklmnoprstuvwxy", "acehiloprstuy", "u",
	"abcdefgiklmnoprstuvwy", "acefhiklmnopstuwy", "acdefhilmnoprstuwy", "abcdefgilmnoprst", "aeio", "aehilnors", "aceipt", "acdeilmnopst", "aei",
}

// inflected reports whether letters end as long words do.
func inflected(body []byte) bool {
	for _, end := range [...]string{
		"tion", "tions", "sion", "ment", "ments", "ing", "ings", "ed", "ly", "ity", "ness", "able", "ible", "ism", "ist", "ists", "ship", "ships", "ful", "less", "ous", "ive", "ives",
		"al", "als", "ic", "ics", "ance", "ence", "ances", "ences", "ant", "ants", "ent", "ents", "ary", "ies", "logy", "graphy", "ency", "ancy", "ung", "ungen", "keit", "heit",
		"lich", "mente", "ique", "iques", "aire", "idad", "idades", "zione", "zioni", "ize", "ise", "ates", "ate", "ater", "ator", "ators", "izer", "ization", "wards", "theless",
	} {
		if bytes.HasSuffix(body, []byte(end)) {
			return true
		}
	}
	return false
}
