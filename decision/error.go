package decision

import (
	"errors"
	"time"
)

// ErrAway is the error of a [Decider] that found no decision service to answer
// anything at all, neither this question nor another one. It is the only error
// after which a call may pass without a verdict, where its route says so.
var ErrAway = errors.New("no decision service answers")

// Error is a refusal that carries its reason code. It knows its HTTP and gRPC
// status through [Code.Status].
type Error struct {
	Code       Code
	Message    string        // what, where, what to do; never a secret or judged content
	RetryAfter time.Duration // when to try again; 0: that is not known
	Err        error         // cause, may be nil
}

// Error implements error.
func (e *Error) Error() string {
	if e.Message != "" {
		return e.Message
	}
	return e.Code.Status().Summary
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Refuse returns an [Error] with the code and message.
func Refuse(c Code, message string) *Error { return &Error{Code: c, Message: message} }

// Reason returns the error as the reason of a denial.
func (e *Error) Reason() Reason {
	return Reason{Code: e.Code, Message: e.Error(), RetryAfter: e.RetryAfter}
}
