package mcp

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"outrider.dev/outrider/decision"
)

// maxShownName bounds the tool name that an answer repeats.
const maxShownName = 128

// ErrorBody returns the JSON-RPC error that answers a refused message; a nil
// id becomes null. The code is the reason's. For a tool that must stay unknown
// use [UnknownToolBody].
func ErrorBody(id []byte, reason decision.Reason, decisionID string) []byte {
	return errorBody(id, reason.Code.Status().JSONRPC, reason, decisionID)
}

func errorBody(id []byte, code int, reason decision.Reason, decisionID string) []byte {
	message := reason.Message
	if message == "" {
		message = reason.Code.Status().Summary
	}
	out := openError(id, code, message, decisionID)
	out = append(out, `,"data":{"reason":`...)
	out = appendString(out, string(reason.Code))
	out = append(out, `,"decision":`...)
	out = appendString(out, decisionID)
	if reason.Rule != "" {
		out = append(out, `,"rule":`...)
		out = appendString(out, reason.Rule)
	}
	for i, scope := range reason.NeededScopes {
		if i == 0 {
			out = append(out, `,"needed_scopes":[`...)
		} else {
			out = append(out, ',')
		}
		out = appendString(out, scope)
	}
	if len(reason.NeededScopes) > 0 {
		out = append(out, ']')
	}
	return append(out, "}}}"...)
}

// UnknownToolBody answers a call to a tool that does not exist or that the
// caller may not know of: the two cannot be told apart.
func UnknownToolBody(id []byte, name, decisionID string) []byte {
	if len(name) > maxShownName {
		name = strings.ToValidUTF8(name[:maxShownName], "") + "…"
	}
	code := decision.CodeToolUnknown.Status()
	out := openError(id, code.JSONRPC, code.Summary+": "+name, decisionID)
	out = append(out, `,"data":{"decision":`...)
	out = appendString(out, decisionID)
	return append(out, "}}}"...)
}

// ResultBody returns the JSON-RPC answer with this result, which must be JSON.
func ResultBody(id, result []byte) []byte {
	out := openMessage(make([]byte, 0, len(id)+len(result)+40), id)
	out = append(out, `,"result":`...)
	out = append(out, result...)
	return append(out, '}')
}

// openError begins an error whose message ends with the decision id: clients
// show the message and hide the data.
func openError(id []byte, code int, message, decisionID string) []byte {
	out := openMessage(make([]byte, 0, 256), id)
	out = append(out, `,"error":{"code":`...)
	out = strconv.AppendInt(out, int64(code), 10)
	out = append(out, `,"message":`...)
	if decisionID != "" {
		message += " (decision " + decisionID + ")"
	}
	return appendString(out, message)
}

func openMessage(out, id []byte) []byte {
	out = append(out, `{"jsonrpc":"2.0","id":`...)
	if id == nil {
		return append(out, "null"...)
	}
	return append(out, id...)
}

// appendString appends s as a JSON string. Bytes that are not UTF-8 become
// replacement characters, which jsontext reports and does.
func appendString(out []byte, s string) []byte {
	quoted, _ := jsontext.AppendQuote(out, s)
	return quoted
}
