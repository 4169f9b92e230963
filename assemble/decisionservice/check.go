package decisionservice

import (
	"log/slog"
	"time"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/pdp"
)

// Check compiles everything that a start would compile, without keys, files of
// state or listeners, and returns what deserves a second look.
func Check(loaded *config.Loaded) (warnings []string, err error) {
	policies, err := Compile(loaded.Policies)
	if err != nil {
		return nil, err
	}
	if _, err := verifier(loaded.Policies, slog.New(slog.DiscardHandler), unread, nil); err != nil {
		return nil, err
	}
	if err := pdp.CheckPolicies(policies, time.Now); err != nil {
		return nil, err
	}
	for _, w := range policies.Warnings() {
		warnings = append(warnings, w.String())
	}
	return warnings, nil
}
