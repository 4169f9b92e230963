package decisionservice

import (
	"log/slog"
	"time"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/pdp"
)

// Checked is what a check of policies that load has to say.
type Checked struct {
	Warnings      []string // what deserves a second look
	ArgumentRules []int    // how many rules read arguments of tools, by the policy's place
}

// Check compiles everything that a start would compile, without keys, files of
// state or listeners.
func Check(loaded *config.Loaded) (*Checked, error) {
	policies, err := Compile(loaded.Policies)
	if err != nil {
		return nil, err
	}
	if _, err := verifier(loaded.Policies, slog.New(slog.DiscardHandler), uncheckedIssuerKeys(), nil); err != nil {
		return nil, err
	}
	out, asked := &Checked{}, Silent(loaded.Policies)
	if loaded.Config == nil {
		out.Warnings = expected(loaded.Policies)
	} else if asked, err = services(loaded.Config.GetGuards(), unread); err != nil {
		return nil, err
	}
	out.Warnings = append(out.Warnings, config.OpenRoutes(loaded.Config.GetDecision())...)
	if err := pdp.CheckPolicies(policies, asked, time.Now); err != nil {
		return nil, err
	}
	for _, w := range policies.Warnings() {
		out.Warnings = append(out.Warnings, w.String())
	}
	for _, p := range policies.Policies() {
		all, _ := p.ArgumentRules()
		out.ArgumentRules = append(out.ArgumentRules, all)
	}
	return out, nil
}
