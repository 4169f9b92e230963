package dataplane

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/durationpb"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision/wire"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/telemetry"
)

// RunOptions is what the sidecar's command line says.
type RunOptions struct {
	Config   string // file; empty: defaults, with the host's name as the agent's
	Decision string // address of the decision service; empty: the file's
	Version  string
}

// Run runs a data plane in front of a decision service in another process,
// until ctx ends.
func Run(ctx context.Context, opt RunOptions) error {
	cfg, err := sidecarConfig(opt)
	if err != nil {
		return err
	}
	tel, err := telemetry.New(telemetry.Options{
		Service: "outrider-sidecar", Version: opt.Version, OTLP: cfg.GetTelemetry().GetOtlp(), Log: os.Stderr,
	})
	if err != nil {
		return err
	}
	defer tel.Close(ctx)
	conn, err := Dial(cfg.GetDecision(), tel.GRPCClient()...)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	tel.Health.Add("decision service", connected(conn))
	plane, err := New(cfg, wire.NewClient(conn), tel, opt.Version)
	if err != nil {
		return err
	}
	tel.Log.Info("the data plane listens", "agent", plane.Agent(), "admin", plane.Admin(), "decision", cfg.GetDecision().GetTarget())
	work, running := errgroup.WithContext(ctx)
	work.Go(func() error { return plane.Run(running) })
	return work.Wait()
}

func sidecarConfig(opt RunOptions) (*configv1.Config, error) {
	cfg, err := readSidecar(opt.Config)
	if err != nil {
		return nil, err
	}
	if opt.Decision != "" {
		if cfg.GetDecision() == nil {
			cfg.Decision = &configv1.Decision{Timeout: durationpb.New(defaultTimeout)}
		}
		cfg.Decision.Target = opt.Decision
	}
	if cfg.GetDecision().GetTarget() == "" {
		return nil, errors.New("no decision service is named: give --decision ADDR or decision.target")
	}
	if cfg.GetAgent().GetName() == "" {
		return nil, fmt.Errorf("%s: agent.name is missing: say who this data plane speaks for", opt.Config)
	}
	return cfg, nil
}

func readSidecar(file string) (*configv1.Config, error) {
	if file != "" {
		return config.LoadSidecar(file)
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("the agent's name: %w: give one in a file with -c", err)
	}
	loaded, err := config.Text("defaults", fmt.Sprintf("{apiVersion: outrider.dev/v1, kind: Config, agent: {name: %q}}", host))
	if err != nil {
		return nil, err
	}
	return loaded.Config, nil
}
