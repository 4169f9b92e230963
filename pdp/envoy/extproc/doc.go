// Package extproc is the decision service's face for Envoy's external
// processing filter: it answers envoy.service.ext_proc.v3.ExternalProcessor.
//
// One gRPC stream accompanies one HTTP call of an agent. The request is
// collected, read with the reader of the data plane (dialect/inbound) and
// judged; what travels on is what the policy made of it, with the target's
// credential. The answer comes back over the same stream and is let through as
// far as it was judged (package answer): whole bodies in one piece, streams
// event by event. Where ext_authz stands before this filter, the exchange that
// it opened is taken over instead of opening another.
//
// The stream is read when there is something to be done with what it brings:
// while a question is out, Envoy waits, and nothing gathers here. A refusal is
// an answer in the agent's protocol, never an error of the stream, since what
// Envoy makes of those depends on its configuration. What Envoy's configuration
// does not show is not believed to be harmless: it is refused.
//
// pdp/server serves it on its gRPC listeners.
package extproc
