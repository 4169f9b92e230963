// Package dataplane turns configuration into a running data plane: a sidecar
// in front of a decision.Decider, wherever that decides.
//
// It links nothing of the decision service, so that the sidecar's binary stays
// small; cmd/outrider-sidecar and cmd/outrider import it.
package dataplane

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/sidecar"
	"outrider.dev/outrider/sidecar/gate"
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
	for _, warning := range config.OpenRoutes(cfg.GetDecision()) {
		tel.Log.Warn(warning)
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
		Routes:           Routes(cfg.GetDecision()),
		FailMode: func(m gate.Mode) {
			tel.Metrics.FailModes.WithLabelValues(strings.ToLower(string(m))).Inc()
		},
		Trace:   tel.HTTP,
		Version: version,
	})
}

// Routes returns what becomes of calls that nobody decides about. What the
// loader would refuse of a target is refused again when something is sent.
func Routes(cfg *configv1.Decision) []gate.Route {
	var out []gate.Route
	for _, r := range cfg.GetRoutes() {
		m := r.GetMatch()
		one := gate.Route{
			Surface: decision.Surface(strings.ToLower(m.GetSurface())), Server: m.GetServer(), Models: m.GetModels(),
			Mode: gate.Mode(r.GetFailMode()),
		}
		if u, err := url.Parse(r.GetUrl()); err == nil && r.GetUrl() != "" {
			one.Target = decision.Target{Provider: cmp.Or(m.GetServer(), u.Host), Origin: u.Scheme + "://" + u.Host, Path: u.RequestURI()}
			if one.Surface == decision.LLM {
				one.Target.Path = strings.TrimSuffix(one.Target.Path, "/")
			}
		}
		out = append(out, one)
	}
	return append(out, gate.Route{Mode: gate.Mode(cfg.GetFailMode())})
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
	mux.Handle("GET /metrics", tel.Handler())
	return mux
}
