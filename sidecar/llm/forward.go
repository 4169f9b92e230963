package llm

import (
	"errors"
	"log/slog"
	"net/http"

	"outrider.dev/outrider/answer"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
)

// maxAttempts bounds how many targets one call may try.
const maxAttempts = 8

// forward sends the call to the granted target, and to the next ones while
// targets fail before their first content byte.
func (x *exchange) forward(v *decision.Verdict) {
	grant := &v.Grants[0]
	for {
		x.result.Attempts++
		x.result.Provider = grant.Target.Provider
		header, body, err := x.in.Forward(v, grant.Target.Model, x.Limits)
		if err != nil {
			x.refuse(err)
			return
		}
		resp, err := x.Sender.Send(x.ctx, grant, x.r.Method, header, body)
		if err == nil && !failed(resp.StatusCode) {
			if err = x.answer(resp); err == nil {
				return
			}
			resp = nil
		}
		next := x.next(grant, resp, err)
		if next != nil {
			if resp != nil {
				_ = resp.Body.Close()
			}
			grant = next
			continue
		}
		if err == nil {
			err = x.answer(resp)
		}
		if err != nil {
			x.refuse(err)
		}
		return
	}
}

// failed reports whether another provider may do better.
func failed(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

func (x *exchange) next(grant *decision.Grant, resp *http.Response, err error) *decision.Grant {
	if x.result.Attempts >= maxAttempts || x.ctx.Err() != nil {
		return nil
	}
	a := decision.Attempt{FailedProvider: grant.Target.Provider}
	if err != nil {
		a.Error = x.reasonOf(err).Message
	} else {
		a.Error = "status " + http.StatusText(resp.StatusCode)
	}
	x.Log.LogAttrs(x.ctx, slog.LevelWarn, "provider failed",
		slog.String("provider", a.FailedProvider), slog.String("error", a.Error), slog.String("decision", x.ask.ExchangeID))
	return x.gate.Attempt(x.ctx, a)
}

// answer lets the target's answer through as far as it is judged. An error is
// an answer that broke off before its first content byte: nothing was written,
// and another target may do better.
func (x *exchange) answer(resp *http.Response) error {
	defer func() { _ = resp.Body.Close() }()
	kind, stream, err := x.answers().Head(resp.StatusCode, resp.Header)
	switch {
	case err != nil:
		x.refuse(err)
		return nil
	case stream:
		return x.stream(resp)
	default:
		return x.whole(resp, kind)
	}
}

// begin writes the header of an answer that may pass.
func (x *exchange) begin(resp *http.Response) {
	h := x.w.Header()
	for name, values := range inbound.ResponseHeader(resp.Header) {
		h[name] = values
	}
	h.Set(decision.IDHeader, x.ask.ExchangeID) // whatever the provider calls its own
	x.w.WriteHeader(resp.StatusCode)
}

// reasonOf words an error as the reason of a refusal and notes an answer that
// was refused.
func (x *exchange) reasonOf(err error) decision.Reason {
	var denied *answer.Denial
	if errors.As(err, &denied) {
		// Nobody rules for an agent that went away in the meantime.
		if x.r.Context().Err() == nil || denied.Reason.Code != decision.CodePDPUnavailable {
			x.result.End = decision.EndDenied
		}
		return denied.Reason
	}
	var refusal *decision.Error
	if errors.As(err, &refusal) {
		return refusal.Reason()
	}
	return decision.Reason{Code: decision.CodeInternal, Message: "the call could not be completed"}
}
