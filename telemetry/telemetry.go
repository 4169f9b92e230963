package telemetry

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// closeTime bounds the export of the last spans.
const closeTime = 5 * time.Second

// Options says what a program reports as, and where.
type Options struct {
	Service string // service.name of the spans
	Version string
	OTLP    string     // base address of an OTLP/HTTP collector; empty: no span is made
	Log     io.Writer  // text for a terminal, JSON lines for anything else; nil: no log
	Level   slog.Level // the zero level is info
}

// Telemetry is what one program reports with.
type Telemetry struct {
	Log     *slog.Logger
	Metrics *Metrics
	Health  *Health

	registry *prometheus.Registry
	spans    *spans
}

// New builds the telemetry of one program. Close it when the program ends.
func New(opt Options) (*Telemetry, error) {
	log := newLog(opt.Log, opt.Level)
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	metrics := newMetrics(registry)
	spans, err := newSpans(opt, log, metrics.SpansLost)
	if err != nil {
		return nil, err
	}
	return &Telemetry{Log: log, Metrics: metrics, Health: &Health{}, registry: registry, spans: spans}, nil
}

// Handler serves the metrics in the formats that Prometheus reads.
func (t *Telemetry) Handler() http.Handler {
	const atOnce, longest = 4, 10 * time.Second
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{MaxRequestsInFlight: atOnce, Timeout: longest})
}

// Close sends the spans that are still waiting, for at most five seconds, even
// where ctx has ended: that is usually why the program ends.
func (t *Telemetry) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	if err := t.spans.close(ctx); err != nil {
		t.Log.Warn("the last spans are lost", "error", err)
	}
}
