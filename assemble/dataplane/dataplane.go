// Package dataplane turns configuration into a running data plane: a sidecar
// in front of a decision.Decider, wherever that decides.
//
// It links nothing of the decision service, so that the sidecar's binary stays
// small; cmd/outrider-sidecar and cmd/outrider import it.
package dataplane

import (
	"fmt"
	"net/http"
	"time"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/sidecar"
	"outrider.dev/outrider/strictjson"
	"outrider.dev/outrider/telemetry"
)

// defaultTimeout bounds one question where the configuration says nothing.
const defaultTimeout = 2 * time.Second

// New opens the data plane's listeners. Calls are decided by d.
func New(cfg *configv1.Config, d decision.Decider, tel *telemetry.Telemetry, version string) (*sidecar.Sidecar, error) {
	body, err := BodyLimits(cfg)
	if err != nil {
		return nil, err
	}
	header, err := config.Size(cfg.GetLimits().GetHeaders())
	if err != nil {
		return nil, fmt.Errorf("limits.headers: %w", err)
	}
	timeout := defaultTimeout
	if t := cfg.GetDecision().GetTimeout(); t != nil {
		timeout = t.AsDuration()
	}
	return sidecar.New(sidecar.Config{
		Agent:            Agent(cfg.GetAgent()),
		Listen:           cfg.GetListen(),
		Decider:          d,
		Timeout:          timeout,
		Body:             body,
		Header:           int(header),
		Admin:            func(public bool) http.Handler { return Admin(tel, public) },
		Log:              tel.Log,
		CertificatesRead: tel.Metrics.CertificatesRead,
		Failed:           func() { tel.Metrics.PDPErrors.Inc() },
		Trace:            tel.HTTP,
		Version:          version,
	})
}

// Agent returns who the data plane speaks for.
func Agent(a *configv1.Agent) decision.Caller {
	return decision.Caller{
		Agent:          a.GetName(),
		Namespace:      a.GetNamespace(),
		ServiceAccount: a.GetServiceAccount(),
		Labels:         a.GetLabels(),
	}
}

// BodyLimits returns the bounds on what is read of a body.
func BodyLimits(cfg *configv1.Config) (strictjson.Limits, error) {
	size, err := config.Size(cfg.GetLimits().GetBody())
	if err != nil {
		return strictjson.Limits{}, fmt.Errorf("limits.body: %w", err)
	}
	return strictjson.Limits{Bytes: int(size), Depth: int(cfg.GetLimits().GetDepth())}, nil
}

// Admin serves health, readiness and metrics. Where strangers can ask, readiness
// tells no details.
func Admin(tel *telemetry.Telemetry, public bool) http.Handler {
	ready := tel.Health.Ready()
	if public {
		ready = tel.Health.Public()
	}
	mux := http.NewServeMux()
	mux.Handle("/healthz", tel.Health.Live())
	mux.Handle("/readyz", ready)
	mux.Handle("/metrics", tel.Handler())
	return mux
}
