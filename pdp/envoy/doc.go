// Package envoy is the decision service's face for Envoy: it answers
// envoy.service.auth.v3.Authorization (ext_authz), and it holds what that face
// shares with envoy.service.ext_proc.v3.ExternalProcessor.
//
// It decides nothing: it reads what Envoy tells of a request with the reader of
// the data plane (dialect/inbound), asks the engine, and words the verdict as
// changes of headers or as a refusal in the agent's own protocol. What Envoy's
// configuration says of a route is believed ([Route]); what the request says is
// not. What this face cannot do, change bodies and see answers, it declares to
// the engine, which refuses what would need it.
//
// Where both faces stand in one filter chain, ext_authz opens the exchange and
// leaves it in [Exchanges]; ext_proc takes it from there by the id that travels
// as dynamic metadata, and ends it.
//
// pdp/server serves it on its gRPC listeners.
package envoy
