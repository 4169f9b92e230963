package dataplane

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/durationpb"

	"outrider.dev/outrider/config"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/telemetry"
)

// RunOptions is what the sidecar's command line says.
type RunOptions struct {
	Config   string   // file; empty: defaults, with the host's name as the agent's
	Decision []string // addresses of decision services; empty: the file's
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
	services, err := Dial(cfg.GetDecision(), tel)
	if err != nil {
		return err
	}
	defer services.Close()
	tel.Health.Add("decision service", services.Ready)
	tel.Health.Note("decision services", services.Services)
	plane, err := New(cfg, services, tel, opt.Version)
	if err != nil {
		return err
	}
	tel.Log.Info("the data plane listens", "agent", plane.Agent(), "admin", plane.Admin(), "decision", cfg.GetDecision().GetTarget())
	asking, drained := context.WithCancel(context.WithoutCancel(ctx)) // open calls ask on while the plane drains
	work, running := errgroup.WithContext(ctx)
	work.Go(func() error { return services.Run(asking) })
	work.Go(func() error { defer drained(); return plane.Run(running) })
	return work.Wait()
}

func sidecarConfig(opt RunOptions) (*configv1.Config, error) {
	cfg, err := readSidecar(opt.Config)
	if err != nil {
		return nil, err
	}
	if len(opt.Decision) > 0 {
		if cfg.GetDecision() == nil {
			cfg.Decision = &configv1.Decision{Timeout: durationpb.New(defaultTimeout)}
		}
		cfg.Decision.Target = opt.Decision
	}
	if len(cfg.GetDecision().GetTarget()) == 0 {
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
