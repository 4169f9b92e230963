package pdp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/guards"
)

// heard is what a service found in one reading of a segment.
type heard struct {
	segment int
	service string
	reading guards.Reading
	found   []decision.Finding
}

// hearing is what services found in several bodies: of each, by segment.
type hearing [][]heard

// of returns what is about one body.
func (h hearing) of(body int) []heard {
	if h == nil {
		return nil
	}
	return h[body]
}

// question is what one service is to read.
type question struct {
	service string
	asked   hearing
	needed  bool // some of it must not pass unread
}

// consult asks the services that guards name about the texts of the bodies, of
// which some may be nil: each service once, one after another, and last those
// of which nothing depends. Rules says that some wait for findings. What this
// process's own guards block goes nowhere. A reason means that something is
// unread that must not pass so.
func (c *call) consult(ctx context.Context, set *guards.Set, bodies []*decision.Body, rules bool) (hearing, *decision.Reason) {
	services := set.Services()
	if len(services) == 0 {
		return nil, nil
	}
	bodies = unblocked(set, bodies)
	all := make(hearing, len(bodies))
	asking := ctx
	for _, q := range questions(set, services, bodies, rules) {
		if asking == ctx && !q.needed {
			var cancel context.CancelFunc
			asking, cancel = spare(ctx)
			defer cancel()
		}
		if err := c.hear(asking, &q); err != nil {
			if reason := c.missing(ctx, &q, err); reason != nil {
				return nil, reason
			}
			continue
		}
		for i := range q.asked {
			all[i] = append(all[i], q.asked[i]...)
		}
	}
	for _, told := range all {
		slices.SortStableFunc(told, func(a, b heard) int { return cmp.Compare(a.segment, b.segment) })
	}
	return all, nil
}

// questions puts together what each service is to read, what is needed first.
func questions(set *guards.Set, services []string, bodies []*decision.Body, rules bool) []question {
	var needed, idle []question
	for _, name := range services {
		q := question{service: name, asked: make(hearing, len(bodies))}
		for i, b := range bodies {
			var must bool
			q.asked[i], must = readings(set, name, b, rules)
			q.needed = q.needed || must
		}
		if q.needed {
			needed = append(needed, q)
		} else {
			idle = append(idle, q)
		}
	}
	return append(needed, idle...)
}

// unblocked leaves out the bodies that are blocked whatever services find.
func unblocked(set *guards.Set, bodies []*decision.Body) []*decision.Body {
	out := make([]*decision.Body, len(bodies))
	for i, b := range bodies {
		if b == nil {
			continue
		}
		found, _, tooMany := scan(set, b, nil, nil)
		if _, blocked := guards.Block(found); !blocked && tooMany == nil {
			out[i] = b
		}
	}
	return out
}

// readings returns what the service is to read of a body, and whether some of
// it must not pass unread.
func readings(set *guards.Set, service string, b *decision.Body, rules bool) (out []heard, needed bool) {
	if b == nil {
		return nil, false
	}
	for i, seg := range b.Segments {
		if !set.Asks(service, seg) {
			continue
		}
		before := len(out)
		for _, r := range guards.Readings(textOf(b, i)) {
			out = append(out, heard{segment: i, service: service, reading: r})
		}
		needed = needed || len(out) > before && set.Needs(service, seg, rules)
	}
	return out, needed
}

// errPatience ends questions of which nothing depends.
var errPatience = errors.New("no answer within half of the time that the call had left")

// spare bounds all questions together of which nothing depends, to half of the
// time that the asker still waits: they must not take from the call what the
// rest of the decision needs.
func spare(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, time.Until(end)/2, errPatience)
}

// hear has the service read, and notes what it found.
func (c *call) hear(ctx context.Context, q *question) error {
	var texts []string
	for _, list := range q.asked {
		for _, h := range list {
			texts = append(texts, h.reading.Text)
		}
	}
	switch {
	case len(texts) == 0:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	found, err := c.state.Services[q.service].Read(ctx, texts)
	if err != nil {
		return err
	}
	if !fit(found, texts) {
		return errors.New("it answers about other texts")
	}
	for _, list := range q.asked {
		for k := range list {
			list[k].found, found = found[0], found[1:]
		}
	}
	return nil
}

// fit reports whether findings are of the texts.
func fit(found [][]decision.Finding, texts []string) bool {
	if len(found) != len(texts) {
		return false
	}
	for i, text := range texts {
		if slices.ContainsFunc(found[i], func(f decision.Finding) bool { return f.Start > f.End || int(f.End) > len(text) }) {
			return false
		}
	}
	return true
}

// missing notes that a service did not read, and refuses where that must not
// be. What ends the call itself opens nothing.
func (c *call) missing(ctx context.Context, q *question, err error) *decision.Reason {
	service := c.state.Services[q.service]
	passed := !q.needed || service.Open && ctx.Err() == nil
	c.unread = append(c.unread, audit.Unread{Service: q.service, Passed: passed, Why: err.Error()})
	if passed {
		return nil
	}
	return because(decision.CodeGuardAway, fmt.Sprintf("%s %s could not read a text: try again, or ask the operator", service.kind(), q.service))
}

// readable refuses a stream that a service would have to read: its text goes
// out before it is whole.
func (c *call) readable() *decision.Reason {
	set := c.bundle.guards[llmResponse]
	for _, service := range set.Services() {
		for _, lane := range [...]string{"0", "0.tool.0", "error"} {
			if set.Needs(service, openai.LaneSegment(lane), c.answers) {
				return because(decision.CodeFaceCannotEnforce, fmt.Sprintf("%s %s reads answers, and cannot read them while they are streamed: ask without stream", c.state.Services[service].kind(), service))
			}
		}
		c.unread = append(c.unread, audit.Unread{Service: service, Passed: true, Why: "the answer is streamed"})
	}
	return nil
}

// takeUnread returns what no record tells yet.
func (c *call) takeUnread() []audit.Unread {
	out := c.unread
	c.unread = nil
	return out
}
