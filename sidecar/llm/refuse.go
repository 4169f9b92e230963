package llm

import (
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
	if c := reason.Challenge(); c != "" {
		h.Set("WWW-Authenticate", c)
	}
	if reason.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((reason.RetryAfter+time.Second-1)/time.Second), 10))
	}
	h.Set("Content-Type", "application/json")
	x.w.WriteHeader(reason.Code.Status().HTTP)
	_, _ = x.w.Write(openai.ErrorBody(reason, x.ask.ExchangeID)) //nolint:gosec // G705: quoted JSON, sent as JSON
}
