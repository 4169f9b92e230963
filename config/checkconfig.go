package config

import (
	"fmt"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// checkConfig checks what takes more than one field, or more than a type.
func (d *document) checkConfig(c *configv1.Config) {
	d.checkAgentName("agent.name", c.GetAgent().GetName())
	d.checkListeners(c)
	d.checkDecision(c.GetDecision())
	d.checkPeers(c.GetPdp())
	d.checkWorkloads(c.GetPdp())
	d.checkLLM(c.GetLlm())
	d.checkMCP(c.GetMcp())
	d.checkBounds(c.GetLimits())
	d.checkServices(c.GetGuards())
	if otlp := c.GetTelemetry().GetOtlp(); otlp != "" {
		d.checkBaseURL("telemetry.otlp", otlp)
	}
}

// checkSidecar refuses what only the decision service may know.
func (d *document) checkSidecar(c *configv1.Config) {
	const fix = "move it to the file that the decision service reads"
	owned := []string{"pdp", "llm", "policies", "mcp.names", "guards"}
	for i := range c.GetMcp().GetServers() {
		owned = append(owned, fmt.Sprintf("mcp.servers[%d].url", i), fmt.Sprintf("mcp.servers[%d].auth", i))
	}
	for _, path := range owned {
		if d.has(path) {
			d.fail(path, path+" belongs to the decision service", fix)
		}
	}
}

// checkBounds keeps the bounds where they protect: a body's offsets must fit
// into 32 bits, and depth is stack.
func (d *document) checkBounds(b *configv1.Bounds) {
	d.checkSize("limits.body", b.GetBody(), 1<<10, 1<<30, "1KiB to 1GiB")
	d.checkSize("limits.headers", b.GetHeaders(), 1<<10, 1<<20, "1KiB to 1MiB")
	const deepest = 1000
	if b.GetDepth() > deepest {
		d.fail("limits.depth", fmt.Sprintf("limits.depth: %d is too deep", b.GetDepth()), "give 1 to 1000")
	}
}

func (d *document) checkSize(path, written string, least, most int64, span string) {
	if n, err := Size(written); err == nil && (n < least || n > most) {
		d.fail(path, fmt.Sprintf("%s: %s is out of bounds", path, quoted(written)), "give "+span)
	}
}
