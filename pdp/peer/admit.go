package peer

import (
	"maps"
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
)

// Admit says why the peer may not ask for the caller, nil where it may. What
// the caller leaves out and the identity proves is filled in. Of the entries
// that list the peer, one must admit all that the caller says.
func (l *List) Admit(who Identity, c *decision.Caller) *decision.Reason {
	why := "this peer is not listed: see pdp.peers"
	for i := range l.entries {
		e := &l.entries[i]
		if !e.has(i, who) {
			continue
		}
		admitted := *c
		if why = e.admit(who, &admitted); why == "" {
			*c = admitted
			return nil
		}
	}
	return Refused(why)
}

// Refused is a refusal of a peer.
func Refused(why string) *decision.Reason {
	return &decision.Reason{Code: decision.CodePeerRefused, Message: why}
}

// admit says why the entry does not admit the caller, and fills it in.
func (e *entry) admit(who Identity, c *decision.Caller) string {
	if why := e.admitAgent(who, c); why != "" {
		return why
	}
	if why := e.admitNamespace(who, c); why != "" {
		return why
	}
	return e.admitLabels(who, c)
}

func (e *entry) fromIdentity() bool { return slices.Contains(e.GetAgents(), FromIdentity) }

func (e *entry) admitAgent(who Identity, c *decision.Caller) string {
	_, account, workload := who.workload()
	if e.fromIdentity() {
		switch {
		case !workload:
			return "this peer's SPIFFE id names no agent: it must read spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT, or pdp.peers name its agents"
		case c.Agent != "" && c.Agent != account:
			return "this peer may not speak for the agent " + decision.Quoted(c.Agent) + ": its " + who.proof() + " names " + account
		}
		c.Agent = account
		return ""
	}
	agents := e.GetAgents()
	if c.Agent == "" && len(agents) == 1 && !strings.Contains(agents[0], "*") {
		c.Agent = agents[0]
	}
	if !slices.ContainsFunc(agents, func(pattern string) bool { return decision.Glob(pattern, c.Agent) }) {
		if c.Agent == "" {
			return "this peer names no agent, and pdp.peers lists several that it may speak for: name one, or list one without *"
		}
		return "this peer may not speak for the agent " + decision.Quoted(c.Agent) + ": see pdp.peers"
	}
	return ""
}

// admitNamespace holds namespace and service account to what the identity
// proves, unless the entry admits other namespaces.
func (e *entry) admitNamespace(who Identity, c *decision.Caller) string {
	namespace, account, workload := who.workload()
	claimed := c.Namespace != "" || c.ServiceAccount != ""
	if claimed && !e.fromIdentity() && slices.ContainsFunc(e.GetNamespaces(), func(pattern string) bool { return decision.Glob(pattern, c.Namespace) }) {
		return ""
	}
	if !workload {
		if claimed {
			return "nothing proves that the agent is in the namespace " + decision.Quoted(c.Namespace) + " with the service account " + decision.Quoted(c.ServiceAccount) +
				": leave both out, or list the namespaces of this peer in pdp.peers"
		}
		return ""
	}
	if c.Namespace != "" && c.Namespace != namespace || c.ServiceAccount != "" && c.ServiceAccount != account {
		return "the agent's namespace or service account is not the one that this peer's " + who.proof() + " names: leave both out, " +
			"or list the namespaces of this peer in pdp.peers"
	}
	c.Namespace, c.ServiceAccount = namespace, account
	return ""
}

// admitLabels holds the labels to those of the entry. A workload that shows a
// token was configured by the injector, which always tells the pod's labels:
// where they do not count they are left aside.
func (e *entry) admitLabels(who Identity, c *decision.Caller) string {
	own := e.GetLabels()
	if len(own) == 0 && !e.fromIdentity() {
		return ""
	}
	if who.kind == byToken {
		c.Labels = maps.Clone(own)
		return ""
	}
	for name, value := range c.Labels {
		if has, ok := own[name]; !ok || has != value {
			return "nothing proves the label " + decision.Quoted(name) + " of the agent: leave it out, or give it in the labels of this peer in pdp.peers"
		}
	}
	c.Labels = maps.Clone(own)
	return ""
}
