package pdp

import (
	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/guards"
)

// trial is one observing policy with its guards as they would act if it
// enforced. They read a text once more, beside the guards that act: what
// observing costs is told before anything depends on it. Services are not
// asked twice: what they found for the guards that act, among which those of
// the policy observe, is what these guards act on, too.
type trial struct {
	policy, version string
	guards          [phases]*guards.Set
}

// newTrial compiles the guards of an observing policy; nil where it has none.
func newTrial(p *authz.Policy, lists guardLists, key guards.Key) (*trial, error) {
	t, some := &trial{policy: p.Name, version: p.Version}, false
	for ph, list := range lists {
		set, err := guards.New(guardSpecs(list, false), key)
		if err != nil {
			return nil, err
		}
		t.guards[ph], some = set, some || !set.Empty()
	}
	if !some {
		return nil, nil
	}
	return t, nil
}

// tryGuards notes what the guards of observing policies would do to a body, by
// what services told about it, too.
func (c *call) tryGuards(ph phase, b *decision.Body, told []heard) {
	for _, t := range c.bundle.trials {
		found, edits, tooMany := scan(t.guards[ph], b, nil, told)
		switch reason, blocked := guards.Block(found); {
		case tooMany != nil:
			c.tryRefused(t, *tooMany)
		case blocked:
			c.tryRefused(t, reason)
		case len(edits) > 0:
			c.tryChanged(t)
		}
	}
}

func (c *call) tryRefused(t *trial, reason decision.Reason) {
	reason.Rule = guardsRule
	c.observed = append(c.observed, authz.Observation{Policy: t.policy, Version: t.version, Reason: reason})
}

func (c *call) tryChanged(t *trial) {
	c.observed = append(c.observed, authz.Observation{
		Policy: t.policy, Version: t.version, Reason: decision.Reason{Rule: guardsRule}, Change: "text",
	})
}

// guardsRule stands for a rule where guards observe.
const guardsRule = "guards"

// triedStream is the stream of an answer as an observing policy would judge
// it. What it would do is told once.
type triedStream struct {
	*trial
	*guards.Stream
	changed, refused bool
}

func (c *call) triedStreams() []*triedStream {
	var out []*triedStream
	for _, t := range c.bundle.trials {
		if set := t.guards[responsePhase(c.req.Surface)]; !set.Empty() {
			out = append(out, &triedStream{trial: t, Stream: set.NewStream(nil, openai.LaneSegment)})
		}
	}
	return out
}

// tryDeltas notes what observing policies would do to the next of a stream.
func (c *call) tryDeltas(tried []*triedStream, deltas []decision.Delta) {
	for _, t := range tried {
		for _, d := range deltas {
			if t.refused {
				break
			}
			release, _, reason := t.Write(d)
			if reason != nil {
				t.refused = true
				c.tryRefused(t.trial, *reason)
			} else if len(release.Replace) > 0 && !t.changed {
				t.changed = true
				c.tryChanged(t.trial)
			}
		}
	}
}
