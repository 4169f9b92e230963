// Package envoy drives the files of deploy/envoy with the real Envoy: an agent
// calls it, it asks the decision service, and what the stand-ins behind it
// received is the proof. It has no code of its own and nobody imports it.
package envoy
