package main

import (
	"fmt"
	"strings"
	"sync"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/sidecar"
)

// maxOpen bounds the calls whose end is waited for. Beyond it they are
// forgotten, and their lines say less.
const maxOpen = 4096

// callPrinter prints one line for each call, when it has ended.
type callPrinter struct {
	*screen
	color bool

	mu   sync.Mutex
	open map[string]callLine // by decision id
}

func newCallPrinter(to *screen, color bool) *callPrinter {
	return &callPrinter{screen: to, color: color, open: map[string]callLine{}}
}

// opening says where everything is.
func (p *callPrinter) opening(plane *sidecar.Sidecar, loaded *config.Loaded) {
	row := func(name string, values ...string) {
		p.say(fmt.Sprintf("  %-10s %s\n", name, strings.Join(values, ", ")))
	}
	var providers, servers, policies []string
	for _, one := range loaded.Config.GetLlm().GetProviders() {
		providers = append(providers, one.GetName())
	}
	for _, one := range loaded.Config.GetMcp().GetServers() {
		servers = append(servers, one.GetName())
	}
	for i := range loaded.Policies {
		policies = append(policies, loaded.Policies[i].Doc.GetMetadata().GetName())
	}
	p.say("outrider run: one line for each call, when it has ended; ask about one with `outrider why ID`\n")
	row("LLM", plane.Agent()+"/v1", "to "+oneOf(providers, "no provider"))
	row("MCP", plane.Agent()+"/mcp", "to "+oneOf(servers, "no server"))
	row("health", plane.Admin()+"/readyz")
	row("policies", oneOf(policies, "none"))
	p.say("\n")
}

func oneOf(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return strings.Join(names, ", ")
}

// print prints a call that ends with this record, and remembers of the others
// what the line will say.
func (p *callPrinter) print(r audit.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := p.open[r.ID]
	line.add(&r)
	if !line.ended {
		if len(p.open) >= maxOpen {
			clear(p.open)
		}
		p.open[r.ID] = line
		return
	}
	delete(p.open, r.ID)
	effect := fmt.Sprintf("%-6s", line.effect)
	if p.color {
		effect = line.color() + effect + "\x1b[0m"
	}
	p.say(fmt.Sprintf("%s  %s  %s  %s  %s\n", r.Time.Local().Format("15:04:05"), effect,
		column(what(&r), 32), column(line.because(), 40), short(r.ID)))
}
