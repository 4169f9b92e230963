package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Bounds on spans that wait for the collector; beyond them spans are dropped,
// never calls held up.
const (
	spanQueue     = 2048
	spanBatch     = 512
	batchTime     = 2 * time.Second
	exportTimeout = 5 * time.Second
)

// spans makes one span a hop and carries the W3C trace context on. Baggage is
// not carried: it holds whatever the agent put there.
type spans struct {
	tracer  trace.Tracer
	context propagation.TraceContext
	export  *sdktrace.TracerProvider // nil: no span is made
}

func newSpans(opt Options, log *slog.Logger, lost prometheus.Counter) (*spans, error) {
	const scope = "outrider.dev/outrider"
	if opt.OTLP == "" {
		return &spans{tracer: noop.NewTracerProvider().Tracer(scope)}, nil
	}
	endpoint, err := tracesURL(opt.OTLP)
	if err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(context.Background(),
		otlptracehttp.WithEndpointURL(endpoint), otlptracehttp.WithTimeout(exportTimeout))
	if err != nil {
		return nil, fmt.Errorf("telemetry.otlp: %w", err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", opt.Service), attribute.String("service.version", opt.Version))),
		sdktrace.WithBatcher(&countingExporter{SpanExporter: exporter, log: log, lost: lost},
			sdktrace.WithMaxQueueSize(spanQueue), sdktrace.WithMaxExportBatchSize(spanBatch),
			sdktrace.WithBatchTimeout(batchTime), sdktrace.WithExportTimeout(exportTimeout)),
	)
	return &spans{tracer: provider.Tracer(scope), export: provider}, nil
}

// tracesURL adds the path that OTLP/HTTP gives to traces.
func tracesURL(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("telemetry.otlp is not the address of a collector: write http://127.0.0.1:4318")
	}
	return u.JoinPath("v1", "traces").String(), nil
}

func (s *spans) close(ctx context.Context) error {
	if s.export == nil {
		return nil
	}
	return s.export.Shutdown(ctx)
}

// countingExporter counts and logs what the collector does not take. Without
// it the SDK would tell a logger that is global.
type countingExporter struct {
	sdktrace.SpanExporter
	log  *slog.Logger
	lost prometheus.Counter
	away bool // told already; the batcher exports one batch at a time
}

// ExportSpans implements sdktrace.SpanExporter.
func (e *countingExporter) ExportSpans(ctx context.Context, batch []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, batch)
	if err != nil {
		e.lost.Add(float64(len(batch)))
		if !e.away {
			e.log.Warn("the collector of telemetry.otlp takes no spans; they are lost until it does", "error", err)
		}
	}
	e.away = err != nil
	return nil
}
