package mcp

import (
	"context"
	"errors"
	"log/slog"
	"strconv"

	"outrider.dev/outrider/answer"
	"outrider.dev/outrider/decision"
)

// refuse answers with an error that came up here.
func (x *exchange) refuse(err error) {
	if x.msg == nil { // of a message that could not be taken
		refusal := x.in.Refuse(err)
		refusal.Write(x.w)
		return
	}
	x.deny(x.reasonOf(err))
}

// deny answers with a refusal of the decision service, or one of ours.
func (x *exchange) deny(reason decision.Reason) {
	refusal := x.in.Deny(reason)
	refusal.Write(x.w)
}

// write writes a whole answer of one message.
func (x *exchange) write(status int, body []byte) {
	h := x.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body)
	if x.result.End == decision.EndCompleted {
		_ = x.conn.Flush() // the agent has its answer before the call is settled
	}
}

// reasonOf words an error as the reason of a refusal and notes how the call
// ended.
func (x *exchange) reasonOf(err error) decision.Reason {
	var denied *answer.Denial
	if errors.As(err, &denied) {
		x.result.End = decision.EndDenied
		return denied.Reason
	}
	var refusal *decision.Error
	switch {
	case errors.Is(x.ctx.Err(), context.DeadlineExceeded): // whatever broke because of it
		refusal = decision.Refuse(decision.CodeUpstreamTimeout, "the call took longer than "+x.Deadline.String())
	case errors.As(err, &refusal):
		if refusal.Code == decision.CodeEditConflict {
			x.result.End = decision.EndDenied
		}
	default:
		x.Log.LogAttrs(x.ctx, slog.LevelError, "a call failed for a reason without a code",
			slog.String("decision", x.ask.ExchangeID), slog.String("error", err.Error()))
		refusal = decision.Refuse(decision.CodeInternal, "the call could not be completed")
	}
	return refusal.Reason()
}
