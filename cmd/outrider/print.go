package main

import (
	"fmt"
	"io"
	"sync"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/sidecar"
)

// callPrinter prints one line for each call, when it has ended.
type callPrinter struct {
	mu    sync.Mutex
	out   io.Writer
	color bool
}

func newCallPrinter(out io.Writer, color bool) *callPrinter {
	return &callPrinter{out: out, color: color}
}

func (p *callPrinter) opening(plane *sidecar.Sidecar, loaded *config.Loaded) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "LLM   %s/v1   MCP   %s/mcp   health, metrics   %s\n", plane.Agent(), plane.Agent(), plane.Admin())
	for _, provider := range loaded.Config.GetLlm().GetProviders() {
		fmt.Fprintf(p.out, "provider   %s\n", provider.GetName())
	}
	for i := range loaded.Policies {
		one := &loaded.Policies[i]
		fmt.Fprintf(p.out, "policy     %s (%s)\n", one.Doc.GetMetadata().GetName(), one.Version)
	}
}

// print prints denials when they are decided, and other calls with what they
// used when they have ended.
func (p *callPrinter) print(r audit.Record) {
	if r.Phase == audit.PhaseRequest && r.Effect != "deny" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	effect := fmt.Sprintf("%-6s", r.Effect)
	if p.color {
		effect = colors(r.Effect) + effect + "\x1b[0m"
	}
	fmt.Fprintf(p.out, "%s %s %-34s %-40s %s\n", r.Time.Format("15:04:05"), effect, what(&r), because(&r), r.ID)
}

func colors(effect string) string {
	switch effect {
	case "allow":
		return "\x1b[32m"
	case "mutate":
		return "\x1b[33m"
	default:
		return "\x1b[31m"
	}
}

// what names the call in a few words.
func what(r *audit.Record) string {
	switch {
	case r.Model != "":
		return r.Method + " " + r.Model
	case r.Tool != "":
		return r.Method + " " + r.Tool
	default:
		return r.Method
	}
}

// because says what decided, or what the call used.
func because(r *audit.Record) string {
	switch {
	case r.Phase == audit.PhaseOutcome && r.Usage.Input+r.Usage.Output > 0:
		mark := ""
		if r.Usage.Estimated {
			mark = "about "
		}
		return fmt.Sprintf("%s%d in, %d out tokens, %s", mark, r.Usage.Input, r.Usage.Output, r.End)
	case r.Phase == audit.PhaseOutcome:
		return string(r.End)
	case r.Rule != "":
		return string(r.Code) + " " + r.Rule
	default:
		return string(r.Code)
	}
}
