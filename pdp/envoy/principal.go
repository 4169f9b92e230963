package envoy

import (
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/spiffe"
)

// agent is for whom Envoy asks: whom the route names, else the workload that
// showed Envoy its certificate. Whether this Envoy may speak for it, the list of
// peers says.
func (c *check) agent() decision.Caller {
	caller := c.route.Agent
	if caller.Agent != "" {
		return caller
	}
	id, err := spiffe.Parse(c.attributes.GetSource().GetPrincipal())
	if namespace, account, ok := id.Workload(); err == nil && ok {
		caller.Agent, caller.Namespace, caller.ServiceAccount = account, namespace, account
	}
	return caller
}
