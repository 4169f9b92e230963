package authzen

import (
	"math"
	"strconv"
	"strings"

	"outrider.dev/outrider/decision"
)

// Decision answers one question. The zero Decision denies.
type Decision struct {
	Decision bool     `json:"decision"`
	Context  *Context `json:"context,omitempty"`
}

// Context says why not, and names the decision.
type Context struct {
	ID           string            `json:"id,omitempty"`
	Reason       decision.Code     `json:"reason,omitempty"`
	ReasonAdmin  map[string]string `json:"reason_admin,omitempty"` // by HTTP status, as in the examples of the specification
	ReasonUser   map[string]string `json:"reason_user,omitempty"`
	NeededScopes []string          `json:"needed_scopes,omitempty"`
	RetryAfter   int               `json:"retry_after,omitempty"` // seconds
	Error        *Failure          `json:"error,omitempty"`       // of an evaluation among several that could not be read
}

// Failure is why an evaluation was not made.
type Failure struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
}

// decided words the verdict on a question. Only of tools is it hidden that they
// exist.
func (q *question) decided(v *decision.Verdict) Decision {
	if m, _ := meaningOf(q.resource.kind, q.action.id); m.generic {
		v.Reason.Hidden = false
	}
	return decided(v)
}

// decided words a verdict. A verdict that lets a call pass only if something
// more is done denies here: the asker could not be held to it.
func decided(v *decision.Verdict) Decision {
	if v.Effect == decision.Allow && !v.Duty.JudgeResponse && len(v.Splices)+len(v.Headers) == 0 {
		return Decision{true, &Context{ID: v.ID}}
	}
	reason := v.Reason
	if v.Allowed() {
		reason = decision.Reason{Code: decision.CodeFaceCannotEnforce}
	}
	return denied(reason, v.ID, v.Policy)
}

// denied words a denial: for users as on the road, where a tool that the caller
// may not know of is unknown, and for operators with what decided.
func denied(reason decision.Reason, id, policy string) Decision {
	code, user := reason.Code, reason.Message
	if reason.Hidden {
		code, user, reason.NeededScopes = decision.CodeToolUnknown, "", nil
	}
	if user == "" {
		user = code.Status().Summary
	}
	status := strconv.Itoa(httpStatus(code))
	return Decision{Context: &Context{
		ID: id, Reason: code,
		ReasonAdmin:  map[string]string{status: admin(reason, policy)},
		ReasonUser:   map[string]string{status: user},
		NeededScopes: reason.NeededScopes,
		RetryAfter:   int(math.Ceil(reason.RetryAfter.Seconds())),
	}}
}

func admin(reason decision.Reason, policy string) string {
	words := []string{string(reason.Code)}
	if policy != "" {
		words = append(words, "policy "+policy)
	}
	if reason.Rule != "" {
		words = append(words, "rule "+reason.Rule)
	}
	if reason.Message != "" {
		words = append(words, reason.Message)
	}
	return strings.Join(words, ": ")
}

// httpStatus is that of the reason; of an unknown tool, which MCP answers in
// the body, that of what is not found.
func httpStatus(c decision.Code) int {
	if s := c.Status().HTTP; s >= 400 {
		return s
	}
	return 404
}
