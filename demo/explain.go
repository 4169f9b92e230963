package demo

import (
	"context"
	"time"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
)

// Records are written beside the calls, so they may come a moment later.
const (
	recordTimeout = time.Second
	recordPoll    = 5 * time.Millisecond
)

// explain looks the decision up as `outrider why` does: every line of the
// story must be there, with the reason that the agent was told.
func (p *player) explain(ctx context.Context, s *seen) {
	record, found := p.await(ctx, s)
	switch {
	case !found:
		s.fault("`outrider why` knows nothing of decision %s with reason %q", s.decision, s.code)
	case s.why != "": // the step itself has more to say
	case s.code == decision.CodeToolUnknown:
		// The agent is told no more; the record says why.
		s.why = "(" + firstOf(record.Rule, string(record.Code)) + ")"
	default:
		s.why = firstOf(record.Rule, record.Message)
	}
}

// await waits for the record that tells what was seen.
func (p *player) await(ctx context.Context, s *seen) (audit.Record, bool) {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	tick := time.NewTicker(recordPoll)
	defer tick.Stop()
	for {
		// An error says that there is nothing yet; the last one counts as well.
		records, _ := p.find(s.decision)
		for _, r := range records {
			if r.Phase != audit.PhaseOutcome && tells(r.Code, s.code) {
				return r, true
			}
		}
		select {
		case <-ctx.Done():
			return audit.Record{}, false
		case <-tick.C:
		}
	}
}

// tells reports whether a record with a reason explains what the agent was
// told. A hidden tool's reason is any that refuses.
func tells(recorded, told decision.Code) bool {
	if told == decision.CodeToolUnknown {
		return recorded != decision.CodeNone
	}
	return recorded == told
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
