// Package sidecar is the data plane: the listener that agents connect to, the
// listener for health and metrics, and their life from start to drain.
//
// Every path that it serves passes the gate; there is no other way through.
// It knows where it listens, who it speaks for and where the decision service
// is, and nothing of policies, routes or keys. The assembly constructs it.
package sidecar
