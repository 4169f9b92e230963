package demo

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/demo/standin"
)

// effect is what became of a step.
type effect string

// The effects.
const (
	obtained effect = "obtained" // a token
	allowed  effect = "allowed"
	redacted effect = "redacted" // passed, changed
	blocked  effect = "blocked"  // by a guard
	refused  effect = "refused"
)

// scene is a group of steps under one heading.
type scene struct {
	title string
	steps []step
}

// step is one row of the story.
type step struct {
	what string
	do   func(context.Context, *player) (*seen, error)
	want want
}

// anyReach is for steps where the number of calls that reach the far side is
// not the point.
const anyReach = -1

// want is what must come of a step.
type want struct {
	effect  effect
	status  int
	code    decision.Code
	reached int // calls that reached the LLM provider or an MCP server
}

// pass is a call that goes through.
func pass() want { return want{effect: allowed, status: 200, reached: 1} }

// refuse is a call that never reaches the far side.
func refuse(code decision.Code) want {
	return want{effect: effectOf(code), status: code.Status().HTTP, code: code}
}

// seen is what came of a step, on both ends.
type seen struct {
	effect   effect
	status   int
	code     decision.Code
	why      string // the rule, for people; of a call by its record
	decision string
	notes    []string // shown below the row
	faults   []string // what is otherwise than it must be, beyond want
	received []arrival
}

// arrival is a request at the far side, and the key that must have come with it.
type arrival struct {
	standin.Received
	at  string
	key string
}

func effectOf(code decision.Code) effect {
	switch code {
	case decision.CodeNone:
		return allowed
	case decision.CodePII, decision.CodeInjection, decision.CodeSecret:
		return blocked
	default:
		return refused
	}
}

// see turns an answer into what was seen of it.
func see(a *answer) *seen {
	s := &seen{effect: effectOf(a.code), status: a.status, code: a.code, decision: a.decision}
	if s.decision == "" {
		s.fault("the answer has no %s header", decision.IDHeader)
	}
	if a.code != decision.CodeNone && a.told != a.decision {
		s.fault("the error carries the decision %q, the header %q", a.told, a.decision)
	}
	return s
}

func (s *seen) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

func (s *seen) fault(format string, args ...any) {
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

// compare says what came out otherwise than wanted; nothing if all is well.
func (s *seen) compare(w want) []string {
	out := slices.Clone(s.faults)
	if s.effect != w.effect {
		out = append(out, fmt.Sprintf("expected %s, got %s", w.effect, s.effect))
	}
	if s.status != w.status {
		out = append(out, fmt.Sprintf("expected HTTP %d, got %d", w.status, s.status))
	}
	if s.code != w.code {
		out = append(out, fmt.Sprintf("expected reason %q, got %q", w.code, s.code))
	}
	if n := len(s.received); w.reached != anyReach && n != w.reached {
		out = append(out, fmt.Sprintf("expected %d calls to reach the far side, %d did", w.reached, n))
	}
	return out
}

// checkFarSide looks at everything that arrived: each stand-in's own key must
// be there, the trace too, and no credential of the agent's.
func (s *seen) checkFarSide(agentSecrets []string) {
	for _, r := range s.received {
		if r.Header.Get("Authorization") != "Bearer "+r.key {
			s.fault("%s did not receive its own key", r.at)
		}
		if !bytes.Contains([]byte(r.Header.Get("Traceparent")), []byte(traceID)) {
			s.fault("%s did not receive the trace of the call", r.at)
		}
		for _, secret := range agentSecrets {
			if r.carries(secret) {
				s.fault("%s received a credential of the agent", r.at)
			}
		}
	}
}

// carries reports whether the text stands anywhere in the request.
func (r arrival) carries(text string) bool {
	for _, values := range r.Header {
		for _, v := range values {
			if bytes.Contains([]byte(v), []byte(text)) {
				return true
			}
		}
	}
	return bytes.Contains(r.Body, []byte(text)) || bytes.Contains([]byte(r.Path), []byte(text))
}
