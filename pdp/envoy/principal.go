package envoy

import (
	"strings"

	"outrider.dev/outrider/decision"
)

// agent is for whom Envoy asks: whom the route names, else the workload that
// showed Envoy its certificate. Whether this Envoy may speak for it, the list of
// peers says.
func (c *check) agent() decision.Caller {
	caller := c.route.Agent
	if caller.Agent != "" {
		return caller
	}
	namespace, account, ok := workload(c.attributes.GetSource().GetPrincipal())
	if ok {
		caller.Agent, caller.Namespace, caller.ServiceAccount = account, namespace, account
	}
	return caller
}

// workload reads the Kubernetes namespace and service account of a SPIFFE id,
// spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT.
func workload(id string) (namespace, account string, ok bool) {
	rest, ok := strings.CutPrefix(id, "spiffe://")
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 5 || parts[0] == "" || parts[1] != "ns" || parts[2] == "" || parts[3] != "sa" || parts[4] == "" {
		return "", "", false
	}
	return parts[2], parts[4], true
}
