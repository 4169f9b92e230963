package decisionservice

import (
	"log/slog"
	"sync"
	"time"

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
	quiet   *quiet
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
	for _, u := range rec.Unread {
		r.metrics.GuardFailures.WithLabelValues(u.Service, mode(u)).Inc()
	}
	for _, f := range rec.Findings {
		r.metrics.GuardFindings.WithLabelValues(f.Type, string(f.Action)).Inc()
	}
}

// tell logs what observing policies would have done otherwise, so that nobody
// has to read the record to see whether one may be enforced.
func (r recorder) tell(rec *audit.Record) {
	for _, u := range rec.Unread {
		if r.quiet.pass(u.Service, rec.Time) {
			r.events.Warn("a service that guards ask did not read a call", "decision", rec.ID, "service", u.Service, "passed", u.Passed, "why", u.Why,
				"agent", rec.Agent, "surface", rec.Surface, "method", rec.Method)
		}
	}
	for _, o := range rec.Observed {
		what, how, which := "an observing policy would have refused the call", "reason", string(o.Code)
		if o.Change != "" {
			what, how, which = "an observing policy would have changed the call", "change", o.Change
		}
		r.events.Info(what, "decision", rec.ID, "policy", o.Policy, how, which,
			"rule", o.Rule, "agent", rec.Agent, "surface", rec.Surface, "method", rec.Method, "tool", rec.Tool, "model", rec.Model, "effect", rec.Effect)
	}
}

// mode is how metrics call what became of a text that no service read.
func mode(u audit.Unread) string {
	if u.Passed {
		return telemetry.FailedOpen
	}
	return telemetry.FailedClosed
}

// quietFor is how long a service that fails is not spoken of again.
const quietFor = 10 * time.Second

// quiet keeps a service that is away from filling the log. Its names are those
// of the configuration. It is safe for concurrent use.
type quiet struct {
	mu     sync.Mutex
	spoken map[string]time.Time
}

// pass reports whether it is time to speak of the service.
func (q *quiet) pass(service string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if last, ok := q.spoken[service]; ok && now.Sub(last) < quietFor {
		return false
	}
	if q.spoken == nil {
		q.spoken = map[string]time.Time{}
	}
	q.spoken[service] = now
	return true
}
