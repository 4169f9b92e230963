// Package freeport gives tests ports of loopback for processes that must be
// told their port before they listen. Tests alone import it.
//
// A port that was merely free a moment ago may be given to another test, or to
// a connection that goes out, before the process listens. So the ports are
// below those that systems take for connections, and each is claimed for as
// long as its test runs by a UDP socket of the same number, which no TCP
// listener is in the way of: no two tests of this machine hold one port.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The range stands above the ports of well-known services and below 32768,
// where Linux begins to take ports for connections (49152 elsewhere).
const (
	first = 20_000
	last  = 32_000
	tries = 100
)

// Claim returns a loopback address that nobody listens on, and what gives it
// back.
func Claim() (address string, release func(), err error) {
	var problems error
	for range tries {
		address := fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(last-first)) //nolint:gosec // nobody gains by guessing a port of a test
		claim, err := net.ListenPacket("udp", address)
		if err == nil {
			if err = listens(address); err == nil {
				return address, func() { _ = claim.Close() }, nil
			}
			_ = claim.Close()
		}
		problems = err
	}
	return "", nil, fmt.Errorf("no port of loopback is free: %w", problems)
}

// listens tells whether a process could listen there now.
func listens(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

// For returns a loopback address that nobody listens on, for as long as the
// test runs.
func For(tb testing.TB) string {
	tb.Helper()
	address, release, err := Claim()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(release)
	return address
}
