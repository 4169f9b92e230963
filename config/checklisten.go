package config

import (
	"fmt"
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// checkListeners lets a listener stand beyond loopback only where whoever comes
// there must prove who they are, or learns nothing that concerns anybody.
func (d *document) checkListeners(c *configv1.Config) {
	listen := c.GetPdp().GetListen()
	listeners := []struct {
		path, address string
		check         func(path, address string)
	}{
		{"listen.agent", c.GetListen().GetAgent(), func(path, address string) {
			d.checkProven(path, address, c.GetListen().GetTls() != nil, "give listen.tls with cert and key, or listen on loopback, such as 127.0.0.1")
		}},
		{"listen.admin", c.GetListen().GetAdmin(), d.checkReadable},
		{"pdp.listen.http", listen.GetHttp(), func(path, address string) {
			proof := listen.GetTls().GetClientCa() != "" || hasKeys(c.GetPdp().GetPeers())
			d.checkProven(path, address, listen.GetTls() != nil && proof,
				"give pdp.listen.tls, and a clientCA there or pdp.peers with a key, or listen on loopback, such as 127.0.0.1")
		}},
		{"pdp.listen.grpc", listen.GetGrpc(), func(path, address string) {
			proof := listen.GetTls().GetClientCa() != "" || c.GetPdp().GetWorkloads() != nil
			d.checkProven(path, address, listen.GetTls() != nil && proof, "give pdp.listen.tls with cert, key and clientCA, or listen on loopback")
		}},
		{"pdp.listen.admin", listen.GetAdmin(), d.checkReadable},
	}
	seen := map[string]string{}
	for _, l := range listeners {
		if l.address == "" {
			continue
		}
		l.check(l.path, l.address)
		if first, twice := seen[l.address]; twice && !strings.HasSuffix(l.address, ":0") {
			d.fail(l.path, fmt.Sprintf("%s: %s listens at %s already", l.path, first, quoted(l.address)), "give each its own port")
		}
		seen[l.address] = l.path
	}
}

// checkProven refuses an address that others could reach without a proof.
func (d *document) checkProven(path, address string, proven bool, fix string) {
	if host, ok := d.checkAddress(path, address); ok && !proven && !decision.LoopbackHost(host) {
		d.fail(path, fmt.Sprintf("%s: %s can be reached from other machines without a proof of who asks", path, quoted(address)), fix)
	}
}

// checkReadable is for health and metrics, which others may read.
func (d *document) checkReadable(path, address string) { d.checkAddress(path, address) }

func hasKeys(peers []*configv1.Peer) bool {
	return slices.ContainsFunc(peers, func(p *configv1.Peer) bool { return p.GetKey() != nil })
}

// fromIdentity stands in a peer's agents for the one that its identity names.
const fromIdentity = "from-identity"

func (d *document) checkPeers(pdp *configv1.PDP) {
	for i, p := range pdp.GetPeers() {
		path := fmt.Sprintf("pdp.peers[%d]", i)
		d.checkIdentity(path+".spiffe", p.GetSpiffe())
		d.checkAccount(path+".serviceAccount", p.GetServiceAccount(), pdp.GetWorkloads() != nil)
		if !slices.Contains(p.GetAgents(), fromIdentity) {
			continue
		}
		switch {
		case len(p.GetAgents()) > 1:
			d.fail(path+".agents", path+".agents: from-identity stands with other agents", "list it alone, and the other agents for the same peer in an entry of its own")
		case p.Uid != nil || p.GetKey() != nil:
			d.fail(path+".agents", path+".agents: from-identity needs an identity that names an agent, and user ids and keys name none", "name the agents, or know the peer by spiffe or serviceAccount")
		case len(p.GetNamespaces()) > 0:
			d.fail(path+".namespaces", path+".namespaces: with from-identity the namespace is the one that the identity names", "remove namespaces")
		}
	}
	for i, o := range pdp.GetOperators() {
		d.checkIdentity(fmt.Sprintf("pdp.operators[%d].spiffe", i), o.GetSpiffe())
	}
}

func (d *document) checkIdentity(path, id string) {
	if id != "" && !strings.HasPrefix(id, "spiffe://") {
		d.fail(path, fmt.Sprintf("%s: %s is not a SPIFFE identity", path, quoted(id)), "write spiffe://trust-domain/path")
	}
}

// checkAccount checks how a peer is known by the token of its workload.
func (d *document) checkAccount(path, account string, workloads bool) {
	if account == "" {
		return
	}
	namespace, name, ok := strings.Cut(account, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		d.fail(path, fmt.Sprintf("%s: %s is not a service account", path, quoted(account)), "write NAMESPACE/NAME, such as prod/*")
		return
	}
	if !workloads {
		d.fail(path, path+": nobody's tokens are believed", "give pdp.workloads with the cluster's issuer and jwks")
	}
}

// checkWorkloads checks whose tokens are believed, and that they travel by TLS.
func (d *document) checkWorkloads(pdp *configv1.PDP) {
	w := pdp.GetWorkloads()
	if w == nil {
		return
	}
	const keys = "pdp.workloads.jwks"
	if at := w.GetJwks().GetUrl(); at != "" {
		d.checkURL(keys+".url", at)
	} else if w.GetJwks().GetCa() != "" || w.GetJwks().GetToken() != "" {
		d.fail(keys, keys+": ca and token are for a url", "remove them, or give the url in the place of the file")
	}
	if listen := pdp.GetListen(); listen.GetGrpc() == "" || listen.GetTls() == nil {
		d.fail("pdp.workloads", "pdp.workloads: no listener takes tokens", "give pdp.listen.grpc and pdp.listen.tls")
	}
}
