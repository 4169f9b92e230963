package inbound

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
)

// Refusal is the HTTP answer to a call that may not pass.
type Refusal struct {
	Code   decision.Code // as the agent is told
	Status int
	Header http.Header
	Body   []byte
}

// Refuse words an error of [Call.Accept], of [Call.Read] or of whoever goes on
// with the call.
func (c *Call) Refuse(err error) Refusal {
	var bad *mcp.Error
	var refusal *decision.Error
	switch {
	case c.Message == nil && errors.As(err, &bad): // it knows the id of a message that could not be taken
		return c.refusal(bad.Reason(), bad.Body(c.Ask.ExchangeID))
	case errors.As(err, &refusal):
		return c.Deny(refusal.Reason())
	default:
		return c.Deny(decision.Reason{Code: decision.CodeInternal, Message: "the call could not be completed"})
	}
}

// Deny words a denial, in the shape that clients of the surface expect. A tool
// that the caller may not know of is answered as one that does not exist.
func (c *Call) Deny(reason decision.Reason) Refusal {
	if hides(reason) {
		reason = decision.Reason{Code: decision.CodeToolUnknown}
	}
	return c.refusal(reason, c.ErrorBody(reason))
}

// ErrorBody is the body of a denial, which ends a stream too.
func (c *Call) ErrorBody(reason decision.Reason) []byte {
	if c.Ask.Surface == decision.LLM {
		return openai.ErrorBody(reason, c.Ask.ExchangeID)
	}
	var id []byte
	if c.Message != nil {
		id = c.Message.ID
		if hides(reason) {
			return mcp.UnknownToolBody(id, c.Message.Tool, c.Ask.ExchangeID)
		}
	}
	return mcp.ErrorBody(id, reason, c.Ask.ExchangeID)
}

// hides reports whether the answer must not tell a hidden tool from one that
// does not exist.
func hides(r decision.Reason) bool { return r.Hidden || r.Code == decision.CodeToolUnknown }

func (c *Call) refusal(reason decision.Reason, body []byte) Refusal {
	h := http.Header{"Content-Type": {"application/json"}}
	h.Set(decision.IDHeader, c.Ask.ExchangeID)
	if challenge := reason.Challenge(); challenge != "" {
		h.Set("Www-Authenticate", challenge)
	}
	if reason.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((reason.RetryAfter+time.Second-1)/time.Second), 10))
	}
	if reason.Code == decision.CodeMethodNotAllowed {
		h.Set("Allow", c.row.method)
	}
	return Refusal{Code: reason.Code, Status: reason.Code.Status().HTTP, Header: h, Body: body}
}

// Write sends the refusal. What else w has for headers stays.
func (r *Refusal) Write(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range r.Header {
		h[name] = values
	}
	h.Set("Content-Length", strconv.Itoa(len(r.Body)))
	w.WriteHeader(r.Status)
	_, _ = w.Write(r.Body)
}
