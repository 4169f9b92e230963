package demo

import (
	"context"
	"slices"
	"strings"
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
	records := p.await(ctx, s.decision, s.code)
	if len(records) == 0 {
		s.fault("`outrider why` knows nothing of decision %s with reason %q", s.decision, s.code)
		return
	}
	if s.why == "" { // else the step itself has more to say
		s.why = reasonOf(records, s)
	}
}

// await returns the records of a decision as soon as one of them tells of the code.
func (p *player) await(ctx context.Context, id string, code decision.Code) []audit.Record {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	tick := time.NewTicker(recordPoll)
	defer tick.Stop()
	for {
		records, _ := p.find(id) // an error says that there is nothing yet
		if slices.ContainsFunc(records, func(r audit.Record) bool { return tells(r, code) }) {
			return records
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// reasonOf says in a few words what decided: the findings of guards, else the
// rule, else what is wrong.
func reasonOf(records []audit.Record, s *seen) string {
	var findings []string
	for _, r := range records {
		for _, f := range r.Findings {
			if !slices.Contains(findings, f.Type) {
				findings = append(findings, f.Type)
			}
		}
	}
	if len(findings) > 0 && s.effect != refused {
		return strings.Join(findings, " ")
	}
	at := slices.IndexFunc(records, func(r audit.Record) bool { return tells(r, s.code) && r.Phase == audit.PhaseRequest })
	if at < 0 {
		return ""
	}
	// The place of a rule and the advice of a message are for `outrider why`.
	rule, _, _ := strings.Cut(records[at].Rule, " (")
	message, _, _ := strings.Cut(records[at].Message, ":")
	if s.code == decision.CodeToolUnknown { // the agent is told no more than that
		return "(" + firstOf(rule, string(records[at].Code)) + ")"
	}
	return firstOf(rule, message, "the guards found nothing")
}

// tells reports whether a record with a reason explains what the agent was
// told. A hidden tool's reason is any that refuses.
func tells(r audit.Record, told decision.Code) bool {
	if told == decision.CodeToolUnknown {
		return r.Code != decision.CodeNone
	}
	return r.Code == told && r.Phase != audit.PhaseOutcome
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
