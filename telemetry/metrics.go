package telemetry

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"outrider.dev/outrider/decision"
)

// Phases of a call that are timed.
const (
	PhaseCall     = "call"     // from the request's header to the last byte of the answer
	PhaseDecision = "decision" // the question about the request
	PhaseUpstream = "upstream" // the provider or server, up to the header of its answer
)

// What becomes of a text that a service should have read and did not.
const (
	FailedClosed = "closed" // it is refused
	FailedOpen   = "open"   // it passes
)

// How one attempt to have a question answered ended.
const (
	AttemptAnswered = "answered"
	AttemptSilent   = "silent" // nothing came in time
	AttemptFailed   = "failed" // an error came, or no connection was there
)

// What became of the outcome of an exchange whose decision service was lost.
const (
	SettledAfterwards = "settled" // it was reported when the service came back
	SettledLate       = "late"    // the service had settled the call as cut off
	SettledNever      = "lost"
)

// other stands for every label value that is not foreseen. Without it, whoever
// chooses a value chooses how much memory the metrics take.
const other = "other"

// Metrics are the program's own metrics. Values of labels beyond the closed
// sets below count as "other".
type Metrics struct {
	Calls         *prometheus.CounterVec   // surface, effect, reason: decided requests
	CallSeconds   *prometheus.HistogramVec // surface, phase
	GuardFindings *prometheus.CounterVec   // type, action
	GuardFailures *prometheus.CounterVec   // service, mode: what services that guards ask did not read
	LimitRefusals *prometheus.CounterVec   // rule: the policy's own name of the limit
	Observed      *prometheus.CounterVec   // policy, reason: what an observing policy would have refused
	Unchanged     *prometheus.CounterVec   // policy: what an observing policy would have changed
	PDPErrors     prometheus.Counter       // questions that no decision service answered
	PDPAttempts   *prometheus.CounterVec   // outcome: questions to one decision service
	PDPRetries    prometheus.Counter       // questions that went to another decision service
	PDPEjections  prometheus.Counter       // decision services that were left alone for a while
	PDPSettled    *prometheus.CounterVec   // result: outcomes of lost exchanges
	FailModes     *prometheus.CounterVec   // mode: calls that nobody decided about
	SpansLost     prometheus.Counter
	Reloads       *prometheus.CounterVec // result: applied or refused
	Injections    *prometheus.CounterVec // result, reason: pods that the webhook saw
	EventsLost    prometheus.Counter     // of pods, which the API server did not take
	Certificates  *prometheus.CounterVec // result: the same, of certificates that changed
	PeersRefused  prometheus.Counter     // questions of peers that may not ask them
	Shed          *prometheus.CounterVec // why: questions that were refused because there are too many

	registry prometheus.Registerer
	decided  decided
}

func newMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{registry: r}
	m.Calls = counters("outrider_calls_total", "Calls that were decided, by what was decided and why.",
		surfaceLabel(), oneOf("effect", decision.Allow.String(), decision.Mutate.String(), decision.Deny.String()), reasonLabel())
	m.GuardFindings = counters("outrider_guard_findings_total", "What guards found, by what it led to.",
		label("type", findingType),
		oneOf("action", actions()...))
	m.GuardFailures = counters("outrider_guard_failures_total", "Calls and answers that a service which guards ask did not read, by what became of them.",
		label("service", shortName), oneOf("mode", FailedClosed, FailedOpen))
	m.LimitRefusals = counters("outrider_limit_refusals_total", "Calls that a limit refused.", label("rule", shortName))
	m.Observed = counters("outrider_observed_refusals_total", "What a policy in Observe would have refused, by policy and reason.",
		label("policy", shortName), reasonLabel())
	m.Unchanged = counters("outrider_observed_changes_total", "What a policy in Observe would have changed, by policy.", label("policy", shortName))
	m.PDPErrors = counter("outrider_pdp_errors_total", "Questions that no decision service answered.")
	m.PDPAttempts = counters("outrider_pdp_attempts_total", "Questions put to one decision service, by how that ended.",
		oneOf("outcome", AttemptAnswered, AttemptSilent, AttemptFailed))
	m.PDPRetries = counter("outrider_pdp_retries_total", "Questions that went to another decision service.")
	m.PDPEjections = counter("outrider_pdp_ejections_total", "Decision services that were left alone because they kept failing.")
	m.PDPSettled = counters("outrider_pdp_lost_exchanges_total", "Exchanges whose decision service was lost, and calls that passed without a decision, by what became of their outcome.",
		oneOf("result", SettledAfterwards, SettledLate, SettledNever))
	m.FailModes = counters("outrider_fail_mode_total", "Calls that no decision service decided about, by what became of them: closed ones were refused.",
		oneOf("mode", "closed", "lifeboat", "open"))
	m.Reloads = counters("outrider_reloads_total", "Changes of the configuration, by what came of them.", oneOf("result", "applied", "refused"))
	m.Injections = counters("outrider_injections_total", "Pods that the webhook saw, by what became of them and why.",
		oneOf("result", "injected", "unchanged", "skipped"), label("reason", injectionReason))
	m.EventsLost = counter("outrider_events_lost_total", "Events about pods that were not made.")
	m.Certificates = counters("outrider_certificate_reloads_total", "Changes of a listener's certificates, by what came of them.", oneOf("result", "applied", "refused"))
	m.PeersRefused = counter("outrider_peers_refused_total", "Questions of peers that did not prove who they are, or may not ask for the agent.")
	m.Shed = counters("outrider_shed_total", "Questions that were refused because there are too many: the line was full, or they would have come too late.", oneOf("why", "full", "late"))
	m.SpansLost = counter("outrider_spans_lost_total", "Spans that the collector did not take.")
	m.CallSeconds = prometheus.V2.NewHistogramVec(prometheus.HistogramVecOpts{
		HistogramOpts: prometheus.HistogramOpts{
			Name:    "outrider_call_seconds",
			Help:    "How long the phases of a call take.",
			Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .1, .25, 1, 2.5, 10, 30, 120},
		},
		VariableLabels: prometheus.ConstrainedLabels{surfaceLabel(), oneOf("phase", PhaseCall, PhaseDecision, PhaseUpstream)},
	})
	r.MustRegister(m.Calls, m.CallSeconds, m.GuardFindings, m.GuardFailures, m.LimitRefusals, m.Observed, m.Unchanged, m.PDPErrors, m.PDPAttempts, m.PDPRetries, m.PDPEjections, m.PDPSettled, m.FailModes,
		m.SpansLost, m.Reloads, m.Injections, m.EventsLost, m.Certificates, m.PeersRefused, m.Shed)
	return m
}

