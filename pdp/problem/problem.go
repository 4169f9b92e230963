package problem

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
)

// ContentType is that of every problem.
const ContentType = "application/problem+json"

// namespace makes reason codes into types of problems. A tag URI (RFC 4151)
// names and does not pretend to be an address.
const namespace = "tag:outrider.dev,2026:problem:"

// Problem is the body. Type, Title, Status and Detail are RFC 9457's; the
// others are named as in the errors of the road.
type Problem struct {
	Type     string        `json:"type"`
	Title    string        `json:"title"`
	Status   int           `json:"status"`
	Detail   string        `json:"detail,omitempty"`
	Reason   decision.Code `json:"reason"`
	Decision string        `json:"decision,omitempty"` // id of the decision, where one was asked for

	retryAfter time.Duration
	challenge  string
}

// Of returns the problem that a reason is. The id may be empty.
func Of(reason decision.Reason, id string) *Problem {
	s := reason.Code.Status()
	if s.HTTP < http.StatusBadRequest { // an unknown tool, which MCP answers in the body
		s.HTTP = http.StatusNotFound
	}
	return &Problem{
		Type: namespace + string(reason.Code), Title: s.Summary, Status: s.HTTP, Detail: reason.Message, Reason: reason.Code,
		Decision: id, retryAfter: reason.RetryAfter, challenge: reason.Challenge(),
	}
}

// Refuse returns the problem of a code, with words of its own.
func Refuse(code decision.Code, detail string) *Problem {
	return Of(decision.Reason{Code: code, Message: detail}, "")
}

// From returns the problem that an error is. Only the words of refusals are
// told; the causes of others stay here.
func From(err error) *Problem {
	var refusal *decision.Error
	if errors.As(err, &refusal) {
		return Of(refusal.Reason(), "")
	}
	s, _ := status.FromError(err)
	switch s.Code() {
	case codes.InvalidArgument:
		return Refuse(decision.CodeBodyInvalid, s.Message())
	case codes.PermissionDenied:
		return Refuse(decision.CodePeerRefused, s.Message())
	case codes.Unauthenticated:
		return Refuse(decision.CodeTokenMissing, s.Message())
	case codes.ResourceExhausted, codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return Refuse(decision.CodeOverloaded, "the decision service has no time for this question now: ask again")
	default:
		return Refuse(decision.CodeInternal, "the decision could not be completed")
	}
}

// Write answers with the problem.
func (p *Problem) Write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Del("Content-Length") // of an answer that was given up
	if p.Decision != "" {
		h.Set(decision.IDHeader, p.Decision)
	}
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	if after := p.wait(); after > 0 {
		h.Set("Retry-After", strconv.Itoa(after))
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // fails only where nobody listens any more
}

// wait is when to try again, in whole seconds; 0 where nobody knows.
func (p *Problem) wait() int {
	if p.retryAfter > 0 {
		return int(math.Ceil(p.retryAfter.Seconds()))
	}
	if p.Reason == decision.CodeOverloaded {
		return 1
	}
	return 0
}
