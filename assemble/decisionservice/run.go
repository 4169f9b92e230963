package decisionservice

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/telemetry"
)

// garbage is how much a decision service lets gather, in percent of what it
// keeps. It keeps a few MiB and answers from new memory, so that the runtime's own
// 100 would collect every few hundred questions: measured, a fifth of the
// processor that a question by ext_authz takes.
const garbage = 400

// CollectSeldom lets so much gather in a process that decides, unless GOGC of
// the environment says otherwise.
func CollectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
}

// Run runs the decision service of a configuration file by itself, until ctx
// ends. GOGC and GOMEMLIMIT of the environment hold.
func Run(ctx context.Context, file, version string) error {
	CollectSeldom()
	loaded, err := config.Load(file)
	if err != nil {
		return err
	}
	if loaded.Config.GetPdp() == nil {
		return fmt.Errorf("%s: pdp is missing: say where the decision service listens, as in pdp: {listen: {socket: /run/outrider/pdp.sock}}", file)
	}
	tel, err := telemetry.New(telemetry.Options{
		Service: "outrider-pdp", Version: version, OTLP: loaded.Config.GetTelemetry().GetOtlp(), Log: os.Stderr,
	})
	if err != nil {
		return err
	}
	defer tel.Close(ctx)
	s, err := New(loaded, Options{Telemetry: tel, File: file})
	if err != nil {
		return err
	}
	tel.Log.Info("the decision service listens", "addresses", s.Addresses(), "policies", len(loaded.Policies))
	return s.Run(ctx)
}
