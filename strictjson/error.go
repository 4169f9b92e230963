package strictjson

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"outrider.dev/outrider/decision"
)

// Problem says in words what is wrong with a body. It never quotes the body.
type Problem string

// Problems that Parse and RefuseFolded find. A dialect adds its own by
// [Value.Refuse].
const (
	TooLarge      Problem = "the body is larger than the limit"
	TooDeep       Problem = "arrays and objects are nested too deeply"
	TooMany       Problem = "the body holds too many values"
	Empty         Problem = "the body is empty"
	ByteOrderMark Problem = "the body begins with a byte order mark; send plain UTF-8"
	Batch         Problem = "the body is an array; batches are not accepted, send one object"
	NotObject     Problem = "the body is not an object"
	Trailing      Problem = "something follows the end of the object"
	Truncated     Problem = "the body ends too early"
	Duplicate     Problem = "a member name stands twice in one object"
	Folded        Problem = "two member names of one object differ only in case"
	InvalidUTF8   Problem = "a string is not valid UTF-8"
	BadEscape     Problem = "a string holds an invalid escape or a lone surrogate"
	Syntax        Problem = "the body is not valid JSON"
)

// Error is a refused body: what is wrong and at which byte. It unwraps to a
// [decision.Error].
type Error struct {
	Problem Problem
	Offset  int    // of the byte at which the problem shows
	Pointer string // RFC 6901, shortened for people; empty for the root
}

// Error implements error.
func (e *Error) Error() string {
	at := " (at byte " + strconv.Itoa(e.Offset)
	if e.Pointer != "" {
		at += ", " + e.Pointer
	}
	return string(e.Problem) + at + ")"
}

// Code returns the reason code of the refusal.
func (e *Error) Code() decision.Code {
	switch e.Problem {
	case TooLarge, TooDeep, TooMany:
		return decision.CodeBodyTooLarge
	default:
		return decision.CodeBodyInvalid
	}
}

// Reason returns the refusal as the reason of a denial.
func (e *Error) Reason() decision.Reason {
	return decision.Reason{Code: e.Code(), Message: e.Error()}
}

// Unwrap returns the refusal in the vocabulary's own form.
func (e *Error) Unwrap() error { return decision.Refuse(e.Code(), e.Error()) }

// grammarError turns an error of jsontext into ours. The text of the original
// may quote the body and is dropped.
func grammarError(raw []byte, err error) *Error {
	out := &Error{Problem: Syntax, Offset: len(raw)}
	var syn *jsontext.SyntacticError
	if errors.As(err, &syn) {
		out.Offset = int(syn.ByteOffset)
		out.Pointer = showPointer(string(syn.JSONPointer))
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		out.Problem = Truncated
	case errors.Is(err, jsontext.ErrDuplicateName):
		out.Problem = Duplicate
	case out.Offset < len(raw) && raw[out.Offset] == '\\':
		out.Problem = BadEscape
	case out.Offset < len(raw) && !validRune(raw[out.Offset:]):
		out.Problem = InvalidUTF8
	}
	return out
}

func validRune(b []byte) bool {
	r, n := utf8.DecodeRune(b)
	return r != utf8.RuneError || n > 1
}

const (
	shownPointer = 160 // bytes of a pointer in a message
	shownName    = 64  // bytes of one of its names
)

// showPointer makes a pointer fit for a message: a name that could be content
// (long, or with other characters than identifiers have) shows as a star.
func showPointer(p string) string {
	if p == "" {
		return ""
	}
	var b strings.Builder
	for token := range strings.SplitSeq(p[1:], "/") {
		if b.Len() > shownPointer {
			b.WriteString("/…")
			break
		}
		b.WriteByte('/')
		if plainName(token) {
			b.WriteString(token)
		} else {
			b.WriteByte('*')
		}
	}
	return b.String()
}

func plainName(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '_', c == '-', c == '.', c == '$', c == '~':
		default:
			return false
		}
	}
	return len(s) <= shownName
}
