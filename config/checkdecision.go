package config

import (
	"fmt"
	"net"
	"strings"
	"time"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// checkDecision checks where a data plane asks.
func (d *document) checkDecision(s *configv1.Decision) {
	const longest = time.Minute
	if t := s.GetTimeout(); t.AsDuration() > longest {
		d.fail("decision.timeout", "decision.timeout is longer than 1m", "give at most 1m: the agent waits meanwhile")
	}
	const most = 32
	if len(s.GetTarget()) > most {
		d.fail("decision.target", fmt.Sprintf("decision.target names more than %d services", most), "name a few, or one dns:/// name with several addresses")
	}
	d.checkProof(s)
	seen := map[string]string{}
	for i, target := range s.GetTarget() {
		path := "decision.target"
		if at := fmt.Sprintf("%s[%d]", path, i); d.has(at) {
			path = at
		}
		if first, twice := seen[target]; twice {
			d.fail(path, fmt.Sprintf("%s: %s names the same service", path, first), "name each service once")
		}
		seen[target] = path
		d.checkTarget(path, target, s.GetTls() != nil || d.has("decision.tls"))
	}
	if s.GetFailMode() == modeOpen {
		d.fail("decision.failMode", "decision.failMode: Open names no place: without a decision a call has neither target nor credential",
			"give a route in decision.routes with failMode: Open and the url where its calls may go")
	}
	for i, r := range s.GetRoutes() {
		d.checkFailRoute(fmt.Sprintf("decision.routes[%d]", i), r)
	}
}

const modeOpen = "Open"

// checkFailRoute holds a route to what can be done without a decision: nobody
// but this file could say where a call goes, and no credential goes with it.
func (d *document) checkFailRoute(path string, r *configv1.FailRoute) {
	m, open := r.GetMatch(), r.GetFailMode() == modeOpen
	d.checkServerName(path+".match.server", m.GetServer())
	switch {
	case m.GetServer() != "" && m.GetSurface() == "LLM":
		d.fail(path+".match.server", path+".match.server: LLM calls go to no server", "remove it, or match the surface MCP")
	case len(m.GetModels()) > 0 && m.GetSurface() == "MCP":
		d.fail(path+".match.models", path+".match.models: MCP calls ask for no model", "remove it, or match the surface LLM")
	}
	switch {
	case open && r.GetUrl() == "":
		d.fail(path, path+" is Open and names no url: without a decision a call has neither target nor credential",
			"give the url where its calls may go without a credential, or failMode: Closed or Lifeboat")
	case open && m.GetSurface() == "MCP" && m.GetServer() == "":
		d.fail(path, path+" is Open for every MCP server: which one a tool belongs to takes a decision", "match one server, which its path /mcp/{server} names")
	case !open && r.GetUrl() != "":
		d.fail(path+".url", path+".url: only routes with failMode: Open have one", "remove it")
	case open && m.GetSurface() == "LLM":
		d.checkBaseURL(path+".url", r.GetUrl())
	case open:
		d.checkURL(path+".url", r.GetUrl())
	}
}

// OpenRoutes words a warning for every route whose calls pass unjudged while no
// decision service answers.
func OpenRoutes(s *configv1.Decision) []string {
	var out []string
	for i, r := range s.GetRoutes() {
		if r.GetFailMode() == modeOpen {
			out = append(out, fmt.Sprintf("decision.routes[%d] is Open: while no decision service answers, its %s calls pass without token, rules, guards, limits or a record",
				i, r.GetMatch().GetSurface()))
		}
	}
	return out
}

func (d *document) checkTarget(path, target string, tls bool) {
	if socket, ok := strings.CutPrefix(target, "unix:"); ok {
		if !strings.HasPrefix(socket, "///") || len(socket) == len("///") {
			d.fail(path, fmt.Sprintf("%s: %s names no absolute path", path, quoted(target)), "write unix:///path/to/socket")
		}
		return
	}
	address := strings.TrimPrefix(target, "dns:///")
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" || strings.ContainsAny(address, "/ ") {
		d.fail(path, fmt.Sprintf("%s: %s is not a target", path, quoted(target)), "write unix:///path, host:port or dns:///host:port")
		return
	}
	if !decision.LoopbackHost(host) && !tls {
		d.fail(path, fmt.Sprintf("%s: %s is another machine and decision.tls is absent", path, quoted(target)), "give decision.tls with cert, key and ca")
	}
}

// checkProof holds a data plane to one proof of who it is, beyond this machine.
func (d *document) checkProof(s *configv1.Decision) {
	if tls := s.GetTls(); tls != nil {
		switch {
		case (tls.GetCert() == "") != (tls.GetKey() == ""):
			d.fail("decision.tls", "decision.tls has one of cert and key", "give both, or neither and decision.token")
		case tls.GetCert() == "" && s.GetToken() == "":
			d.fail("decision.tls", "decision.tls proves nothing of this side: cert, key and decision.token are absent", "give cert and key, or a token")
		}
		return
	}
	if s.GetToken() != "" && !d.has("decision.tls") {
		d.fail("decision.token", "decision.token would travel in the clear", "give decision.tls with ca")
	}
}
