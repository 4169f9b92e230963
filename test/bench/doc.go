// Package bench measures the road: the CPU that a call costs beside a bare
// reverse proxy on the same work, and the pieces that it is made of.
//
// It holds benchmarks only, which `make bench` runs; nothing imports it. The
// README of the folder says how the figures come about and how to read them.
package bench