// decided remembers the counters of calls, which the library would look up by
// their labels with every call. It is a list, because there are few: a map would
// hash the three words of each call.
type decided struct {
	mu   sync.Mutex // held by whoever makes the next list
	list atomic.Pointer[[]counted]
}

// counted is the counter of one outcome.
type counted struct {
	surface, effect, reason string
	counter                 prometheus.Counter
}

// maxDecided bounds the list; the usual outcomes come early and stand in front.
const maxDecided = 128

// Decided counts a decided request.
func (m *Metrics) Decided(surface, effect, reason string) {
	if list := m.decided.list.Load(); list != nil {
		for i := range *list {
			if c := &(*list)[i]; c.surface == surface && c.effect == effect && c.reason == reason {
				c.counter.Inc()
				return
			}
		}
	}
	c := m.Calls.WithLabelValues(surface, effect, reason)
	c.Inc()
	m.decided.remember(counted{surface, effect, reason, c})
}

// remember adds a counter to the list. Two of the same do no harm.
func (d *decided) remember(c counted) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []counted
	if known := d.list.Load(); known != nil {
		list = *known
	}
	if len(list) >= maxDecided {
		return
	}
	next := append(slices.Clip(list), c)
	d.list.Store(&next)
}

// CertificatesRead counts a change of a listener's certificates.
func (m *Metrics) CertificatesRead(taken bool) {
	result := "refused"
	if taken {
		result = "applied"
	}
	m.Certificates.WithLabelValues(result).Inc()
}

func actions() []string {
	return []string{
		string(decision.ActionRedact), string(decision.ActionMask), string(decision.ActionHash),
		string(decision.ActionTokenize), string(decision.ActionBlock), string(decision.ActionObserve),
	}
}

// WatchAuditLost publishes how many records of decisions could not be kept, as
// outrider_audit_lost_total. The count is read with every scrape.
func (m *Metrics) WatchAuditLost(lost func() uint64) error {
	return m.registry.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "outrider_audit_lost_total",
		Help: "Records of decisions that could not be kept.",
	}, func() float64 { return float64(lost()) }))
}

// WatchWaiting publishes how many questions wait for their turn, as
// outrider_questions_waiting.
func (m *Metrics) WatchWaiting(waiting func() int) error {
	return m.registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "outrider_questions_waiting",
		Help: "Questions that wait for their turn.",
	}, func() float64 { return float64(waiting()) }))
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func counters(name, help string, labels ...prometheus.ConstrainedLabel) *prometheus.CounterVec {
	return prometheus.V2.NewCounterVec(prometheus.CounterVecOpts{
		CounterOpts:    prometheus.CounterOpts{Name: name, Help: help},
		VariableLabels: prometheus.ConstrainedLabels(labels),
	})
}

func label(name string, keep func(string) bool) prometheus.ConstrainedLabel {
	return prometheus.ConstrainedLabel{Name: name, Constraint: func(value string) string {
		if keep(value) {
			return value
		}
		return other
	}}
}

func oneOf(name string, values ...string) prometheus.ConstrainedLabel {
	return label(name, func(value string) bool { return slices.Contains(values, value) })
}

func surfaceLabel() prometheus.ConstrainedLabel {
	return oneOf("surface", string(decision.LLM), string(decision.MCP))
}

// reasonLabel knows every reason code, and the empty one of an allowed call.
func reasonLabel() prometheus.ConstrainedLabel {
	known := map[string]bool{string(decision.CodeNone): true}
	for _, row := range decision.Registry() {
		known[string(row.Code)] = true
	}
	return label("reason", func(value string) bool { return known[value] })
}

// findingType keeps what a guard may name a finding, such as pii.email. The
// names stand in the guards' code, in policies, or are a bounded number of a service's.
func findingType(s string) bool {
	const longest = 40
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '_' {
			return false
		}
	}
	return s != "" && len(s) <= longest
}

// injectionReason keeps the reasons of package inject, a closed set of words,
// and the empty one of a pod that was injected.
func injectionReason(s string) bool { return s == "" || findingType(s) }

// shortName keeps names that stand in policy, which only operators write.
func shortName(s string) bool {
	const longest = 200
	return s != "" && len(s) <= longest
}
