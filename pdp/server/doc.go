// Package server puts the decision service on the wire: gRPC on a unix socket
// and on TCP, REST, health, readiness and metrics beside it.
//
// It decides nothing: it finds out which peer asks, turns messages into the
// vocabulary of package decision, and hands them to the engine. Grants leave
// only to peers that are authenticated by the kernel (unix socket) or by
// mutual TLS, and only for the agents that the configuration lets them speak
// for. The assembly constructs it.
package server
