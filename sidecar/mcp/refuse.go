package mcp

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"outrider.dev/outrider/decision"
	message "outrider.dev/outrider/dialect/mcp"
)

// denial is a ruling of the decision service against an answer.
type denial struct{ reason decision.Reason }

func (d *denial) Error() string { return d.reason.Message }

// refuse answers with an error that came up here.
func (x *exchange) refuse(err error) {
	var bad *message.Error
	if x.msg == nil && errors.As(err, &bad) {
		x.writeRefusal(bad.Reason(), bad.Body(x.ask.ExchangeID))
		return
	}
	x.deny(x.reasonOf(err))
}

// deny answers with a refusal of the decision service, or one of ours.
func (x *exchange) deny(reason decision.Reason) {
	if unknownTool(reason) {
		reason = decision.Reason{Code: decision.CodeToolUnknown}
	}
	x.writeRefusal(reason, x.errorBody(reason))
}

// unknownTool reports whether the answer must not tell a hidden tool from one
// that does not exist.
func unknownTool(r decision.Reason) bool { return r.Hidden || r.Code == decision.CodeToolUnknown }

func (x *exchange) errorBody(reason decision.Reason) []byte {
	var id []byte
	if x.msg != nil {
		id = x.msg.ID
	}
	if unknownTool(reason) && x.msg != nil {
		return message.UnknownToolBody(id, x.msg.Tool, x.ask.ExchangeID)
	}
	return message.ErrorBody(id, reason, x.ask.ExchangeID)
}

func (x *exchange) writeRefusal(reason decision.Reason, body []byte) {
	h := x.w.Header()
	if c := reason.Challenge(); c != "" {
		h.Set("WWW-Authenticate", c)
	}
	if reason.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((reason.RetryAfter+time.Second-1)/time.Second), 10))
	}
	x.write(reason.Code.Status().HTTP, body)
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
	var denied *denial
	if errors.As(err, &denied) {
		x.result.End = decision.EndDenied
		return denied.reason
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
