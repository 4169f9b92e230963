package pdp

import (
	"context"
	"encoding/json"
	"sync"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/guards"
)

// exchange is one open call. Its state lives until the outcome is settled.
type exchange struct {
	mu      sync.Mutex
	call    *call
	target  int // index of the target that was granted last
	stream  *guards.Stream
	tried   []*triedStream
	answer  answer
	settled bool
}

func newExchange(c *call) *exchange { return &exchange{call: c, answer: c.newAnswer()} }

// Attempt implements decision.Exchange. The next target must pass the limits
// too; one that does not is passed over. What it answers is judged anew; where
// there is none, the answer of the one that failed may still come.
func (x *exchange) Attempt(_ context.Context, a decision.Attempt) (*decision.Grant, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	c := x.call
	if x.settled || c.req.Surface != decision.LLM || a.FailedProvider != c.targets[x.target].Name {
		return nil, nil
	}
	for next := x.target + 1; next < len(c.targets); next++ {
		c.held.cancel()
		if c.reserveFor(c.targets[next].Name) != nil {
			continue
		}
		g, err := c.grantFor(&c.targets[next])
		if err != nil {
			continue
		}
		x.target, x.stream, x.answer.asked = next, nil, false
		return &g, nil
	}
	return nil, nil
}

// Judge implements decision.Exchange.
func (x *exchange) Judge(ctx context.Context, p decision.Part) (*decision.Ruling, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.settled {
		return &decision.Ruling{Reason: *because(decision.CodeInternal, "the exchange has ended")}, nil
	}
	switch {
	case p.Whole != nil:
		return x.judgeWhole(ctx, p.Whole), nil
	case p.Tools != nil:
		return x.call.visible(ctx, p.Tools, len(x.call.observed)), nil
	default:
		return x.judgeDeltas(p.Deltas), nil
	}
}

func (x *exchange) set() *guards.Set {
	return x.call.bundle.guards[responsePhase(x.call.req.Surface)]
}

func (x *exchange) judgeWhole(ctx context.Context, b *decision.Body) *decision.Ruling {
	r := &decision.Ruling{Effect: decision.Allow}
	told, reason := x.call.consult(ctx, x.set(), []*decision.Body{b}, x.answer.judged)
	if reason != nil {
		return x.denied(r, *reason)
	}
	found, edits, reason := scan(x.set(), b, nil, told.of(0))
	if r.Findings = found; reason != nil {
		return x.denied(r, *reason)
	}
	x.call.tryGuards(responsePhase(x.call.req.Surface), b, told.of(0))
	if reason, blocked := guards.Block(r.Findings); blocked {
		return x.denied(r, reason)
	}
	if reason := x.judgeAnswer(r.Findings, b.Segments, nil); reason != nil {
		return x.denied(r, *reason)
	}
	splices, err := x.changes(b, edits)
	if err != nil {
		return x.denied(r, *reasonOf(err))
	}
	if r.Splices = splices; len(splices) > 0 {
		r.Effect = decision.Mutate
	}
	x.call.recordRuling(r, &x.answer)
	return r
}

func (x *exchange) changes(b *decision.Body, edits []decision.Edit) ([]decision.Splice, error) {
	splices, err := renderBody(b, x.restored(b, edits))
	if err != nil || x.call.req.Method != openai.OperationModels || b.Dialect != openai.Models {
		return splices, err
	}
	kept, err := x.call.keepModels(b.Raw)
	if err != nil {
		return nil, err
	}
	return dialect.UniteSplices(splices, kept)
}

// restored adds what brings the values back that were tokenized, wherever no
// guard of the answer has taken the placeholder away. Names of members stay:
// they are no text that could be changed.
func (x *exchange) restored(b *decision.Body, edits []decision.Edit) []decision.Edit {
	redactions := edits
	if x.call.vault.Empty() {
		return edits
	}
	for i, s := range b.Segments {
		if len(b.Raw) == 0 || !dialect.IsName(b.Raw, s) {
			edits = x.call.vault.Restore(textOf(b, i), uint32(i), redactions, edits)
		}
	}
	return edits
}

func (x *exchange) judgeDeltas(deltas []decision.Delta) *decision.Ruling {
	r := &decision.Ruling{Effect: decision.Allow}
	if x.stream == nil {
		if !x.call.req.LLM.Stream { // and yet it comes as one
			if reason := x.call.readable(); reason != nil {
				return x.denied(r, *reason)
			}
		}
		x.stream = x.set().NewStream(x.call.vault, openai.LaneSegment)
		x.stream.Hold(x.answer.judged)
		x.tried = x.call.triedStreams()
	}
	x.call.tryDeltas(x.tried, deltas)
	for _, d := range deltas {
		release, found, reason := x.stream.Write(d)
		r.Findings = append(r.Findings, found...)
		if reason != nil {
			return x.denied(r, *reason)
		}
		r.Releases = append(r.Releases, release)
		if len(release.Replace) > 0 {
			r.Effect = decision.Mutate
		}
	}
	if reason := x.judgeAnswer(r.Findings, nil, x.stream.Proven()); reason != nil {
		return x.denied(r, *reason)
	}
	x.call.recordRuling(r, &x.answer)
	return r
}

func (x *exchange) denied(r *decision.Ruling, reason decision.Reason) *decision.Ruling {
	r.Effect, r.Reason = decision.Deny, reason
	r.Splices, r.Releases = nil, nil
	x.call.recordRuling(r, &x.answer)
	return r
}

// Settle implements decision.Exchange. The first outcome counts.
func (x *exchange) Settle(_ context.Context, o decision.Outcome) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.settled {
		return nil
	}
	x.settled = true
	switch {
	case o.End == decision.EndFailed && o.Usage == (decision.Usage{}):
		x.call.held.settle(decision.Usage{}) // nothing was used
	case o.Usage == (decision.Usage{}):
		x.call.held.settle(decision.Usage{Input: x.call.estimate(), Estimated: true})
	default:
		x.call.held.settle(o.Usage)
	}
	x.call.engine.forget(x)
	x.call.recordOutcome(&o)
	return nil
}

// jsonString returns s as a JSON string.
func jsonString(s string) []byte {
	out, _ := json.Marshal(s) // a string always marshals
	return out
}
