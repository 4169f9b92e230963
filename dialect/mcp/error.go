package mcp

import (
	"errors"

	"outrider.dev/outrider/decision"
)

// codeHeaderMismatch is the protocol's own JSON-RPC code for headers that say
// other than the body.
const codeHeaderMismatch = -32020

// Error is a message that cannot be taken. It unwraps to a [decision.Error].
type Error struct {
	ID      []byte // raw id of the message, nil if it could not be read
	Code    decision.Code
	Message string // what, where, what to do; never a value of the message

	mismatch bool // a header says other than the body
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the refusal in the vocabulary's own form.
func (e *Error) Unwrap() error { return decision.Refuse(e.Code, e.Message) }

// Reason returns the refusal as the reason of a denial.
func (e *Error) Reason() decision.Reason {
	return decision.Reason{Code: e.Code, Message: e.Message}
}

// Body returns the JSON-RPC error that answers the message.
func (e *Error) Body(decisionID string) []byte {
	code := e.Code.Status().JSONRPC
	if e.mismatch {
		code = codeHeaderMismatch
	}
	return errorBody(e.ID, code, e.Reason(), decisionID)
}

// invalid refuses a message. An error of the JSON reader keeps its own words
// and code.
func invalid(id []byte, err error) *Error {
	var refusal *decision.Error
	if errors.As(err, &refusal) {
		return &Error{ID: id, Code: refusal.Code, Message: refusal.Error()}
	}
	return &Error{ID: id, Code: decision.CodeBodyInvalid, Message: err.Error()}
}

func refuse(id []byte, message string) *Error {
	return &Error{ID: id, Code: decision.CodeBodyInvalid, Message: message}
}
