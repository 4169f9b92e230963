package llm

import (
	"net/http"
	"strconv"
	"time"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/openai"
)

// refuse answers with an error of our own.
func (x *exchange) refuse(err error) { x.deny(reasonOf(err)) }

// deny answers with a refusal, in the shape that the agent's SDK expects.
func (x *exchange) deny(reason decision.Reason) {
	h := x.w.Header()
	status := reason.Code.Status().HTTP
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="`+string(reason.Code)+`"`)
	}
	if reason.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((reason.RetryAfter+time.Second-1)/time.Second), 10))
	}
	h.Set("Content-Type", "application/json")
	x.w.WriteHeader(status)
	_, _ = x.w.Write(openai.ErrorBody(reason, x.ask.ExchangeID)) //nolint:gosec // G705: quoted JSON, sent as JSON
}
