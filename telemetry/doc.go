// Package telemetry builds what the parts of Outrider report with: a logger,
// the metrics, spans and the health checks. The others receive these things
// and build none; nothing here is global.
//
// The mains build one [Telemetry] each, the sidecar's too, so it must stay
// free of policy, token and Kubernetes packages. It sees every call pass but
// never a body: neither prompts nor tokens can reach a log, a label or a span
// from here, and every label has a closed set of values.
package telemetry
