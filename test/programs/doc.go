// Package programs asks a running decision service as programs do, over real
// sockets: REST, AuthZEN with the shapes of its certification, gRPC with its
// reflection and health, the examples of the pages and the Go client. It has no
// code of its own and nobody imports it.
package programs
