// Package inject puts the sidecar into pods: from an object that holds a pod
// it makes a JSON Patch and a report, and touches nothing else. The webhook
// (inject/webhook) and `outrider inject` (inject/manifest) share it, so that a
// manifest injected on a desk is what the cluster would have made of it.
//
// Objects are trees as a JSON decoder makes them, never types of Kubernetes:
// what this version has not heard of stays where it is. A patch only adds. What
// an agent's container sets itself is kept and told, since it may lead around
// the road; values that it holds are never told.
//
// It comes before every call: assemble/injector and cmd/outrider import it,
// no part of the road does.
package inject
