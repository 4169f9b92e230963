package freeport

import (
	"net"
	"sync"
	"testing"
)

// TestNoPortIsGivenTwice: while a test runs its ports are nobody else's, and
// each may be listened on.
func TestNoPortIsGivenTwice(t *testing.T) {
	const tests, ports = 8, 100
	given := make([][]string, tests)
	var wg sync.WaitGroup
	for i := range given {
		wg.Go(func() {
			for range ports {
				given[i] = append(given[i], For(t))
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, some := range given {
		for _, address := range some {
			if seen[address] {
				t.Errorf("%s was given twice", address)
			}
			seen[address] = true
		}
	}
	for address := range seen {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
	}
}

// TestReleasedPortsAreFree: what was given back can be claimed again.
func TestReleasedPortsAreFree(t *testing.T) {
	address, release, err := Claim()
	if err != nil {
		t.Fatal(err)
	}
	release()
	claim, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = claim.Close()
}
