package config

import (
	"fmt"
	"strings"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// checkConfig checks what takes more than one field, or more than a type.
func (d *document) checkConfig(c *configv1.Config) {
	d.checkAgentName("agent.name", c.GetAgent().GetName())
	d.checkListeners(c)
	d.checkDecision(c.GetDecision())
	for i, p := range c.GetPdp().GetPeers() {
		d.checkIdentity(fmt.Sprintf("pdp.peers[%d].spiffe", i), p.GetSpiffe())
	}
	for i, o := range c.GetPdp().GetOperators() {
		d.checkIdentity(fmt.Sprintf("pdp.operators[%d].spiffe", i), o.GetSpiffe())
	}
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

func (d *document) checkListeners(c *configv1.Config) {
	listeners := []struct{ path, address string }{
		{"listen.agent", c.GetListen().GetAgent()},
		{"listen.admin", c.GetListen().GetAdmin()},
		{"pdp.listen.http", c.GetPdp().GetListen().GetHttp()},
		{"pdp.listen.grpc", c.GetPdp().GetListen().GetGrpc()},
	}
	seen := map[string]string{}
	for _, l := range listeners {
		if l.address == "" {
			continue
		}
		if l.path == "pdp.listen.grpc" {
			d.checkGRPC(l.path, l.address, c.GetPdp().GetListen().GetTls())
		} else {
			d.checkLoopback(l.path, l.address)
		}
		if first, twice := seen[l.address]; twice && !strings.HasSuffix(l.address, ":0") {
			d.fail(l.path, fmt.Sprintf("%s: %s listens at %s already", l.path, first, quoted(l.address)), "give each its own port")
		}
		seen[l.address] = l.path
	}
}

// checkGRPC lets the decision service listen beyond loopback only where every
// peer must show a certificate: its grants carry credentials.
func (d *document) checkGRPC(path, address string, tls *configv1.TLS) {
	host, ok := d.checkAddress(path, address)
	if ok && !decision.LoopbackHost(host) && tls.GetClientCa() == "" {
		d.fail(path, fmt.Sprintf("%s: %s can be reached from other machines without a certificate", path, quoted(address)),
			"give pdp.listen.tls with cert, key and clientCA, or listen on loopback")
	}
}

func (d *document) checkIdentity(path, id string) {
	if id != "" && !strings.HasPrefix(id, "spiffe://") {
		d.fail(path, fmt.Sprintf("%s: %s is not a SPIFFE identity", path, quoted(id)), "write spiffe://trust-domain/path")
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
