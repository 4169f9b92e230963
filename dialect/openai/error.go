package openai

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"outrider.dev/outrider/decision"
)

// ErrorBody returns the error object of a refusal. Its message ends with the
// decision id, since that is all that many clients show.
func ErrorBody(reason decision.Reason, id string) []byte {
	status := reason.Code.Status()
	message := reason.Message
	if message == "" {
		message = status.Summary
	}
	b := make([]byte, 0, 256)
	b = append(b, `{"error":{"message":`...)
	b = appendString(b, message+" (decision "+id+")")
	b = append(b, `,"type":`...)
	b = appendString(b, status.OpenAI)
	b = append(b, `,"code":`...)
	b = appendString(b, string(reason.Code))
	b = append(b, `,"param":null,"decision_id":`...)
	b = appendString(b, id)
	return append(b, "}}"...)
}

// ErrorEvent returns the refusal as an event, for a stream that has begun. It
// is the last event of its stream.
func ErrorEvent(reason decision.Reason, id string) []byte {
	b := append([]byte("data: "), ErrorBody(reason, id)...)
	return append(b, "\n\n"...)
}

func appendString(dst []byte, s string) []byte {
	out, err := jsontext.AppendQuote(dst, strings.ToValidUTF8(s, "\ufffd"))
	if err != nil { // not for valid UTF-8
		return append(dst, `""`...)
	}
	return out
}
