package decisionservice

import (
	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/telemetry"
)

// recorder keeps records and counts them.
type recorder struct {
	log     *audit.Log
	metrics *telemetry.Metrics
	seen    func(audit.Record)
}

// Add implements pdp.Recorder.
func (r recorder) Add(rec audit.Record) {
	r.log.Add(rec)
	r.count(&rec)
	if r.seen != nil {
		r.seen(rec)
	}
}

func (r recorder) count(rec *audit.Record) {
	if rec.Phase == audit.PhaseRequest {
		r.metrics.Calls.WithLabelValues(string(rec.Surface), rec.Effect, string(rec.Code)).Inc()
		if rec.Code == decision.CodeRateLimited {
			r.metrics.LimitRefusals.WithLabelValues(rec.Rule).Inc()
		}
	}
	for _, f := range rec.Findings {
		r.metrics.GuardFindings.WithLabelValues(f.Type, string(f.Action)).Inc()
	}
}
