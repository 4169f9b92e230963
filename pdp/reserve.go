package pdp

import (
	"cmp"
	"math"

	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/limit"
)

// Estimates of tokens before a call: measured on English and code, four bytes
// make a token; an answer without a bound is taken to be a short one and is
// corrected when it is settled.
const (
	bytesPerToken = 4
	assumedOutput = 256
)

// holds are the reservations of one call, one of each policy with limits.
type holds []*limit.Reservation

func (h *holds) cancel() {
	for _, r := range *h {
		r.Cancel()
	}
	*h = nil
}

func (h *holds) settle(u decision.Usage) {
	for _, r := range *h {
		r.Settle(u)
	}
	*h = nil
}

// reserve takes the call's place in the limits, for the first target.
func (c *call) reserve() *decision.Reason {
	var first string
	if c.req.Surface == decision.LLM {
		first = c.targets[0].Name
	}
	return c.reserveFor(first)
}

func (c *call) reserveFor(provider string) *decision.Reason {
	tokens := c.estimate()
	for _, b := range c.bundle.limits {
		q := limit.Question{Provider: provider, Principal: c.principal, Tokens: tokens}
		if b.observe {
			q.Principal = c.tried
		}
		r, reason := c.take(&b, q)
		if reason == nil {
			c.held = append(c.held, r)
			continue
		}
		if b.observe {
			c.observed = append(c.observed, authz.Observation{Policy: b.policy, Version: b.version, Reason: *reason})
			continue
		}
		c.held.cancel()
		return reason
	}
	return nil
}

// take takes room in the limits of one policy, or only looks at them.
func (c *call) take(b *boundLimiter, q limit.Question) (*limit.Reservation, *decision.Reason) {
	if c.look == nil {
		return b.limiter.Reserve(q)
	}
	states, reason := b.limiter.Peek(q)
	for _, s := range states {
		s.Observe = b.observe
		c.look.limits = append(c.look.limits, s)
	}
	return nil, reason
}

// counting tells how full the limits are that count the call, after it.
func (c *call) counting() []decision.LimitState {
	var out []decision.LimitState
	for _, b := range c.bundle.limits {
		if b.observe {
			continue
		}
		var provider string
		if c.req.Surface == decision.LLM {
			provider = c.targets[0].Name
		}
		states, _ := b.limiter.Peek(limit.Question{Provider: provider, Principal: c.principal})
		out = append(out, states...)
	}
	return out
}

func (c *call) estimate() uint64 {
	if c.req.Surface != decision.LLM {
		return 0
	}
	in := uint64(len(c.req.Body.Raw)) / bytesPerToken
	out := cmp.Or(c.req.LLM.MaxTokens, assumedOutput)
	return in + min(out, math.MaxUint64-in) // a bound may be any number of 64 bits
}
