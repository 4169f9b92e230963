package decisionservice

import (
	"log/slog"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/telemetry"
)

// recorder keeps records and counts them.
type recorder struct {
	log     *audit.Log
	events  *slog.Logger
	metrics *telemetry.Metrics
	seen    func(audit.Record)
}

// Add implements pdp.Recorder.
func (r recorder) Add(rec audit.Record) {
	r.log.Add(rec)
	r.count(&rec)
	r.tell(&rec)
	if r.seen != nil {
		r.seen(rec)
	}
}

func (r recorder) count(rec *audit.Record) {
	if rec.Phase == audit.PhaseRequest {
		r.metrics.Decided(string(rec.Surface), rec.Effect, string(rec.Code))
		if rec.Code == decision.CodeRateLimited {
			r.metrics.LimitRefusals.WithLabelValues(rec.Rule).Inc()
		}
	}
	for _, o := range rec.Observed {
		if o.Change != "" {
			r.metrics.Unchanged.WithLabelValues(o.Policy).Inc()
		} else {
			r.metrics.Observed.WithLabelValues(o.Policy, string(o.Code)).Inc()
		}
	}
	for _, f := range rec.Findings {
		r.metrics.GuardFindings.WithLabelValues(f.Type, string(f.Action)).Inc()
	}
}

// tell logs what observing policies would have done otherwise, so that nobody
// has to read the record to see whether one may be enforced.
func (r recorder) tell(rec *audit.Record) {
	for _, o := range rec.Observed {
		what, how, which := "an observing policy would have refused the call", "reason", string(o.Code)
		if o.Change != "" {
			what, how, which = "an observing policy would have changed the call", "change", o.Change
		}
		r.events.Info(what, "decision", rec.ID, "policy", o.Policy, how, which,
			"rule", o.Rule, "agent", rec.Agent, "surface", rec.Surface, "method", rec.Method, "tool", rec.Tool, "model", rec.Model, "effect", rec.Effect)
	}
}
